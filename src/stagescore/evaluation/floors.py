"""What can be said without looking at a video, and how well judges agree.

A model is good when it closes the space between these floors and ceilings (method, section 11).
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from stagescore.data.manifest import Manifest
from stagescore.errors import DataError
from stagescore.evaluation.metrics import aiou, interval_iou, rl2x100, srcc
from stagescore.types import Dive

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["floor", "ceiling"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One floor or ceiling.

    Attributes:
        name: Short and stable name, such as `dive_number_mean`.
        kind: Floor, which needs no video, or ceiling, which is how well judges agree.
        dives: Dives that it is of, in words, such as `all dives` or `individual dives`.
        rule: What exactly was done, in words.
        num_train: Number of training dives it was learned from.
        num_test: Number of dives it was measured on.
        srcc: Spearman's rank correlation; None where it does not apply.
        srcc_range: Lowest and highest correlation over judges, or over the ways to halve a panel; None for a floor.
        rl2x100: Relative L2 distance times 100; None where it does not apply.
        score_range: Lowest and highest true score of the measured dives, the range of R-l2.
        aiou50: Share of dives with IoU of the flight interval of at least 0.5, in percent.
        aiou75: Share of dives with IoU of the flight interval of at least 0.75, in percent.
    """

    name: str
    kind: Kind
    dives: str
    rule: str
    num_train: int
    num_test: int
    srcc: float | None = None
    srcc_range: tuple[float, float] | None = None
    rl2x100: float | None = None
    score_range: tuple[float, float] | None = None
    aiou50: float | None = None
    aiou75: float | None = None


@dataclass(frozen=True, slots=True)
class Floors:
    """All floors and ceilings of a manifest.

    Attributes:
        part: Split that the floors were measured on.
        bounds: All floors, then all ceilings.
    """

    part: str
    bounds: tuple[Bound, ...]

    def table(self) -> "pd.DataFrame":
        """One row a bound."""
        import pandas as pd  # noqa: PLC0415 - takes half a second, and most commands print no table

        return pd.DataFrame([asdict(bound) for bound in self.bounds])

    def as_json(self) -> dict[str, Any]:
        """For `--json`; undefined figures are null."""
        return {"split": self.part, "bounds": [asdict(bound) for bound in self.bounds]}


def floors_and_ceilings(manifest: Manifest, part: Literal["test", "val"] = "test") -> Floors:
    """Measure every floor and ceiling that a manifest has the labels for.

    Args:
        manifest: Manifest of the dives with their labels.
        part: Split to measure on; the floors are learned from the training split (for `val`, from the rest of it).

    Raises:
        DataError: No dives to learn from or to measure on.
    """
    bounds: list[Bound] = []
    for individual_only, words in ((False, "all dives"), (True, "individual dives")):
        train = manifest.select("train" if part == "test" else "fit", individual_only=individual_only).dives
        test = manifest.select(part, individual_only=individual_only).dives
        if not train or not test:
            if individual_only:
                continue
            raise DataError(
                f"{len(train)} dives to learn from and {len(test)} to measure on",
                where=f"split {part}",
                todo="use a manifest with a training split and the split that is measured on",
            )
        bounds.append(_score_floor("dive_number_mean", words, train, test, lambda dive: dive.dive_number))
        bounds.append(_score_floor("difficulty_mean", words, train, test, lambda dive: dive.difficulty))
        bounds.extend(_transition_floor(words, train, test))
    bounds.extend(_judge_ceilings(manifest))
    return Floors(part, tuple(bounds))


def _score_floor(
    name: str, words: str, train: Sequence[Dive], test: Sequence[Dive], key: Callable[[Dive], object]
) -> Bound:
    groups: dict[object, list[float]] = defaultdict(list)
    for dive in train:
        groups[key(dive)].append(dive.score)
    overall = float(np.mean([dive.score for dive in train]))
    truth = np.array([dive.score for dive in test])
    means = {name: float(np.mean(scores)) for name, scores in groups.items()}
    # Equal means must tie in rank whatever the order in which they were summed.
    predicted = np.round([means.get(key(dive), overall) for dive in test], 9)
    unseen = sum(key(dive) not in groups for dive in test)
    what = name.removesuffix("_mean").replace("_", " ")
    return Bound(
        name=name,
        kind="floor",
        dives=words,
        rule=f"mean training score of the same {what}; {unseen} dives without one get the training mean",
        num_train=len(train),
        num_test=len(test),
        srcc=_defined(srcc(truth, predicted)),
        rl2x100=_defined(rl2x100(truth, predicted)),
        score_range=(float(truth.min()), float(truth.max())),
    )


