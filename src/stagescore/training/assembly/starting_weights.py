"""The weights that a run starts from: published ones, or ours from a file, a checkpoint or another run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from stagescore.encoders.backbones import ImageBackbone
from stagescore.encoders.i3d import I3D
from stagescore.errors import CheckpointError, ConfigError
from stagescore.inference.familiarity import FAMILIARITY
from stagescore.models.base import ActionModel
from stagescore.training.checkpoints import newest_checkpoint, read_file
from stagescore.training.settings import ImportSettings
from stagescore.weights.imagenet import load_imagenet, published_at
from stagescore.weights.kinetics import PUBLISHED as KINETICS
from stagescore.weights.kinetics import load_kinetics, read_kinetics
from stagescore.weights.named import named_weights


def load_start(model: ActionModel, settings: ImportSettings) -> None:
    """Put published or earlier weights into a new model.

    Args:
        model: Model to load into.
        settings: Files that weights are taken from.

    Raises:
        CheckpointError: A file is missing, or fits no part of the model.
        ConfigError: The model has no part that such weights fit.
    """
    if settings.dynamic is not None:
        load_published(model, "dynamic", settings.dynamic)
    if settings.static is not None:
        load_published(model, "static", settings.static)
    if settings.model is not None:
        load_matching(model, starting_files(settings.model))
    for branch, name in (("static", settings.static_branch), ("fused", settings.fused_branch)):
        if name is not None:
            load_branch(model, named_weights(name, "scorer", runs=True), branch)


def starting_files(names: str) -> list[Path]:
    """Files and folders of runs, by path or name, separated by commas.

    Raises:
        CheckpointError: One is not there, or holds weights of another kind.
    """
    return [named_weights(name.strip(), "scorer", runs=True) for name in names.split(",")]


_NETWORKS = {"dynamic": "model.dynamic.trunk", "static": "model.static.backbone"}
"""The setting that chooses the network of a branch."""


def load_published(model: ActionModel, branch: str, name: str) -> None:
    """Kinetics weights for I3D, ImageNet weights for an image network.

    Args:
        model: Model to load into.
        branch: Branch of the encoders that the weights are for.
        name: Path of the file, its name in one of the places for weights, or the name of an imported image network.

    Raises:
        CheckpointError: The file is missing, damaged, or of another network.
        ConfigError: The model has no network there that published weights fit.
    """
    part = model.pretrained_parts.get(branch)
    if isinstance(part, I3D):
        load_kinetics(part, read_kinetics(named_weights(name, "video", published=KINETICS)))
    elif isinstance(part, ImageBackbone):
        load_imagenet(part, named_weights(name, "image", published=published_at(part)))
    else:
        raise ConfigError(
            f"start.{branch} is for public networks, and the model has none there",
            where=name,
            todo=f"set {_NETWORKS[branch]} to any but small, or leave start.{branch} out",
        )


def load_branch(model: ActionModel, path: Path, branch: str) -> None:
    """The heads of one branch, from a model that has been trained with it alone.

    Args:
        model: Model to load into.
        path: Path of the model that was trained with the branch alone, as for `read_state`.
        branch: Name of the branch.

    Raises:
        CheckpointError: The other model cannot be read, or its branch does not fit.
        ConfigError: The model takes no such branch over.
    """
    parts = model.branch_parts.get(branch)
    if parts is None:
        raise ConfigError(
            f"the model takes no {branch} branch over", where=path, todo=f"leave start.{branch}_branch out"
        )
    state = read_state(path)
    for part in parts:
        own = {
            key.removeprefix(f"{part}."): value for key, value in state.items() if key.startswith(f"{part}.")
        }
        try:
            model.get_submodule(part).load_state_dict(own)
        except (AttributeError, RuntimeError) as error:
            raise CheckpointError(
                f"its {branch} branch does not fit at {part} ({' '.join(str(error).split())[:120]})",
                where=path,
                todo="name a run with the same settings but for the branches that are off",
            ) from None


def load_matching(model: nn.Module, paths: Sequence[Path]) -> None:
    """Weights of ours: a whole model, or files that have all its encoders between them.

    A model whose other parts are all there is whole without the recognition of dive numbers: where the files lack that
    head, the model keeps its own, and where only the files have one, it is left out.

    Raises:
        CheckpointError: One cannot be read, an encoder is in none of them, or one does not fit.
    """
    wanted = model.state_dict()
    state: dict[str, torch.Tensor] = {}
    for path in paths:
        state |= read_state(path)
    if set(_without_recognition(state)) == set(_without_recognition(wanted)):
        if len(_without_recognition(state)) == len(state):
            wanted = _without_recognition(wanted)
    else:
        wanted = {
            name: value
            for name, value in _without_recognition(wanted).items()
            if name.startswith("encoders.")
        }
    wrong = [name for name in wanted if name not in state or state[name].shape != wanted[name].shape]
    if wrong:
        raise CheckpointError(
            f"the weights do not fit the model, for example at {wrong[0]}",
            where=", ".join(map(str, paths)),
            todo="use the settings that the weights were made with, and name files of all encoders",
        )
    model.load_state_dict({name: state[name] for name in wanted}, strict=False)


def _without_recognition(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in state.items() if not name.startswith("encoders.numbers.")}


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name, from a safetensors file, a checkpoint, or the folder of a run (its newest checkpoint).

    Raises:
        CheckpointError: None of these, or damaged.
    """
    if path.is_dir():
        state, torn = newest_checkpoint(path / "checkpoints")
        if state is None:
            raise CheckpointError(
                "the run has no whole checkpoint" + (f" ({torn[0]})" if torn else ""),
                where=path,
                todo="train first",
            )
        return dict(state["model"])
    if path.suffix == ".ckpt":
        return dict(read_file(path)["model"])
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"cannot read the weights ({' '.join(str(error).split())[:100]})",
            where=path,
            todo="name a safetensors file, a checkpoint or a run",
        ) from None
    return {name: value for name, value in tensors.items() if not name.startswith(FAMILIARITY)}
