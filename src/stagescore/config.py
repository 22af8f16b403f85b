"""Settings: pydantic models, YAML files, `a.b=c` overrides.

The same keys serve as flags, in YAML and in Python. An unknown key is an error that names the nearest
known one, where one is near. Config objects are read at the border and never enter a class of the model.
"""

import reprlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stagescore.errors import ConfigError, RenamedSetting


class Config(BaseModel):
    """Base of every group of settings: unknown keys are refused, values are checked, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    renamed: ClassVar[Mapping[str, str]] = {}
    """New names of keys by their old ones, which `load_config` still takes for one release."""


class FramesConfig(Config):
    """How frames are taken from a video: `stagescore data frames`.

    Attributes:
        frames: Number of evenly spaced frames to take; None takes all.
        width: Width of the pictures, in pixels; None keeps the video's own.
        height: Height of the pictures, in pixels; given or left out together with the width.
        slowmo: Factor by which the video is slowed down.
        frame_rate: Frames per second of a folder of images, which does not say it itself.
        quality: Quality of the JPEG files, 1 to 100.
    """

    frames: int | None = Field(default=None, ge=1)
    width: int | None = Field(default=None, ge=8, le=16384)
    height: int | None = Field(default=None, ge=8, le=16384)
    slowmo: float = Field(default=1.0, gt=0)
    frame_rate: float | None = Field(default=None, gt=0)
    quality: int = Field(default=90, ge=1, le=100)

    @model_validator(mode="after")
    def _both_sides(self) -> "FramesConfig":
        if (self.width is None) != (self.height is None):
            raise ValueError("give width and height together")
        return self


ConfigT = TypeVar("ConfigT", bound=Config)
_NEAR = 0.7
"""Likeness (`difflib`) from which on a name may be what another was meant to be. Set by hand: a letter or two of most names."""


def load_config(
    model: type[ConfigT], source: str | Path | None = None, overrides: Sequence[str] = ()
) -> ConfigT:
    """Settings from a file or preset, with some of them overridden.

    Args:
        model: Class of the settings.
        source: A YAML file, the name of a shipped preset, or None for the defaults.
        overrides: Settings as `key=value` or `group.key=value`; values are read as YAML.

    Raises:
        ConfigError: No such file or preset, not YAML, an unknown key, or a value that cannot be.

    >>> load_config(FramesConfig, overrides=["frames=96"]).frames
    96
    """
    settings = {} if source is None else _read(model, source)
    places = _Places(
        "settings" if source is None else str(source), tuple(o.partition("=")[0] for o in overrides)
    )
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or not all(key.split(".")):
            raise ConfigError(f"{override!r} is no setting", where="command line", todo="write key=value")
        try:
            parsed = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError, RecursionError):  # such as the date 2024-13-45
            raise ConfigError(
                f"the value of {key!r} is no YAML", where="command line", todo="quote it"
            ) from None
        _put(settings, key, parsed)
    _take_old_names(model, settings, places)
    _Unknown(model, places).refuse(model, settings)
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        # The place also names which of several groups was meant, which is no key.
        tags = {
            tag
            for field in model.model_fields.values()
            for one in _nested_models(field.annotation)
            for tag in _names(one)
        }
        name = ".".join(str(part) for part in first["loc"] if part not in tags)
        # `reprlib`: YAML's aliases can make a short text endless to print.
        shown = f"{name} is {reprlib.repr(first['input'])}" if name else "the settings do not fit each other"
        shown = f"{name} is missing" if first["type"] == "missing" else shown
        raise ConfigError(
            shown, where=places.of(name), todo=_told(first["type"], first["msg"], name)
        ) from None


def _told(kind: str, message: str, name: str) -> str:
    """What pydantic says of a wrong value, in words for people who do not know it."""
    if kind in ("model_type", "model_attributes_type"):
        numbered = name.rpartition(".")[2].isdecimal()
        return "write {KEY: VALUE}" if numbered else f"it is a group of settings: write {name}.KEY=VALUE"
    told = _TOLD.get(kind, message.removeprefix("Value error, "))
    return told[:1].lower() + told[1:]


_TOLD = {
    "missing": "give it",
    "string_type": """give one text; quote what looks like a number or a date: '"2012"'""",
    "tuple_type": "give a list: [A, B]",
    "int_type": "give a whole number",
    "int_parsing": "give a whole number",
    "int_from_float": "give a whole number",
    "float_type": "give a number",
    "float_parsing": "give a number",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
}
"""What to do about a wrong value, by pydantic's name of the error; where none is here, pydantic's own words are clear."""


@dataclass(frozen=True, slots=True)
class _Places:
    """Where settings come from.

    Attributes:
        source: The file or preset.
        overrides: Keys that the command line sets.
    """

    source: str
    overrides: tuple[str, ...]

    def of(self, name: str) -> str:
        """Where a setting was made: on the command line, or in the file or preset."""
        if name and any(
            f"{key}.".startswith(f"{name}.") or f"{name}.".startswith(f"{key}.") for key in self.overrides
        ):
            return "command line"
        return self.source


def preset_names() -> list[str]:
    """The shipped presets."""
    folder = files("stagescore").joinpath("configs")
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def _preset(name: str) -> str:
    return files("stagescore").joinpath("configs", f"{name}.yaml").read_text(encoding="utf-8")


def _presets_of(model: type[Config]) -> list[str]:
    """The shipped presets that are such settings, by the names of their groups."""
    return [name for name in preset_names() if set(yaml.safe_load(_preset(name))) <= set(model.model_fields)]


def known_keys(model: type[Config], prefix: str = "") -> Iterator[str]:
    """Every key of a group of settings, nested ones with dots."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        nested = (
            key for one in _nested_models(field.annotation) for key in known_keys(one, f"{prefix}{name}.")
        )
        yield from dict.fromkeys(nested)


