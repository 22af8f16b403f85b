"""How far the two decisions on a bank of a user's own dives can be trusted: which films show the same dive, and whether the films add anything.

Source: none.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from stagescore.benchmarks.variants import Variant, write_variant
from stagescore.inference.figure_intervals import mean_interval
from stagescore.media.source import open_media
from stagescore.scoring.bank_copies import FilmStrip
from stagescore.scoring.bank_validation import fitted_slope
from stagescore.types import Dive

COPIES: tuple[Variant, ...] = (
    Variant(name="recoded", crf=28),
    Variant(name="brighter", gain=1.2),
    Variant(name="mirrored", mirrored=True),
    Variant(name="cropped by 3 %", cut_off=0.03),
    Variant(name="cropped by 5 %", cut_off=0.05),
    Variant(name="cropped by 8 %", cut_off=0.08),
)
"""Copies of a film that are tried. Set by hand, as the numbers below."""
_NUM_COPIED = 8
"""Number of films that are copied."""
_NUM_BANKS, _RESAMPLES = 800, 1000
"""Number of banks that are made up of each kind, and of resamples of the bootstrap."""
_MEAN, _SD = 70.0, 12.0
"""Mean and standard deviation of the made-up scores, in points."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LikenessRow:
    """How alike the films of some pairs are.

    Attributes:
        pairs: What the pairs are: different dives, or the name of a copy.
        num: Number of pairs.
        lowest: Smallest correlation of a pair.
        highest: Largest correlation of a pair.
    """

    pairs: str
    num: int
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GainRow:
    """How often made-up banks are said to gain from their films.

    Attributes:
        num_dives: Number of dives of each bank.
        correlation: Correlation of what the network sees with the scores.
        mean_gain: Mean gain over all banks, in points; a bank that gains nothing should not be called better.
        by_t: Share of the banks whose gain is above zero by Student's t, as `fit-bank` says it, 0 to 1.
        by_bootstrap: Share of the banks whose gain is above zero by the percentile bootstrap, 0 to 1.
    """

    num_dives: int
    correlation: float
    mean_gain: float
    by_t: float
    by_bootstrap: float


def likeness_rows(
    dives: Sequence[Dive], progress: Progress = lambda what, done, total: None
) -> list[LikenessRow]:
    """How alike films of different dives are, and copies of one film.

    Args:
        dives: Different dives with a film and a flight (`data prepare`), two or more.
        progress: Called with what is done, how many are done, and of how many.

    Raises:
        DataError: A film cannot be read.
    """
    strips = []
    for done, dive in enumerate(dives):
        progress("films", done, len(dives))
        strips.append(_strip(Path(str(dive.frames_path)), dive))
    different = [
        max(one.likeness(other), one.likeness(other, mirrored=True)) for one, other in combinations(strips, 2)
    ]
    rows = [_row("different dives", different)]
    with tempfile.TemporaryDirectory() as folder:
        for done, variant in enumerate(COPIES):
            progress("copies", done, len(COPIES))
            alike = []
            for dive, strip in list(zip(dives, strips, strict=True))[:_NUM_COPIED]:
                path = Path(folder) / "copy.mp4"
                path.unlink(missing_ok=True)
                write_variant(open_media(str(dive.frames_path)), variant, path)
                alike.append(strip.likeness(_strip(path, dive), mirrored=variant.mirrored))
            rows.append(_row(variant.name, alike))
    return rows


def gain_rows(seed: int = 0) -> list[GainRow]:
    """How often banks of made-up dives are called better than the mean of the scores.

    Args:
        seed: Seed of the dives.
    """
    draw = np.random.default_rng(seed)
    return [
        _gains(draw, num_dives, correlation)
        for num_dives, correlation in ((5, 0.0), (5, 0.3), (5, 0.6), (15, 0.0), (15, 0.3), (15, 0.6))
    ]


def _strip(path: Path, dive: Dive) -> FilmStrip:
    media = open_media(str(path))
    first, stop = media.content.start, media.content.stop
    flight = dive.flight if len(dive.flight) == 2 else (first, stop - 1)
    return FilmStrip.around(media, (flight[0], flight[1]), sha256=path.name)


def _row(name: str, found: Sequence[float]) -> LikenessRow:
    return LikenessRow(pairs=name, num=len(found), lowest=min(found), highest=max(found))


def _gains(draw: np.random.Generator, num_dives: int, correlation: float) -> GainRow:
    gains, by_t, by_bootstrap = [], 0, 0
    for _ in range(_NUM_BANKS):
        unit = draw.normal(size=num_dives)
        scores = _MEAN + _SD * unit
        seen = _SD * (correlation * unit + np.sqrt(1 - correlation**2) * draw.normal(size=num_dives))
        base = (scores.sum() - scores) / (num_dives - 1)
        delta = seen - (seen.sum() - seen) / (num_dives - 1)
        others = ~np.eye(num_dives, dtype=bool)
        slopes = np.array([fitted_slope(scores[o] - base[o], delta[o]) for o in others])
        gain = np.abs(scores - base) - np.abs(scores - base - slopes * delta)
        gains.append(float(gain.mean()))
        by_t += mean_interval(gain, tuple(range(num_dives)))[0] > 0
        means = gain[draw.integers(0, num_dives, (_RESAMPLES, num_dives))].mean(1)
        by_bootstrap += float(np.quantile(means, 0.025)) > 0
    return GainRow(
        num_dives=num_dives,
        correlation=correlation,
        mean_gain=float(np.mean(gains)),
        by_t=by_t / _NUM_BANKS,
        by_bootstrap=by_bootstrap / _NUM_BANKS,
    )
