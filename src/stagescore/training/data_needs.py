"""Whether training dives have what a run needs of them, told before clips are decoded."""

from collections.abc import Callable, Mapping, Sequence

from stagescore.data.decoded_clip import Joints
from stagescore.errors import ConfigError
from stagescore.models.needs import Input, Needs
from stagescore.types import Dive

_HAS: Mapping[Input, Callable[[Dive], bool]] = {
    "video": lambda dive: dive.frames_path is not None,
    "skeleton": lambda dive: dive.poses_path is not None,
    # No data set that can be imported has boxes or masks.
    "boxes": lambda dive: False,
    "masks": lambda dive: False,
    "marks": lambda dive: bool(dive.marks),
    "transitions": lambda dive: dive.stages() is not None,
    "difficulty": lambda dive: dive.difficulty is not None,
    "number": lambda dive: dive.dive_number is not None,
}
_NAMES: Mapping[Input, str] = {
    "video": "a film",
    "skeleton": "joints",
    "boxes": "boxes around the diver",
    "masks": "masks of the diver",
    "marks": "judges' marks",
    "transitions": "usable stage transitions",
    "difficulty": "a degree of difficulty",
    "number": "a dive number",
}
_TODO: Mapping[Input, str] = {
    "video": "import the labels with --frames",
    "skeleton": "make joints with `stagescore annotate` or `data prepare`",
    "difficulty": "label it, or train on scores (data.target=score)",
}


def check_needs(needs: Needs, dives: Sequence[Dive], *, joints: Joints = "estimated") -> None:
    """Refuse dives that lack what a run needs.

    Args:
        needs: What the run needs.
        dives: Training dives.
        joints: Kind of joints that the run reads; exact ones lie beside the dives and are looked for when clips are
            made.

    Raises:
        ConfigError: A dive lacks what every dive must have, or all dives lack what some must have.
    """
    for wanted in sorted(needs.training):
        lacking = [dive for dive in dives if not _HAS[wanted](dive)]
        if lacking and not (wanted == "skeleton" and joints == "exact"):
            raise ConfigError(
                f"{len(lacking)} of {len(dives)} training dives lack {_NAMES[wanted]}, which the run needs of each",
                where=lacking[0].dive_id,
                todo=_todo(wanted),
            )
    for wanted in sorted(needs.some_training):
        if not any(map(_HAS[wanted], dives)):
            raise ConfigError(
                f"no training dive has {_NAMES[wanted]}, which the model learns from",
                where="training dives",
                todo=_todo(wanted),
            )


def _todo(wanted: Input) -> str:
    return _TODO.get(wanted, f"give dives with {_NAMES[wanted]}, or choose a model that does without")