def _nested_models(annotation: Any) -> list[type[Config]]:
    """Groups of settings that a value may be: none, one, or several that are told apart by their `name`."""
    if isinstance(annotation, type) and issubclass(annotation, Config):
        return [annotation]
    return list(dict.fromkeys(one for part in get_args(annotation) for one in _nested_models(part)))


def _names(model: type[Config]) -> tuple[str, ...]:
    """Names that a group of settings goes by, where it is told apart from others by them."""
    field = model.model_fields.get("name")
    return () if field is None else tuple(map(str, get_args(field.annotation)))


def _named(
    candidates: Sequence[type[Config]], value: Mapping[Any, Any], places: _Places, key: str
) -> type[Config]:
    """The group that settings name; the first where they name none."""
    asked = value.get("name")
    for candidate in candidates:
        if asked is None or str(asked) in _names(candidate):
            return candidate
    known = [name for candidate in candidates for name in _names(candidate)]
    near = get_close_matches(str(asked), known, n=1, cutoff=_NEAR)
    raise ConfigError(
        f"{key}.name is {reprlib.repr(asked)}",
        where=places.of(f"{key}.name"),
        todo=f"did you mean {near[0]!r}?" if near else f"choose among {', '.join(known)}",
    )


def _read(model: type[Config], source: str | Path) -> dict[Any, Any]:
    path = Path(source)
    try:
        if path.suffix in (".yaml", ".yml") or path.exists():
            text = path.read_text(encoding="utf-8")
        elif str(source) in preset_names():
            text = _preset(str(source))
        else:
            presets = _presets_of(model)
            near = get_close_matches(str(source), presets, n=1, cutoff=_NEAR)
            raise ConfigError(
                "there is no such file or preset",
                where=str(source),
                todo=f"did you mean {near[0]!r}?" if near else f"presets: {', '.join(presets)}",
            )
        content = yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise ConfigError(
            f"cannot read the settings ({' '.join(str(error).split())[:120]})",
            where=str(source),
            todo="give a YAML file",
        ) from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(
            "the file holds no settings by name", where=str(source), todo="write key: value lines"
        )
    return content


def _put(settings: dict[str, Any], key: str, value: Any) -> None:
    *groups, name = key.split(".")
    for group in groups:
        inner = settings.setdefault(group, {})
        if not isinstance(inner, dict):
            raise ConfigError(
                f"{group!r} is no group of settings", where="command line", todo="leave out the dot"
            )
        settings = inner
    settings[name] = value


def _groups_in(
    annotation: Any, value: Any, places: _Places, key: str
) -> Iterator[tuple[type[Config], dict[Any, Any], str]]:
    """The groups of settings that a value holds, each with its class and its key; those of a list by their number."""
    nested = _nested_models(annotation)
    if nested and isinstance(value, dict):
        yield nested[0] if len(nested) == 1 else _named(nested, value, places, key), value, key
    elif nested and isinstance(value, list):
        for number, one in enumerate(value):
            if isinstance(one, dict):
                yield from _groups_in(annotation, one, places, f"{key}.{number}")


def _take_old_names(model: type[Config], settings: dict[Any, Any], places: _Places, prefix: str = "") -> None:
    """Give keys that were renamed their new names, and say so."""
    for old, new in model.renamed.items():
        if old in settings and new not in settings:
            settings[new] = settings.pop(old)
            # Runs keep all their settings, those that were never set too.
            if settings[new] is not None:
                told = f"{places.source}: the setting {prefix}{old} is called {prefix}{new} now"
                warnings.warn(told, RenamedSetting, stacklevel=3)
    for key, value in settings.items():
        field = model.model_fields.get(str(key))
        annotation = None if field is None else field.annotation
        for inner, group, name in _groups_in(annotation, value, places, f"{prefix}{key}"):
            _take_old_names(inner, group, places, f"{name}.")


@dataclass(frozen=True, slots=True)
class _Unknown:
    """Refuses keys that are no settings.

    Attributes:
        root: Class of all settings.
        places: Places that the settings come from.
    """

    root: type[Config]
    places: _Places

    def refuse(self, model: type[Config], settings: Mapping[Any, Any], prefix: str = "") -> None:
        """Refuse the first unknown key of a group, and of the groups in it."""
        for key, value in settings.items():
            name = f"{prefix}{key}"
            field = model.model_fields.get(str(key))
            if field is None and self.places.of(name) in preset_names():
                raise ConfigError(
                    "this preset is for another command",
                    where=self.places.source,
                    todo=f"presets: {', '.join(_presets_of(self.root))}",
                )
            if field is None:
                raise ConfigError(
                    f"unknown setting {name!r}",
                    where=self.places.of(name),
                    todo=self._todo(model, str(key), prefix),
                )
            for inner, group, inside in _groups_in(field.annotation, value, self.places, name):
                self.refuse(inner, group, f"{inside}.")

    def _todo(self, model: type[Config], key: str, prefix: str) -> str:
        if near := get_close_matches(key, model.model_fields, n=1, cutoff=_NEAR):
            return f"did you mean {prefix + near[0]!r}?"
        known = list(dict.fromkeys(known_keys(self.root)))
        if prefix + key in known:
            return f"it goes with another {prefix}name; leave it out"
        # Perhaps the right name in the wrong group, or in none.
        alike = [one for one in known if one.rpartition(".")[2] == key]
        if alike:
            return f"did you mean {max(alike, key=lambda one: _likeness(one, prefix + key))!r}?"
        return f"nothing {f'in {prefix[:-1]}' if prefix else 'here'} is called like that; leave it out"


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()
