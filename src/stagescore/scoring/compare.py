"""Two dives side by side: difference of points per stage, and both on one time base.

The time base runs through the stages: 0 to 1 is the take-off, 1 to 2 the flight, 2 to 3 the entry, whatever their
lengths are. Source: paper, section III-E, for the differences.
"""

from collections.abc import Sequence

import torch
from pydantic import Field

from stagescore.config import Config
from stagescore.errors import DataError
from stagescore.scoring.query_encoding import QueryEncoding
from stagescore.scoring.result import Result
from stagescore.scoring.scored import Scored
from stagescore.scoring.scorer import Scorer
from stagescore.scoring.scoring_network import ScoringNetwork
from stagescore.tensors import Representation
from stagescore.types import STAGE_NAMES, Dive

STEPS = 24
"""Steps of each stage on the common time base. Set by hand."""


class StageDifference(Config):
    """One stage of both dives.

    Attributes:
        name: Name of the stage: take-off, flight or entry.
        difference: Points, first dive minus second, all branches together.
        by_branch: Points of each branch, first dive minus second; they add up to `difference`.
    """

    name: str
    difference: float
    by_branch: list[float]


class Moment(Config):
    """One step of the common time base.

    Attributes:
        time: Stage number and share of the stage, such as 1.5 for the middle of the flight.
        first_frame: Frame of the first dive's input.
        second_frame: Frame of the second dive's input; None for an exemplar without a film.
        first_angles: Knee, hip and trunk angles of the first dive, in degrees; None where unknown.
        second_angles: Knee, hip and trunk angles of the second dive, in degrees; None where unknown.
    """

    time: float
    first_frame: int
    second_frame: int | None
    first_angles: tuple[float | None, float | None, float | None]
    second_angles: tuple[float | None, float | None, float | None]


class DiveComparison(Config):
    """Two dives, stage by stage.

    Attributes:
        first: The first dive's result.
        second: The second dive's result; None for an exemplar of the bank.
        exemplar: Dive id of the exemplar; None for two films.
        exemplar_score: True score of the exemplar, in points; None for two films.
        exemplar_edges: Frames at which the exemplar's stages begin and the last one ends, among its sampled frames;
            None for two films.
        branches: Names of the branches, in the order of `StageDifference.by_branch`.
        difference: Points, first minus second, as the network sees it: the sum over the stages. Of a network that
            predicts execution it is what both executions differ by at the difficulty of the first.
        stages: Differences of the three stages; they add up to `difference`.
        moments: Steps through both dives on their common time base.
    """

    first: Result
    second: Result | None
    exemplar: str | None = None
    exemplar_score: float | None = None
    exemplar_edges: list[int] | None = None
    branches: list[str]
    difference: float
    stages: list[StageDifference]
    moments: list[Moment] = Field(default_factory=list)


def compare_dives(scorer: Scorer, first: Scored, second: Scored) -> DiveComparison:
    """Compare two scored dives.

    Raises:
        DataError: One of them failed or does not show all stages, or the network compares no dives.
    """
    network = _network(scorer, first)
    _seen(first), _seen(second)
    name = network.card.name
    if name not in second.encodings:
        raise DataError(
            f"the network {name}, which scores the first dive, cannot look at the second one",
            where=second.result.input.path,
            todo="compare two films",
        )
    their_score = _known(
        second.result.execution if network.executes else second.result.score,
        "score",
        second.result.input.path,
    )
    stages = _differences(network, first, second.encodings[name].views, their_score)
    moments = []
    pairs = zip(_time_base(first.result), _time_base(second.result), strict=True)
    for (time, mine), (_, theirs) in pairs:
        moments.append(
            Moment(
                time=time,
                first_frame=mine,
                second_frame=theirs,
                first_angles=_angles(first.result, mine),
                second_angles=_angles(second.result, theirs),
            )
        )
    return DiveComparison(
        first=first.result,
        second=second.result,
        branches=network.branches,
        difference=sum(stage.difference for stage in stages),
        stages=stages,
        moments=moments,
    )


