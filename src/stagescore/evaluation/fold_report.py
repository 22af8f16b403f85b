"""The table over the folds of a protocol.

The predictions of all folds are pooled and measured once. Beside the model stand its branches alone, what needs no film,
fitted on each fold's training dives, and the published rows.

Intervals are cross-conformal (Vovk, "Cross-conformal predictors", 2015): the interval of a fold's dives is fitted
on the out-of-fold errors of the other folds. The temperature of the recognised dive numbers is fitted likewise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from stagescore.errors import ConfigError
from stagescore.evaluation.bootstrap import Measured
from stagescore.evaluation.evaluation_report import EvaluationReport, Row, measure, paired, published_row
from stagescore.evaluation.fold_identity import FoldIdentity, one_table
from stagescore.evaluation.kept_folds import KeptFold
from stagescore.evaluation.published import published_on
from stagescore.evaluation.recognition import (
    calibrated,
    cross_calibrated,
    cross_fitted,
    number_note,
    number_tables,
)
from stagescore.evaluation.stage_table import stage_table
from stagescore.evaluation.unknown_numbers import at_difficulty, without_numbers
from stagescore.inference.intervals import LEAST_DIVES, IntervalModel
from stagescore.inference.outcomes import Outcomes

ByFold = Mapping[str, Outcomes]
"""Outcomes of each fold's test dives, by the name of the fold."""


def pooled(by_fold: ByFold) -> Outcomes:
    """All folds together, each with an interval that was fitted on the errors of the others, where those are enough."""
    dives, models = [], interval_models(by_fold)
    for name, outcomes in by_fold.items():
        model = models[name]
        dives += [
            dive
            if model is None
            else replace(dive, interval=model.interval(dive.predicted_score, dive.votes, dive.sd))
            for dive in outcomes
        ]
    return Outcomes(tuple(dives))


def interval_models(by_fold: ByFold) -> dict[str, IntervalModel | None]:
    """For each fold what is fitted on the errors of the other folds; None where they have too few dives."""
    models = {}
    for name, outcomes in by_fold.items():
        others = tuple(dive for other, some in by_fold.items() if other != name for dive in some)
        models[name] = (
            IntervalModel.fit(replace(outcomes, dives=others)) if len(others) >= LEAST_DIVES else None
        )
    return models


def fold_report(
    folds: Sequence[KeptFold], calibration: Sequence[KeptFold] = ()
) -> tuple[EvaluationReport, Outcomes]:
    """Pool and measure, with label rules, single branches and published rows beside the model.

    Args:
        folds: Every fold of one protocol once for each run (seed, or mean of runs). All but the table of runs is of the
            first run.
        calibration: Folds of another protocol, on whose dives intervals and the probabilities of dive numbers are fitted as well;
            a protocol of a single fold has no others to fit them on.

    Returns:
        The report, and the outcomes of the first run in the order of its folds.

    Raises:
        ConfigError: The folds cannot stand in one table, or the calibration has a tested dive.
    """
    one_table([fold.identity for fold in folds])
    _check_calibration(folds, calibration)
    runs = {
        run: [fold for fold in folds if fold.identity.run == run]
        for run in dict.fromkeys(fold.identity.run for fold in folds)
    }
    together = {run: _together(some, calibration) for run, some in runs.items()}
    run, first = next(iter(runs.items()))
    identity, whole = first[0].identity, together[run]
    exemplars = "w/ DN" if first[0].exemplars else ""
    headline = _row(f"out of fold, {identity.protocol}", whole, exemplars)
    beside = {
        name: _joined([fold.scored(fold.alone[name], with_transitions=True) for fold in first])
        for name in first[0].alone
    }
    rules = {name: _joined([fold.scored(fold.rules[name]) for fold in first]) for name in first[0].rules}
    tables: dict[str, list[Row]] = {"Model": [headline]}
    if len(runs) > 1:
        single = [some[0].identity.run for some in runs.values() if not some[0].identity.averaged_seeds]
        tables |= _run_table(together, single, exemplars)
    if beside:
        tables["Each branch of the regression alone"] = [
            Row(name=name, figures=measure(outcomes), num_dives=len(outcomes))
            for name, outcomes in beside.items()
        ]
    tables |= stage_table(first)
    tables |= number_tables(whole)
    tables |= _unknown_number_table(first, calibration)
    others = _other_rows(first)
    if others:
        tables["Other ways to score the same films"] = [
            Row(name=name, figures=measure(outcomes), num_dives=len(outcomes))
            for name, outcomes in others.items()
        ]
    tables["What needs no film"] = [
        Row(name=name, figures=measure(outcomes), kind="floor", num_dives=len(outcomes))
        for name, outcomes in rules.items()
    ]
    if published := [published_row(row) for name in identity.datasets for row in published_on(name)]:
        tables["Published figures, measured by their authors on the published test split"] = published
    report = EvaluationReport(
        headline=headline,
        exemplars=f"{first[0].exemplars} from the training dives of the fold" if exemplars else "",
        weights_hash="one a fold",
        tables=tables,
        paired={
            name: paired(_same_dives(whole, some), some)
            for name, some in {**_without(together, run), **beside, **others, **rules}.items()
        },
        notes=tuple(_notes(first, whole, len(runs), calibration)),
    )
    return report, whole


