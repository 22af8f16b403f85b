"""Two dives side by side: points that are points, one time base, and no dive beside itself."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import stored_dives
import torch

sys.path.insert(0, str(Path(__file__).parent))

import made_scorer

from stagescore.errors import DataError
from stagescore.models.hp_mcore.settings import HPMCoReSettings
from stagescore.scoring.compare import STEPS, compare_dives, compare_with_best
from stagescore.scoring.result import Result
from stagescore.scoring.result_parts import StageResult
from stagescore.scoring.scored import Scored
from stagescore.scoring.scorer import Scorer
from stagescore.types import STAGE_NAMES, Dive

Scores = Callable[..., Scored]


@pytest.fixture(scope="module")
def dives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dive, ...]:
    return stored_dives.dives(tmp_path_factory)


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    """Predicts execution of a dive and of its mirror image, as the weights for real films do."""
    (network,) = made_scorer.scorer(tmp_path_factory).scoring_networks
    return made_scorer.scorer_of(made_scorer.executing(network, blends_with_prior=False, mirrored=True))


@pytest.fixture(scope="module")
def pair(scorer: Scorer, dives: tuple[Dive, ...]) -> tuple[Scored, Scored]:
    """Two dives; of the first the joints are known, and the first frames are left out."""
    first, second = dives[0], dives[1]
    return (
        scorer.scored(str(first.frames_path), difficulty=3.0, poses=first.poses_path, start=5),
        scorer.scored(str(second.frames_path), difficulty=2.0),
    )


def with_result(scored: Scored, **changes: object) -> Scored:
    return replace(scored, result=scored.result.model_copy(update=changes))


def test_the_difference_to_the_best_exemplar_is_what_that_exemplar_says_in_the_vote(
    scorer: Scorer, pair: tuple[Scored, Scored]
) -> None:
    """It was in execution, so about three times too small, wherever the weights predict execution."""
    first = pair[0]
    found = compare_with_best(scorer, first)
    (vote,) = [vote for vote in first.result.exemplars if vote.dive_id == found.exemplar]
    assert found.difference == pytest.approx(vote.delta, abs=1e-5)
    for stage, parts in zip(found.stages, vote.stage_deltas, strict=True):
        assert stage.by_branch == pytest.approx(parts, abs=1e-5)
        assert stage.difference == pytest.approx(sum(parts), abs=1e-5)
    assert found.exemplar_score == max(dive.score for dive in scorer.scoring_networks[0].exemplars.dives)


def test_two_dives_are_compared_view_by_view_at_the_difficulty_of_the_first(
    scorer: Scorer, pair: tuple[Scored, Scored]
) -> None:
    first, second = pair
    network = scorer.scoring_networks[0]
    assert first.encoding is not None and second.encoding is not None and len(first.encoding.views) == 2
    total = torch.zeros(3, len(network.branches))
    for mine, theirs in zip(first.encoding.views, second.encoding.views, strict=True):
        with torch.no_grad():
            found = network.contrastive.compare(mine, theirs, torch.tensor([second.result.execution]))
        total += 3.0 * found.stage_deltas[0] / 2
    compared = compare_dives(scorer, first, second)
    assert [stage.name for stage in compared.stages] == list(STAGE_NAMES)
    for row, stage in enumerate(compared.stages):
        assert stage.by_branch == pytest.approx(total[row].tolist(), abs=1e-4)
    assert compared.difference == pytest.approx(float(total.sum()), abs=1e-4)


def test_every_step_lies_in_its_stage_and_has_the_angles_of_its_frame(
    scorer: Scorer, pair: tuple[Scored, Scored]
) -> None:
    first, second = pair
    found = compare_dives(scorer, first, second)
    assert len(found.moments) == 3 * STEPS
    angles = first.result.angles
    assert angles is not None and angles.frames[0] == 5
    by_frame = {
        frame: (angles.knee[row], angles.hip[row], angles.trunk[row])
        for row, frame in enumerate(angles.frames)
    }
    for moment in found.moments:
        number = int(moment.time)
        for stage, frame in (
            (first.result.stages[number], moment.first_frame),
            (second.result.stages[number], moment.second_frame),
        ):
            share = moment.time - number
            wanted = stage.start_frame + int(share * (stage.end_frame - stage.start_frame) + 1e-9)
            assert frame == wanted and stage.start_frame <= frame < stage.end_frame
        assert moment.first_angles == by_frame[moment.first_frame]
        assert moment.second_angles == (None, None, None)
    assert any(angle is not None for moment in found.moments for angle in moment.first_angles)


def test_a_stage_of_one_frame_shows_that_frame_all_the_time(
    scorer: Scorer, pair: tuple[Scored, Scored]
) -> None:
    first, second = pair
    edges = (5, 6, 40, first.result.input.num_frames)
    stages = [
        StageResult(name=name, start_frame=a, end_frame=b, start_s=0.0, end_s=1.0, confidence=1.0)
        for name, a, b in zip(STAGE_NAMES, edges, edges[1:], strict=False)
    ]
    found = compare_dives(scorer, with_result(first, stages=stages), second)
    assert {moment.first_frame for moment in found.moments if moment.time < 1} == {5}


def test_the_best_is_of_the_same_number_and_never_the_film_itself(
    scorer: Scorer, pair: tuple[Scored, Scored]
) -> None:
    (network,) = scorer.scoring_networks
    bank = network.exemplars
    ranked = sorted(bank.dives, key=lambda dive: dive.score)
    best, worst = ranked[-1], ranked[0]

    def beside(**changes: dict[str, object]) -> Scored:
        """The first film beside a bank in which some dives are other ones."""
        known = tuple(dive.with_changes(**changes.get(dive.dive_id, {})) for dive in bank.dives)
        return replace(pair[0], network=replace(network, bank=replace(bank, dives=known)))

    numbered = beside(**{worst.dive_id: {"dive_number": "5253B"}})
    assert compare_with_best(scorer, with_result(numbered, dive_number="5253B")).exemplar == worst.dive_id
    own = f"sha256:{pair[0].result.input.sha256}"
    assert compare_with_best(scorer, beside(**{best.dive_id: {"recording": own}})).exemplar != best.dive_id
    with pytest.raises(DataError, match="no other dive 614B"):
        compare_with_best(scorer, with_result(pair[0], dive_number="614B"))
    all_own = beside(**{dive.dive_id: {"recording": own} for dive in bank.dives})
    with pytest.raises(DataError, match="has no other dive; "):
        compare_with_best(scorer, all_own)


def test_what_is_no_whole_dive_is_not_compared_and_named(scorer: Scorer, pair: tuple[Scored, Scored]) -> None:
    first, second = pair
    for wrong in (
        with_result(second, status="needs_review"),
        with_result(second, stages=second.result.stages[1:]),
        replace(second, encoding=None),
    ):
        with pytest.raises(DataError, match="nothing to compare") as caught:
            compare_dives(scorer, first, wrong)
        assert second.result.input.path in str(caught.value)
        with pytest.raises(DataError, match="nothing to compare"):
            compare_dives(scorer, wrong, second)
    with pytest.raises(DataError, match="cannot look at the second one"):
        compare_dives(scorer, first, replace(second, encodings={}))
    with pytest.raises(DataError, match="score is not known"):
        compare_dives(scorer, first, with_result(second, execution=None))
    with pytest.raises(DataError, match="difficulty is not known"):
        compare_dives(scorer, with_result(first, difficulty=None), second)


def test_a_network_without_stages_compares_nothing(scorer: Scorer, pair: tuple[Scored, Scored]) -> None:
    (network,) = scorer.scoring_networks
    model = network.card.model
    assert isinstance(model, HPMCoReSettings)
    one_stage = model.model_copy(
        update={"segmentation": model.segmentation.model_copy(update={"stages": "1"})}
    )
    card = network.card.model_copy(update={"model": one_stage})
    blind = replace(pair[0], network=replace(network, card=card))
    with pytest.raises(DataError, match="three stages"):
        compare_dives(scorer, blind, pair[1])


def test_points_stay_points_of_a_network_that_predicts_scores(
    dives: tuple[Dive, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    scorer = made_scorer.scorer(tmp_path_factory)
    scorer.flights = made_scorer.GivenFlight()
    first = scorer.scored(str(dives[0].frames_path), difficulty=3.0)
    found = compare_with_best(scorer, first)
    (vote,) = [vote for vote in first.result.exemplars if vote.dive_id == found.exemplar]
    assert found.difference == pytest.approx(vote.delta, abs=1e-5)
    assert Result.model_validate_json(found.first.to_bytes()) == first.result