def _transition_floor(words: str, train: Sequence[Dive], test: Sequence[Dive]) -> Iterator[Bound]:
    """Rows are taken as labelled, a transition of -1 included, to agree with the published figures."""
    learned = [dive.transitions for dive in train if len(dive.transitions) >= 2]
    measured = [
        d.transitions for d in test if len(d.transitions) >= 2 and d.transitions[-1] >= d.transitions[0]
    ]
    if not learned or not measured:
        return
    first = float(np.median([t[0] for t in learned]))
    last = float(np.median([t[-1] for t in learned]))
    truth = np.array([(t[0], t[-1]) for t in measured], dtype=float)
    iou = interval_iou(truth, np.broadcast_to(np.array([first, last]), truth.shape))
    yield Bound(
        name="median_transitions",
        kind="floor",
        dives=words,
        rule=(
            f"flight from the median first ({first:g}) to the median last ({last:g}) training transition, "
            "in raw frames of the clip, rows as labelled"
        ),
        num_train=len(learned),
        num_test=len(measured),
        aiou50=aiou(iou, 0.5),
        aiou75=aiou(iou, 0.75),
    )


_JUDGED_KINDS = ((7, "seven-mark rows"), (5, "five-mark rows"), (3, "three-mark rows"))


def _judge_ceilings(manifest: Manifest) -> Iterator[Bound]:
    """Over all dives of both splits, since nothing is learned; by number of labelled marks."""
    for num_marks, words in _JUDGED_KINDS:
        dives = [d for d in manifest if len(d.marks) == num_marks and d.difficulty is not None]
        if len(dives) < 2:
            continue
        marks = np.array([dive.marks for dive in dives], dtype=float)
        difficulty = np.array([dive.difficulty for dive in dives], dtype=float)
        synchronised = sum(dive.synchronised for dive in dives)
        which = f"{words} ({len(dives) - synchronised} individual, {synchronised} synchronised)"
        one_left_out = [
            (marks[:, judge] * difficulty, np.delete(marks, judge, axis=1).mean(1) * difficulty)
            for judge in range(num_marks)
        ]
        yield _agreement(
            "one_judge",
            which,
            f"one judge against the mean of the other {num_marks - 1}, x difficulty",
            one_left_out,
        )
        half = num_marks // 2
        halves = [
            (marks[:, a].mean(1) * difficulty, marks[:, b].mean(1) * difficulty)
            for a, b in _disjoint_halves(num_marks, half)
        ]
        if half > 1:
            yield _agreement(
                "half_panel",
                which,
                f"mean of {half} judges against the mean of {half} others, x difficulty, all {len(halves)} ways",
                halves,
            )


def _disjoint_halves(num_marks: int, half: int) -> Iterator[tuple[list[int], list[int]]]:
    for first in itertools.combinations(range(num_marks), half):
        rest = [judge for judge in range(num_marks) if judge not in first]
        for second in itertools.combinations(rest, half):
            if first < second:
                yield list(first), list(second)


def _agreement(name: str, words: str, rule: str, pairs: Sequence[tuple[NDArray[Any], NDArray[Any]]]) -> Bound:
    values = [srcc(a, b) for a, b in pairs]
    return Bound(
        name=name,
        kind="ceiling",
        dives=words,
        rule=f"{rule}; mean of {len(values)} correlations",
        num_train=0,
        num_test=len(pairs[0][0]),
        srcc=_defined(float(np.mean(values))),
        srcc_range=None if any(map(math.isnan, values)) else (min(values), max(values)),
    )


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value