def compare_with_best(scorer: Scorer, first: Scored) -> DiveComparison:
    """Compare a dive with the bank's best of the same dive number, or of all without one.

    Raises:
        DataError: It failed or does not show all stages, the bank has no such dive, or the network compares no dives.
    """
    network = _network(scorer, first)
    _seen(first)
    bank, number = network.exemplars, first.result.dive_number
    own = f"sha256:{first.result.input.sha256}"
    fitting = [dive for dive in bank.dives if number in (None, dive.dive_number)]
    fitting = [dive for dive in fitting if dive.recording != own]
    if network.executes:
        # Without a difficulty its execution is not known.
        fitting = [dive for dive in fitting if dive.execution is not None]
    if not fitting:
        what = "no other dive" if number is None else f"no other dive {number}"
        raise DataError(f"the bank has {what}", todo="name a second film")
    best: Dive = max(fitting, key=lambda dive: (dive.score, dive.dive_id))
    row = bank.rows([best])
    their_score = _known(best.execution if network.executes else best.score, "score", best.dive_id)
    stages = _differences(network, first, [bank.stages.select(row)], their_score)
    moments = [
        Moment(
            time=time,
            first_frame=frame,
            second_frame=None,
            first_angles=_angles(first.result, frame),
            second_angles=(None, None, None),
        )
        for time, frame in _time_base(first.result)
    ]
    return DiveComparison(
        first=first.result,
        second=None,
        exemplar=best.dive_id,
        exemplar_score=best.score,
        exemplar_edges=bank.edges[row[0]].tolist(),
        branches=network.branches,
        difference=sum(stage.difference for stage in stages),
        stages=stages,
        moments=moments,
    )


def _seen(scored: Scored) -> QueryEncoding:
    result = scored.result
    if scored.encoding is None or len(result.stages) != 3 or result.status != "ok":
        told = " ".join(reason.text for reason in result.reasons) or "It does not show all stages of a dive."
        raise DataError(
            f"there is nothing to compare ({result.status}). {told}",
            where=result.input.path,
            todo="compare whole single dives",
        )
    return scored.encoding


def _known(value: float | None, what: str, where: str) -> float:
    """Something that a comparison needs to know of a dive.

    Raises:
        DataError: It is not known.
    """
    if value is None:
        raise DataError(f"its {what} is not known", where=where, todo="give its difficulty")
    return value


def _network(scorer: Scorer, scored: Scored) -> ScoringNetwork:
    """The network that speaks about a dive.

    Raises:
        DataError: It predicts scores without comparing dives, or cuts no stages that could be compared.
    """
    network = scored.network or scorer.scoring_networks[0]
    network.check_compares()
    if network.card.model.cut != "3":
        raise DataError(
            f"the network {network.card.name} does not find the three stages of a dive",
            todo="name weights that do, such as nano",
        )
    return network


@torch.no_grad()
def _differences(
    network: ScoringNetwork, first: Scored, theirs: Sequence[Representation], score: float
) -> list[StageDifference]:
    """Points per stage, first dive minus the other: the mean over the views of both, alike with alike.

    Differences of execution become points as in a vote: multiplied by the difficulty of the dive that is compared.

    Args:
        network: Network that has seen both dives.
        first: The dive that is compared.
        theirs: What the network made of the other dive, in one view or in all.
        score: Score or execution of the other dive, whichever the network predicts.

    Raises:
        DataError: The network predicts execution, and the difficulty of the first dive is not known.
    """
    mine, result = _seen(first), first.result
    factor = network.slope
    if network.executes:
        factor *= _known(result.difficulty, "difficulty", result.input.path)
    others = list(theirs) * len(mine.views) if len(theirs) == 1 else theirs
    known = torch.tensor([score], device=network.model.device)
    found = [
        network.contrastive.compare(one, two, known) for one, two in zip(mine.views, others, strict=True)
    ]
    deltas = torch.stack([comparison.stage_deltas[0] for comparison in found]).mean(dim=0).double()
    rows = [[factor * part for part in stage] for stage in deltas.tolist()]
    return [
        StageDifference(name=name, difference=sum(row), by_branch=row)
        for name, row in zip(STAGE_NAMES, rows, strict=True)
    ]


def _time_base(result: Result) -> list[tuple[float, int]]:
    """Steps of the common time base and their frames."""
    found = []
    for number, stage in enumerate(result.stages):
        length = stage.end_frame - stage.start_frame
        for step in range(STEPS):
            share = step / STEPS
            found.append((number + share, stage.start_frame + int(share * length)))
    return found


def _angles(result: Result, frame: int) -> tuple[float | None, float | None, float | None]:
    angles = result.angles
    if angles is None:
        return None, None, None
    row = frame - angles.frames[0]
    return angles.knee[row], angles.hip[row], angles.trunk[row]