def _check_calibration(folds: Sequence[KeptFold], calibration: Sequence[KeptFold]) -> None:
    tested = {dive.dive_id for fold in folds for dive in fold.outcomes()}
    known = {dive.dive_id for fold in calibration for dive in fold.outcomes()}
    if both := sorted(tested & known):
        raise ConfigError(
            f"{len(both)} tested dives are among those that intervals are fitted on",
            where=both[0],
            todo="calibrate on folds that leave the tested dives out",
        )


def _by_name(folds: Sequence[KeptFold], calibration: Sequence[KeptFold]) -> dict[str, KeptFold]:
    """Folds by name, those that only calibrate apart from the tested ones."""
    return {fold.identity.fold: fold for fold in folds} | {
        f"calibration {fold.identity.file_name}": fold for fold in calibration
    }


def _unknown_number_table(folds: Sequence[KeptFold], calibration: Sequence[KeptFold]) -> dict[str, list[Row]]:
    """The same films without their labels; nothing for models that recognise no numbers or predict points."""
    evidence = {fold.identity.fold: fold.evidence() for fold in folds}
    executions = {fold.identity.fold: fold.executions for fold in folds}
    known = {name: one for name, one in executions.items() if one is not None}
    if len(known) < len(folds) or not all(evidence.values()):
        return {}
    by_fold = {fold.identity.fold: fold.outcomes() for fold in folds}
    votes = {name: one.votes for name, one in known.items()}
    every = _by_name(folds, calibration)
    fitted = cross_calibrated({name: fold.evidence() for name, fold in every.items()})
    temperatures = {name: 1.0 if one is None else one.temperature for name, one in fitted.items()}
    intervals = interval_models({name: fold.outcomes() for name, fold in every.items()})
    recognised, refused = without_numbers(by_fold, votes, evidence, temperatures, intervals)
    usual = pooled(
        {
            name: at_difficulty(outcomes, votes[name], known[name].mean_difficulty)
            for name, outcomes in by_fold.items()
        }
    )
    total = sum(map(len, by_fold.values()))
    name = "number and difficulty recognised from the film"
    return {
        "Neither dive number nor difficulty known": [
            Row(
                name=name if not refused else f"{name} ({refused} of {total} get no score)",
                figures=measure(recognised),
                num_dives=len(recognised),
            ),
            Row(
                name="execution times the mean difficulty of the training dives",
                figures=measure(usual),
                num_dives=len(usual),
            ),
        ]
    }


def _other_rows(folds: Sequence[KeptFold]) -> dict[str, Outcomes]:
    """Rows that every fold has and that score at least two dives.

    Raises:
        ConfigError: Rows of one name were made with other weights in another fold.
    """
    found = {}
    for name in folds[0].others:
        having = [fold for fold in folds if name in fold.others]
        if len({fold.others[name].made_of.get("weights_sha256") for fold in having}) > 1:
            raise ConfigError(
                f"{name!r} was made with other weights in other folds", todo="make that row of all folds anew"
            )
        outcomes = _joined([fold.row_outcomes(name) for fold in having])
        if len(having) == len(folds) and len(outcomes) > 1:
            found[name] = outcomes
    return found


