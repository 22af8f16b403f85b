"""A coach's own scored dives as exemplars: which can be used, which are copies of each other, and what the bank is worth.

How the bank is measured: `bank_validation`.
"""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from stagescore.atomic import write_files
from stagescore.errors import DataError
from stagescore.inference.exemplar_bank import PICTURE_QUALITY, ExemplarBank, pictured_frames
from stagescore.media.images import jpeg_bytes
from stagescore.media.scaling import scaled
from stagescore.scoring.bank_copies import FilmCopy, FilmStrip, copies_among, folds_of
from stagescore.scoring.bank_fit import BankFit
from stagescore.scoring.bank_validation import cross_validated, known_of
from stagescore.scoring.query_encoding import QueryEncoding
from stagescore.scoring.scored import Scored
from stagescore.scoring.scorer import Scorer
from stagescore.scoring.scoring_network import ScoringNetwork
from stagescore.tensors import joined
from stagescore.types import Dive

LEAST_DIVES = 5
"""Fewer exemplars make no bank. Set by hand."""
PICTURE_HEIGHT_PX = 80
"""Height of an exemplar's pictures in the bank. Set by hand."""
_NO_HINDRANCE = ("unfamiliar", "no-difficulty", "unknown-difficulty", "bank-adds-nothing")
"""Reasons against a score that do not keep a dive from becoming an exemplar."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedBank:
    """A bank of own dives and what came out of the cross-validation.

    Attributes:
        bank: The dives that can be used, as exemplars.
        fit: Slope, cross-validated error and intervals of the bank.
        predictions: True score and score predicted from the other dives, in points, by the name of the film.
        left_out: Why a dive was not used, in words, by the name of its film.
        copies: Films that show the same dive; they were kept in one fold.
    """

    bank: ExemplarBank
    fit: BankFit
    predictions: dict[str, tuple[float, float]]
    left_out: dict[str, str]
    copies: tuple[FilmCopy, ...] = ()

    def save(self, path: Path) -> None:
        """Write the bank, and the fit beside it.

        Raises:
            DataError: They cannot be written.
        """
        self.bank.save(path)
        write_files({path.with_suffix(".json"): (self.fit.model_dump_json(indent=1) + "\n").encode()})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Exemplar:
    """A dive that can be used."""

    dive: Dive
    encoding: QueryEncoding
    pictures: Mapping[int, bytes]
    strip: FilmStrip


def fit_bank(
    scorer: Scorer,
    dives: Sequence[Dive],
    *,
    exemplars: int = 10,
    folder: Path | None = None,
    progress: Progress = lambda what, done, total: None,
) -> FittedBank:
    """Encode own dives and cross-validate their scores.

    Args:
        scorer: Scorer whose network encodes the dives.
        dives: Labelled dives; those without a film are left out.
        exemplars: Number of exemplars that vote on each dive; 10 as in the paper.
        folder: Folder that films are named within; the one that they share by default.
        progress: Called before every dive and every pair of films with what is done, how many are done, and of how many.

    Raises:
        DataError: Fewer than `LEAST_DIVES` different dives can be used, which is told before any film is read where the labels
            show it; or no network of the scorer compares dives.
    """
    comparing = [network for network in scorer.scoring_networks if network.model.compares]
    if not comparing:
        scorer.scoring_networks[0].check_compares()
    names = film_names(dives, folder)
    left_out = {names[dive.dive_id]: why for dive in dives if (why := _label_problem(dive, comparing))}
    _check_enough(
        len({dive.frames_path for dive in dives if names[dive.dive_id] not in left_out}), dives, left_out
    )
    usable: list[tuple[Dive, Scored, FilmStrip]] = []
    for done, dive in enumerate(dives):
        progress("dives", done, len(dives))
        if names[dive.dive_id] in left_out:
            continue
        seen = scorer.scored(str(dive.frames_path), known_of(dive))
        if why := problem_of(seen):
            left_out[names[dive.dive_id]] = why
        else:
            usable.append((dive, seen.without_pictures(), FilmStrip.of(seen.media, seen.result)))
    network = _network_of(comparing, [seen for _, seen, _ in usable])
    kept = []
    for dive, seen, strip in usable:
        found = _exemplar(dive, seen, strip, network)
        if isinstance(found, str):
            left_out[names[dive.dive_id]] = found
        else:
            kept.append(found)
    _check_enough(len(kept), dives, left_out)
    films = [names[one.dive.dive_id] for one in kept]
    copies = copies_among(films, [one.strip for one in kept], progress)
    folds = folds_of(films, copies)
    if folds.num_groups < LEAST_DIVES:
        raise DataError(
            f"{len(kept)} films show {folds.num_groups} different dives: {'; '.join(copy.words for copy in copies)}",
            todo=f"give {LEAST_DIVES} or more different dives",
        )
    bank = ExemplarBank(
        dives=tuple(one.dive for one in kept),
        stages=joined([one.encoding.stages for one in kept]),
        edges=torch.cat([one.encoding.edges for one in kept]),
        weights_hash=network.card.weights_hash,
        pictures={one.dive.dive_id: one.pictures for one in kept},
    )
    fit, predictions = cross_validated(network, bank, [one.encoding.views for one in kept], exemplars, folds)
    return FittedBank(
        bank=bank,
        fit=fit.model_copy(update={"films": {one.dive.dive_id: names[one.dive.dive_id] for one in kept}}),
        predictions={names[dive_id]: pair for dive_id, pair in predictions.items()},
        left_out=left_out,
        copies=copies,
    )


def film_names(dives: Sequence[Dive], folder: Path | None = None) -> dict[str, str]:
    """Name of each dive for its owner, by dive id: the path of its film, or the id of a dive without a film.

    Where a film stands in several rows, the dive's number tells them apart.

    Args:
        dives: Labelled dives.
        folder: Folder that paths are told within; the one that all films share by default.
    """
    paths = {dive.dive_id: Path(dive.frames_path).absolute() for dive in dives if dive.frames_path}
    base = None if folder is None else folder.resolve()
    if base is None and paths:
        base = Path(os.path.commonpath([path.parent for path in paths.values()]))
    told = {
        dive_id: path.relative_to(base).as_posix() if base and path.is_relative_to(base) else str(path)
        for dive_id, path in paths.items()
    }
    repeated = Counter(told.values())
    return {
        dive.dive_id: f"{name} (dive {dive.number})" if repeated[name] > 1 else name
        for dive in dives
        for name in [told.get(dive.dive_id, dive.dive_id)]
    }


def _label_problem(dive: Dive, comparing: Sequence[ScoringNetwork]) -> str:
    """Why a dive cannot be used, as far as that is known before its film is read; empty where nothing is."""
    if not dive.frames_path:
        return "there is no film of it"
    if not Path(dive.frames_path).exists():
        return f"there is no {dive.frames_path}"
    if all(network.executes for network in comparing) and known_of(dive).known_difficulty is None:
        return _NO_DIFFICULTY
    return ""


_NO_DIFFICULTY = "its difficulty is not known"


def _check_enough(num: int, dives: Sequence[Dive], left_out: Mapping[str, str]) -> None:
    """Refuse too few dives.

    Raises:
        DataError: They are fewer than `LEAST_DIVES`.
    """
    if num >= LEAST_DIVES:
        return
    first = next(iter(left_out.items()), None)
    told = "" if first is None else f"; the first that was left out: {first[0]}: {first[1]}"
    raise DataError(
        f"{num} of {len(dives)} dives can be used{told}",
        todo=f"give {LEAST_DIVES} or more single, whole dives",
    )


def _exemplar(dive: Dive, seen: Scored, strip: FilmStrip, network: ScoringNetwork) -> _Exemplar | str:
    """A dive as an exemplar of a network, or why it cannot be one."""
    encoding = seen.encodings.get(network.card.name)
    if encoding is None:
        return f"the network {network.card.name} cannot look at it"
    difficulty = known_of(dive).known_difficulty if network.executes else dive.difficulty
    if network.executes and difficulty is None:
        return _NO_DIFFICULTY
    film = seen.result.input
    return _Exemplar(
        dive=dive.with_changes(
            recording=f"sha256:{film.sha256}",
            difficulty=difficulty,
            num_frames=dive.num_frames or film.num_frames,
        ),
        encoding=encoding,
        pictures=_pictures(seen, encoding),
        strip=strip,
    )


def _pictures(seen: Scored, encoding: QueryEncoding) -> dict[int, bytes]:
    """Small pictures of a dive, as the bank keeps them."""
    if seen.media is None:
        return {}
    sampled = {encoding.frames[frame]: frame for frame in pictured_frames(encoding.edges[0].tolist())}
    width, height = seen.media.info.width_px, seen.media.info.height_px
    size = max(round(PICTURE_HEIGHT_PX * width / height), 1), PICTURE_HEIGHT_PX
    return {
        sampled[frame]: jpeg_bytes(scaled(image, size), PICTURE_QUALITY)
        for frame, image in seen.media.frames(sorted(sampled))
    }


def problem_of(seen: Scored) -> str:
    """Why a dive cannot be an exemplar; films that are new to the network are what own exemplars are for."""
    reasons = [reason.text for reason in seen.result.reasons if reason.code not in _NO_HINDRANCE]
    return " ".join(reasons)


def _network_of(comparing: Sequence[ScoringNetwork], scored: Sequence[Scored]) -> ScoringNetwork:
    """The network that speaks about most of some dives, of those that compare."""
    names = Counter(seen.network.card.name for seen in scored if seen.network is not None)
    return max(comparing, key=lambda network: names[network.card.name])
