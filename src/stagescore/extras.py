"""Packages that only some commands need: they come with an extra, and whoever scores films does without."""

from importlib import import_module
from types import ModuleType

from stagescore.errors import ConfigError

EXTRAS = {
    "matplotlib": "plots",
    "onnxruntime": "pose",
    "pandas": "plots",
    "tensorboard": "train",
    "timm": "train",
    "torchvision": "train",
}
"""Packages and the extras that bring them along (`pyproject.toml`)."""


def from_extra(module: str, what: str) -> ModuleType:
    """Import a package of an extra.

    Args:
        module: Name of the module.
        what: What needs the module, in words.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise_from(error, what)
        raise


def raise_from(error: ModuleNotFoundError, what: str) -> None:
    """Say which extra has a missing package; nothing where none has it.

    Raises:
        ConfigError: An extra has it.
    """
    package = (error.name or "").split(".")[0]
    if package in EXTRAS:
        raise ConfigError(
            f"{what} needs {package}, which is not installed",
            todo=f"pip install 'stagescore[{EXTRAS[package]}]'",
        ) from None