def _same_dives(outcomes: Outcomes, some: Outcomes) -> Outcomes:
    wanted = {dive.dive_id for dive in some}
    return outcomes.where(np.array([dive.dive_id in wanted for dive in outcomes]))


def _row(name: str, outcomes: Outcomes, exemplars: str) -> Row:
    return Row(
        name=name, figures=measure(outcomes), protocol=exemplars, num_dives=len(outcomes), column="last"
    )


def _together(folds: Sequence[KeptFold], calibration: Sequence[KeptFold]) -> Outcomes:
    """The whole model's outcomes of one run, with intervals and recognised dive numbers."""
    every = _by_name(folds, calibration)
    fitted = cross_fitted(
        {name: fold.outcomes() for name, fold in every.items()},
        {name: fold.evidence() for name, fold in every.items()},
    )
    return _same_dives(pooled(fitted), _joined([fold.outcomes() for fold in folds]))


def _joined(parts: Sequence[Outcomes]) -> Outcomes:
    return Outcomes(tuple(dive for part in parts for dive in part))


def _without(together: Mapping[str, Outcomes], run: str) -> dict[str, Outcomes]:
    return {name: outcomes for name, outcomes in together.items() if name != run}


def _run_table(
    together: Mapping[str, Outcomes], single: Sequence[str], exemplars: str
) -> dict[str, list[Row]]:
    """Each run's row; of those of a single seed the mean as well, with the lowest and the highest of them."""
    rows = {run: _row(run, outcomes, exemplars) for run, outcomes in together.items()}
    if len(single) < 2:
        return {"Runs": list(rows.values())}
    figures = {}
    for name in rows[single[0]].figures:
        values = [rows[run].figures[name].value for run in single]
        figures[name] = Measured(float(np.mean(values)), float(np.min(values)), float(np.max(values)))
    mean = replace(
        rows[single[0]], name=f"mean of the figures of {len(single)} seeds [lowest, highest]", figures=figures
    )
    return {"Runs": [*rows.values(), mean]}


P3D_NOTE = (
    "P3D features by SVR are not measured here: they were fine-tuned on these very dives, so that out of fold they would know the "
    "tested ones, and the 70 films of the published test split are held back. The figure beside is of that split."
)


def _notes(
    folds: Sequence[KeptFold], whole: Outcomes, num_runs: int, calibration: Sequence[KeptFold]
) -> list[str]:
    identity = folds[0].identity
    others = f"the folds of {calibration[0].identity.protocol}" if calibration else "the other folds"
    of_runs = "" if num_runs == 1 else f", the first of {num_runs} runs but for the table of runs"
    evidence = {name: fold.evidence() for name, fold in _by_name(folds, calibration).items()}
    counted = "1 fold, one run" if len(folds) == 1 else f"{len(folds)} folds, one run each"
    return [
        f"{counted}, {len(whole)} dives, {identity.run}{of_runs}; known at test: {_known_at_test(folds[0])}.",
        _about_sealed(identity),
        *([f"Intervals were fitted on the errors of {others}."] if calibration else []),
        *number_note(whole, others if calibrated(evidence) else ""),
        *([P3D_NOTE] if "unlv-dive" in identity.datasets else []),
        *(["Each dive is seen plain and mirrored by its one network."] if identity.mirrored else []),
    ]


def _known_at_test(fold: KeptFold) -> str:
    """The labels of a tested dive that its prediction reads."""
    if fold.exemplars:
        return "dive number and difficulty"
    return (
        "difficulty" if fold.identity.settings.get("data.target") == "execution" else "nothing but the film"
    )


def _about_sealed(identity: FoldIdentity) -> str:
    if identity.protocol == "sealed":
        return "The tested dives are those of the sealed athletes, which were left out of every choice of settings."
    return (
        "The sealed athletes take part: a development figure."
        if identity.sealed
        else "The sealed athletes are left out."
    )
