"""What the labels alone say about a dive's score: the execution to expect of a dive number, before any film is seen.

Execution is score / difficulty. The mean execution of a number is shrunk towards that of its height, and that towards
the mean of all dives, each by `SHRINKAGE` dives' worth: out of fold on 241 dives of London 2012 this is better than
the mean score of the number (SRCC 0.466 against 0.405, mean error 9.3 against 9.8 points) and hardly depends on the
constant (5 to 20). `stagescore data prior` makes the table that ships, from labels of FineDiving.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any, Literal

import numpy as np

from stagescore.errors import DataError
from stagescore.json_files import parse_json
from stagescore.types import Dive

Sex = Literal["men", "women"]

SHRINKAGE = 10.0
"""A group's own mean counts as much as that of the larger group it belongs to when it has so many dives."""

SHIPPED = "score_prior.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What to expect of a dive's score.

    Attributes:
        score: Expected score, in points.
        sd: Standard deviation of the scores around the expected one, in points.
        num_dives: Number of dives in the narrowest group that it rests on; 0 where no dive of this number is known.
        group: Narrowest group that it rests on, in words, such as `107B, 10 m, men`.
    """

    score: float
    sd: float
    num_dives: int
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The executions of a group of dives.

    Attributes:
        num: Number of dives in the group.
        mean: Mean of the executions, in points per degree of difficulty.
        variance: Variance of the executions around their mean.
    """

    num: int
    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class ScorePrior:
    """Expected execution by group of dives.

    Attributes:
        groups: Executions by key of the group: empty for all dives, `10 m`, `107B, 10 m`, `107B, 10 m, men`.
    """

    groups: Mapping[str, Summary]

    @classmethod
    def fit(cls, dives: Iterable[Dive]) -> "ScorePrior":
        """From labelled dives; those that are synchronised or without a difficulty are left out.

        Raises:
            DataError: No dive is left.
        """
        executions: dict[str, list[float]] = defaultdict(list)
        for dive in dives:
            if dive.execution is None or dive.synchronised:
                continue
            for key in _keys(dive.dive_number, dive.height_m, sex_of(dive.event)):
                executions[key].append(dive.execution)
        if not executions:
            raise DataError("there is no single dive with a difficulty", todo="give more labels")
        return cls(
            {
                key: Summary(num=len(values), mean=float(np.mean(values)), variance=float(np.var(values)))
                for key, values in sorted(executions.items())
            }
        )

    @classmethod
    def shipped(cls) -> "ScorePrior":
        """The table that comes with the package: single dives of FineDiving, without those of London 2012 (events 01 to 03)."""
        text = (resources.files("stagescore.tables") / SHIPPED).read_text(encoding="utf-8")
        return cls.from_json(parse_json(text))

    def expect(
        self,
        *,
        difficulty: float,
        dive_number: str | None = None,
        height_m: float | None = None,
        sex: Sex | None = None,
    ) -> Expectation:
        """The score to expect of a dive.

        Args:
            difficulty: Degree of difficulty.
            dive_number: Dive number such as `107B`; None if unknown.
            height_m: Height of the board or platform, in metres; None if unknown.
            sex: Sex that the competition is for, `men` or `women`; None if unknown.
        """
        whole = self.groups[""]
        mean, variance, narrowest, count = whole.mean, whole.variance, "", 0
        for key in _keys(dive_number, height_m, sex)[1:]:
            group = self.groups.get(key)
            if group is None:
                continue
            share = group.num / (group.num + SHRINKAGE)
            around = group.variance + (group.mean - mean) ** 2
            mean += share * (group.mean - mean)
            variance += share * (around - variance)
            narrowest, count = key, group.num
        return Expectation(
            score=difficulty * mean,
            sd=difficulty * math.sqrt(variance),
            num_dives=count if dive_number is not None and dive_number in narrowest else 0,
            group=narrowest or "all dives",
        )

    def as_json(self) -> dict[str, Any]:
        """As `from_json` reads it."""
        return {
            key: {name: round(value, 4) for name, value in asdict(group).items()}
            for key, group in self.groups.items()
        }

    def to_text(self) -> str:
        """The table as it ships, one group a line."""
        rows = [f"{json.dumps(key)}: {json.dumps(row)}" for key, row in self.as_json().items()]
        return "{\n" + ",\n".join(rows) + "\n}\n"

    @classmethod
    def from_json(cls, content: Mapping[str, Mapping[str, float]]) -> "ScorePrior":
        """From a table.

        Raises:
            DataError: A group lacks a number, or there is no group of all dives.
        """
        try:
            groups = {
                key: Summary(num=int(row["num"]), mean=float(row["mean"]), variance=float(row["variance"]))
                for key, row in content.items()
            }
            _ = groups[""]
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"the table of expected scores lacks {error}", todo="make it again") from None
        return cls(groups)


def sex_of(event: str) -> Sex | None:
    """Women or men, where the name of an event says so.

    >>> sex_of("FINADivingWorldCup2021_Women10m_final_r1"), sex_of("07")
    ('women', None)
    """
    name = event.lower()
    if "women" in name:
        return "women"
    return "men" if "men" in name else None


def _keys(dive_number: str | None, height_m: float | None, sex: Sex | None) -> list[str]:
    """From all dives to the narrowest group of a dive."""
    keys = [""]
    if height_m is not None:
        keys.append(f"{height_m:g} m")
        if sex is not None:
            keys.append(f"{height_m:g} m, {sex}")
        if dive_number is not None:
            keys.append(f"{dive_number}, {height_m:g} m")
            if sex is not None:
                keys.append(f"{dive_number}, {height_m:g} m, {sex}")
    elif dive_number is not None:
        keys.append(dive_number)
    return keys
