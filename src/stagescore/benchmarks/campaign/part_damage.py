"""Damage to files that consist of named parts with lengths: parts move, double, vanish, nest and change, lengths may follow or not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from stagescore.benchmarks.campaign.byte_damage import INTEGERS, MOST_BYTES, Fuzzer, extreme_number
from stagescore.benchmarks.campaign.chance import Chance

_MOST_COPIED = 2**18
"""Bytes that a part may take when it is there many times: a picture so often is a film of some thousand frames."""
_DEEPEST = 3000
"""Levels of nesting. Set by hand: three times what Python's own stack holds."""


@dataclass(frozen=True, slots=True)
class FilePart:
    """A part of a file.

    Attributes:
        name: Name or number of the part, as the form writes it.
        body: Content without the parts within.
        parts: Parts within, after the body.
        length: Length that the file claims; None for the true one.
    """

    name: bytes
    body: bytes = b""
    parts: tuple["FilePart", ...] = ()
    length: int | None = None


@dataclass(frozen=True, slots=True)
class PartForm:
    """A form of files with parts.

    Attributes:
        parse: Function that takes a whole file to pieces; what it does not understand it leaves in bodies.
        render: Function that writes a part whose content is given: name, content, claimed length.
        names: Names that parts may get, beside those in the file.
    """

    parse: Callable[[bytes], tuple[FilePart, ...]]
    render: Callable[[bytes, bytes, int | None], bytes]
    names: Sequence[bytes] = field(default=())

    def written(self, parts: Sequence[FilePart]) -> bytes:
        """The file."""
        return b"".join(
            self.render(part.name, part.body + self.written(part.parts), part.length) for part in parts
        )

    def fuzzer(self) -> Fuzzer:
        """Damages files of this form; another file lends its parts."""

        def parts_damaged(content: bytes, other: bytes, chance: Chance) -> bytes:
            parts, strange = self.parse(content), self.parse(other)
            for _ in range(1 + chance.below(3)):
                parts = self._changed(parts, strange, chance)
            return self.written(parts)[:MOST_BYTES]

        return parts_damaged

    def _changed(
        self, parts: tuple[FilePart, ...], strange: tuple[FilePart, ...], chance: Chance
    ) -> tuple[FilePart, ...]:
        """One change among the parts, or within one of them."""
        if not parts:
            return strange[:1]
        place = chance.below(len(parts))
        part = parts[place]
        # Down more often than not: what is within is what readers look at.
        if part.parts and not chance.happens(3):
            return _with(parts, place, replace(part, parts=self._changed(part.parts, strange, chance)))
        return chance.one_of(_CHANGES)(self, parts, place, strange, chance)


def _with(parts: tuple[FilePart, ...], place: int, *new: FilePart) -> tuple[FilePart, ...]:
    return (*parts[:place], *new, *parts[place + 1 :])


def _any_part(parts: Sequence[FilePart], chance: Chance) -> FilePart:
    """A part at any depth."""
    part = chance.one_of(parts)
    while part.parts and not chance.happens(3):
        part = chance.one_of(part.parts)
    return part


def _removed(
    form: PartForm, parts: tuple[FilePart, ...], place: int, _: tuple[FilePart, ...], chance: Chance
) -> tuple[FilePart, ...]:
    return _with(parts, place)


def _many(
    form: PartForm, parts: tuple[FilePart, ...], place: int, _: tuple[FilePart, ...], chance: Chance
) -> tuple[FilePart, ...]:
    size = max(len(form.written(parts[place : place + 1])), 1)
    return _with(
        parts, place, *[parts[place]] * min(chance.one_of((2, 2, 3, 50, 2000)), _MOST_COPIED // size + 2)
    )


def _moved(
    form: PartForm, parts: tuple[FilePart, ...], place: int, _: tuple[FilePart, ...], chance: Chance
) -> tuple[FilePart, ...]:
    rest = _with(parts, place)
    at = chance.below(len(rest) + 1)
    return (*rest[:at], parts[place], *rest[at:])


def _reversed(
    form: PartForm, parts: tuple[FilePart, ...], place: int, _: tuple[FilePart, ...], chance: Chance
) -> tuple[FilePart, ...]:
    return (*parts[:place], *parts[place:][::-1])


def _grafted(
    form: PartForm, parts: tuple[FilePart, ...], place: int, strange: tuple[FilePart, ...], chance: Chance
) -> tuple[FilePart, ...]:
    given = _any_part(strange, chance) if strange else parts[0]
    return _with(parts, place, *((parts[place], given) if chance.happens(2) else (given,)))


def _renamed(
    form: PartForm, parts: tuple[FilePart, ...], place: int, _: tuple[FilePart, ...], chance: Chance
) -> tuple[FilePart, ...]:
    names = [*form.names, _any_part(parts, chance).name]
    return _with(parts, place, replace(parts[place], name=chance.one_of(names)))


def _nested(
    form: PartForm, parts: tuple[FilePart, ...], place: int, _: tuple[FilePart, ...], chance: Chance
) -> tuple[FilePart, ...]:
    """A part within itself; the innermost is written first, so that no call is as deep as the parts are."""
    part = parts[place]
    inner = form.written([part])
    for _level in range(chance.one_of((1, 2, 20, 200, _DEEPEST))):
        inner = form.render(part.name, inner, None)
        if len(inner) > 2**20:
            break
    return _with(parts, place, replace(part, body=inner, parts=()))


def _length(
    form: PartForm, parts: tuple[FilePart, ...], place: int, _: tuple[FilePart, ...], chance: Chance
) -> tuple[FilePart, ...]:
    true = len(form.written([parts[place]]))
    return _with(
        parts, place, replace(parts[place], length=chance.one_of((true - 1, true + 1, true * 2, *INTEGERS)))
    )


def _emptied(
    form: PartForm, parts: tuple[FilePart, ...], place: int, _: tuple[FilePart, ...], chance: Chance
) -> tuple[FilePart, ...]:
    part = parts[place]
    kept = chance.below(len(part.body) + 1)
    return _with(
        parts, place, replace(part, body=part.body[:kept], parts=() if chance.happens(2) else part.parts)
    )


def _numbers(
    form: PartForm, parts: tuple[FilePart, ...], place: int, _: tuple[FilePart, ...], chance: Chance
) -> tuple[FilePart, ...]:
    part = parts[place]
    body = extreme_number(part.body, b"", chance) if part.body else chance.noise(1 + chance.below(16))
    return _with(parts, place, replace(part, body=body))


def _noise(
    form: PartForm, parts: tuple[FilePart, ...], place: int, _: tuple[FilePart, ...], chance: Chance
) -> tuple[FilePart, ...]:
    return _with(parts, place, replace(parts[place], body=chance.noise(len(parts[place].body))))


_CHANGES = (
    _removed,
    _many,
    _moved,
    _reversed,
    _grafted,
    _renamed,
    _nested,
    _length,
    _emptied,
    _numbers,
    _numbers,
    _noise,
)
