import pytest

from stagescore.pose.networks import PoseNetworks
from stagescore.scoring.scorer import Scorer


@pytest.fixture(scope="package")
def nano() -> Scorer:
    """What ships, with pose networks."""
    scorer = Scorer.load("nano")
    assert isinstance(scorer.networks, PoseNetworks)
    return scorer
