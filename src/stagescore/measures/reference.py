"""Measures of real dives: where a value stands among them, and which measures go with the judges' marks.

The table that ships (`tables/measures.json`) is made by `stagescore bench measures --dives DIVES --table FILE`. Where few dives of a
number were measured, those of its group and position, and then all, fill up: a narrower group's own share counts `num / (num +
SHRINKAGE)`.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any

from stagescore.diving import DiveNumber
from stagescore.errors import DataError
from stagescore.json_files import parse_json
from stagescore.measures.measure import Percentile

SHIPPED = "measures.json"
SHRINKAGE = 10.0
"""Number of dives from which on a group's own share counts half, as in `data.score_prior`."""
_MOST_DIGITS = 3
_CLEAR = 0.005
"""Distance of a bound from zero from which on the interval lies beyond zero. Set by hand: nearer bounds change sides with the resamples that
are drawn."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Spearman's correlation of a measure with the execution, and its 95 % interval over dives.

    Attributes:
        value: The correlation.
        low: Lower end of the interval.
        high: Upper end of the interval.
        num_dives: Number of dives.
    """

    value: float
    low: float
    high: float
    num_dives: int

    @property
    def sign(self) -> int:
        """1 or -1 where the interval lies on one side of zero, else 0; a bound that is printed as 0.00 does not."""
        return 1 if self.low >= _CLEAR else -1 if self.high <= -_CLEAR else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Measures of real dives.

    Attributes:
        dives: The dives in words.
        values: Values of each measure in increasing order by dive number.
        over_all: Agreement of each measure with the execution over all dives; lacks those that it was not measured for.
        within: Agreement of each measure with the execution within a dive number.
        usable: Names of the measures on which advice may rest.
        height_m: Height of all the dives' boards in metres; None where they differ. What is measured on dives from another height is
            not compared: less of a fall, another splash.
    """

    dives: str
    values: Mapping[str, Mapping[str, tuple[float, ...]]]
    over_all: Mapping[str, Agreement] = field(default_factory=dict)
    within: Mapping[str, Agreement] = field(default_factory=dict)
    usable: tuple[str, ...] = ()
    height_m: float | None = None

    def covers(self, height_m: float | None) -> bool:
        """Whether dives from a height can be compared; an unknown height is taken for the dives' own.

        Args:
            height_m: Height of the board in metres; None where it is not known.
        """
        return height_m is None or self.height_m in (None, height_m)

    @classmethod
    @lru_cache(maxsize=1)
    def shipped(cls) -> "Reference":
        """The table of the package."""
        text = (resources.files("stagescore.tables") / SHIPPED).read_text(encoding="utf-8")
        return cls.from_json(parse_json(text))

    @classmethod
    def of(
        cls,
        dives: str,
        measured: Iterable[tuple[str, str, float]],
        over_all: Mapping[str, Agreement],
        within: Mapping[str, Agreement],
        usable: tuple[str, ...],
        height_m: float | None = None,
    ) -> "Reference":
        """From values of real dives.

        Args:
            dives: The dives in words.
            measured: Name of the measure, dive number and value of each.
            over_all: Agreement with the execution over all dives.
            within: Agreement of each measure with the execution within a dive number.
            usable: Names of the measures on which advice may rest.
            height_m: Height of all the dives' boards in metres; None where they differ.
        """
        values: dict[str, dict[str, list[float]]] = {}
        for name, number, value in measured:
            values.setdefault(name, {}).setdefault(number, []).append(round(value, _MOST_DIGITS))
        ordered = {
            name: {number: tuple(sorted(some)) for number, some in sorted(by_number.items())}
            for name, by_number in values.items()
        }
        return cls(
            dives=dives, values=ordered, over_all=over_all, within=within, usable=usable, height_m=height_m
        )

    def is_usable(self, name: str) -> bool:
        """Whether advice may rest on a measure."""
        return name in self.usable

    def percentile(self, name: str, value: float, number: str | None) -> Percentile | None:
        """Where a value stands; None where the measure was never measured on real dives.

        Args:
            name: Name of the measure.
            value: Value of the measure.
            number: Dive number; None where it is not known.
        """
        by_number = self.values.get(name)
        if not by_number:
            return None
        share, widest = 0.5, 0
        told = []
        for words, belongs in _groups(number):
            some = [below(one, value) for code, one in by_number.items() if belongs(code)]
            count = sum(num for _, num in some)
            if count:
                own = sum(share_below * num for share_below, num in some) / count
                weight = 1.0 if not widest else count / (count + SHRINKAGE)
                share += weight * (own - share)
                widest = count
                told.append(f"{count} {words}")
        num = len(by_number.get(number, ())) if number is not None else 0
        return Percentile(
            value=round(100 * share, 1), num_dives=num, group=f"{', '.join(reversed(told))}; {self.dives}"
        )

    def to_text(self) -> str:
        """The table as it ships, a measure a line."""
        head = {"dives": self.dives, "height_m": self.height_m, "usable": list(self.usable)}
        parts = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
        for key in ("over_all", "within"):
            rows = [
                f"{json.dumps(name)}: {json.dumps([one.value, one.low, one.high, one.num_dives])}"
                for name, one in getattr(self, key).items()
            ]
            parts.append(f"{json.dumps(key)}: {{\n" + ",\n".join(rows) + "\n}")
        rows = [f"{json.dumps(name)}: {json.dumps(one)}" for name, one in self.values.items()]
        parts.append('"values": {\n' + ",\n".join(rows) + "\n}")
        return "{\n" + ",\n".join(parts) + "\n}\n"

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Reference":
        """From a table.

        Raises:
            DataError: It lacks something.
        """
        try:
            agreements = {
                key: {name: Agreement(*row) for name, row in content[key].items()}
                for key in ("over_all", "within")
            }
            values = {
                name: {code: tuple(map(float, some)) for code, some in by_number.items()}
                for name, by_number in content["values"].items()
            }
            return cls(
                dives=str(content["dives"]),
                values=values,
                usable=tuple(content["usable"]),
                height_m=content["height_m"],
                **agreements,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"the table of measures lacks {error}", todo="make it again") from None


def below(ordered: tuple[float, ...], value: float) -> tuple[float, int]:
    """Share of values that are smaller, those that are equal counting half, and how many values there are.

    >>> below((1.0, 2.0, 2.0, 3.0), 2.0)
    (0.5, 4)
    """
    if not ordered:
        return 0.5, 0
    return (bisect_left(ordered, value) + bisect_right(ordered, value)) / (2 * len(ordered)), len(ordered)


def _groups(number: str | None) -> list[tuple[str, Any]]:
    """From all dives to those of the number: words, and which numbers belong."""
    groups: list[tuple[str, Any]] = [("of all numbers", lambda code: True)]
    if number is not None:
        own = DiveNumber.parse(number)
        words = f"{own.group} {own.position}"

        def alike(code: str) -> bool:
            other = DiveNumber.parse(code)
            return (other.group, other.position) == (own.group, own.position)

        groups += [(words, alike), (f"of {number}", lambda code: code == number)]
    return groups
