"""From settings to a CoRe."""

from stagescore.models.build_encoders import build_dynamic
from stagescore.models.core.model import CoRe
from stagescore.models.core.settings import CoReSettings
from stagescore.models.encoders import Encoders
from stagescore.regression.regression_tree import RegressionTree


def build_core(settings: CoReSettings) -> CoRe:
    """A CoRe with random weights."""
    dynamic = build_dynamic(settings.dynamic, how="clips")
    tree = RegressionTree(in_width=2 * dynamic.width + 1, width=settings.width, depth=settings.depth)
    return CoRe(encoders=Encoders(dynamic=dynamic), tree=tree, theta=settings.theta)
