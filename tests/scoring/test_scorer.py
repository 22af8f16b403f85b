"""From a film to a result: parts add up, runs repeat, and what cannot be scored has no score."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stored_dives
from jsonschema import Draft202012Validator
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

import made_scorer

from stagescore.data.preprocessing import Window
from stagescore.errors import ConfigError, DataError
from stagescore.locking import alone_in
from stagescore.pose.annotation import ENDS_IN_AIR, STARTS_IN_AIR
from stagescore.scoring import batch, pipeline
from stagescore.scoring.bank_fitting import LEAST_DIVES, fit_bank
from stagescore.scoring.bank_validation import fitted_slope
from stagescore.scoring.compare import compare_dives, compare_with_best
from stagescore.scoring.inputs import InputClip
from stagescore.scoring.output_folder import claimed_folder
from stagescore.scoring.poses import Poses
from stagescore.scoring.result import Result, schema_bytes
from stagescore.scoring.scorer import Scorer
from stagescore.types import STAGE_NAMES, Dive

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    loaded = made_scorer.scorer(tmp_path_factory)
    loaded.flights = made_scorer.GivenFlight()
    return loaded


@pytest.fixture
def dives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dive, ...]:
    return stored_dives.dives(tmp_path_factory)


def score(scorer: Scorer, dive: Dive, **changes: Any) -> Result:
    assert dive.frames_path is not None
    return scorer.score(dive.frames_path, **changes)


def test_the_parts_add_up_to_the_score(scorer: Scorer, dives: tuple[Dive, ...]) -> None:
    result = score(scorer, dives[0], dive_number=dives[0].dive_number, difficulty=3.0)
    assert result.status == "ok"
    assert result.score is not None
    mean_exemplar = np.mean([vote.score for vote in result.exemplars])
    by_stage = [stage.difference for stage in result.stages]
    assert result.score == pytest.approx(mean_exemplar + sum(by_stage), abs=1e-9)
    for vote in result.exemplars:
        assert vote.delta == pytest.approx(np.sum(vote.stage_deltas), abs=1e-9)
        assert np.shape(vote.stage_deltas) == (3, len(result.branches))
    low, high = result.interval
    assert low < result.score < high
    assert not result.validated
    assert any("never validated" in warning for warning in result.warnings)


def test_stages_tile_the_clip_and_attention_adds_up_in_each(scorer: Scorer, dives: tuple[Dive, ...]) -> None:
    result = score(scorer, dives[0], start=5)
    assert tuple(stage.name for stage in result.stages) == STAGE_NAMES
    edges = [result.stages[0].start_frame, *(stage.end_frame for stage in result.stages)]
    assert edges[0] == 5
    assert edges[-1] == dives[0].num_frames
    assert all(
        one.end_frame == two.start_frame for one, two in zip(result.stages, result.stages[1:], strict=False)
    )
    assert sum(result.attention) == pytest.approx(3.0, abs=1e-4)
    assert len(result.attention) == len(result.attention_frames) == 96
    assert result.attention_frames[0] == 5
    assert "no dive number" in result.protocol


def test_stages_say_what_of_them_the_network_was_shown(scorer: Scorer, dives: tuple[Dive, ...]) -> None:
    for stage in score(scorer, dives[0], start=5).stages:
        assert stage.shown_frames == (stage.start_frame, stage.end_frame)
    (network,) = scorer.scoring_networks
    window = network.card.preprocessing.model_copy(update={"window": Window(before=0.25, after=0.4)})
    scorer.scoring_networks = (
        replace(network, card=network.card.model_copy(update={"preprocessing": window})),
    )
    scored = scorer.scored(dives[0].frames_path or "")
    stages, frames = scored.result.stages, scored.encoding.frames
    assert frames[0] > 0 and frames[-1] < dives[0].num_frames - 1
    assert [stage.shown_frames for stage in stages] == [
        (frames[0], stages[0].end_frame),
        (stages[1].start_frame, stages[1].end_frame),
        (stages[2].start_frame, frames[-1] + 1),
    ]


def test_a_second_run_gives_the_same_bytes_apart_from_timings(
    scorer: Scorer, dives: tuple[Dive, ...]
) -> None:
    runs = [json.loads(score(scorer, dives[1]).to_bytes()) for _ in range(2)]
    assert runs[0].pop("timings").keys() == runs[1].pop("timings").keys()
    assert runs[0] == runs[1]


def test_the_schema_in_the_documents_is_that_of_the_results(scorer: Scorer, dives: tuple[Dive, ...]) -> None:
    written = (ROOT / "docs" / "result-schema.json").read_bytes()
    assert written == schema_bytes(), "stagescore score --schema > docs/result-schema.json"
    Draft202012Validator.check_schema(json.loads(written))
    result = score(scorer, dives[0])
    assert Result.model_validate_json(result.to_bytes()) == result
    known = json.loads(written)["properties"]
    assert set(json.loads(result.to_bytes())) == set(known)


def test_every_kind_of_result_fits_the_schema(
    scorer: Scorer, dives: tuple[Dive, ...], tmp_path: Path
) -> None:
    validator = Draft202012Validator(json.loads((ROOT / "docs" / "result-schema.json").read_bytes()))
    scored = score(scorer, dives[0], dive_number=dives[0].dive_number, difficulty=3.0)
    scorer.flights = made_scorer.GivenFlight(ends_in_air=True)
    partial, failed = score(scorer, dives[1]), scorer.score(tmp_path / "none.mp4")
    assert [result.status for result in (scored, partial, failed)] == ["ok", "needs_review", "failed"]
    for result in (scored, partial, failed):
        validator.validate(json.loads(result.to_bytes()))
    wrong = json.loads(scored.to_bytes()) | {"status": "fine"}
    assert not validator.is_valid(wrong)


@pytest.mark.parametrize(
    ("changes", "names", "events"),
    [
        ({"starts_in_air": True, "no_takeoff": True}, ["flight", "entry"], (False, True)),
        ({"ends_in_air": True}, ["take-off", "flight"], (True, False)),
        ({"starts_in_air": True, "ends_in_air": True}, ["flight"], (False, False)),
    ],
)
def test_a_part_of_a_dive_shows_its_stages_and_has_no_score(
    scorer: Scorer,
    dives: tuple[Dive, ...],
    changes: dict[str, bool],
    names: list[str],
    events: tuple[bool, bool],
) -> None:
    scorer.flights = made_scorer.GivenFlight(**changes)
    result = score(scorer, dives[0])
    assert (result.status, result.score, result.interval) == ("needs_review", None, None)
    assert [reason.code for reason in result.reasons] == ["partial"]
    assert [stage.name for stage in result.stages] == names
    assert all(stage.difference is None for stage in result.stages)
    seen = result.events.first_airborne_frame, result.events.first_water_contact_frame
    assert tuple(event is not None for event in seen) == events


def test_a_film_that_begins_in_the_air_has_all_but_a_score(scorer: Scorer, dives: tuple[Dive, ...]) -> None:
    scorer.flights = made_scorer.GivenFlight(first=0, starts_in_air=True)
    result = score(scorer, dives[0], dive_number=dives[0].dive_number, difficulty=3.0)
    assert (result.status, result.score, result.interval) == ("needs_review", None, None)
    assert [reason.code for reason in result.reasons] == ["partial"]
    assert [stage.name for stage in result.stages] == ["flight", "entry"]
    assert result.events.first_airborne_frame is None and result.events.first_water_contact_frame is not None


def test_a_shot_that_begins_just_after_the_take_off_has_a_score_whose_parts_add_up(
    scorer: Scorer, dives: tuple[Dive, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Film 325 of UNLV-Dive: two stages of three were told, their differences were those of the stage before, and no report was made."""
    scorer.flights = made_scorer.GivenFlight(first=0, starts_in_air=True)
    monkeypatch.setattr(pipeline.checks, "partial_reason", lambda *told: None)
    result = score(scorer, dives[0], dive_number=dives[0].dive_number, difficulty=3.0)
    assert result.status == "ok" and result.score is not None
    assert [stage.name for stage in result.stages] == ["take-off", "flight", "entry"]
    parts = np.array([vote.stage_deltas for vote in result.exemplars]).sum(-1).mean(0)
    assert [stage.difference for stage in result.stages] == pytest.approx(parts.tolist())
    assert all(len(vote.stage_deltas) == len(result.stages) for vote in result.exemplars)
    assert result.events.first_airborne_frame is None
    assert any("take-off itself is not seen" in told for told in result.warnings)


def test_where_the_diver_is_in_the_air_is_said_once(
    scorer: Scorer, dives: tuple[Dive, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Films 183, 217, 273 and 357 of UNLV-Dive were said to have no take-off beside the frame of their take-off."""
    known = pipeline.no_poses

    def seeming(num_frames: int) -> Poses:
        return replace(known(num_frames), warnings=(STARTS_IN_AIR, ENDS_IN_AIR))

    monkeypatch.setattr(pipeline, "no_poses", seeming)
    scorer.flights = made_scorer.GivenFlight()
    result = score(scorer, dives[0])
    assert result.events.first_airborne_frame is not None
    assert not {STARTS_IN_AIR, ENDS_IN_AIR} & set(result.warnings)


def test_bad_inputs_fail_with_a_reason(scorer: Scorer, dives: tuple[Dive, ...], tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no film")
    grey = [np.full((32, 56, 3), 128, np.uint8)] * 20
    made_scorer.write_frames(tmp_path / "still", grey)
    made_scorer.write_frames(tmp_path / "short", grey[:5])
    found = {
        "missing": scorer.score(tmp_path / "none.mp4"),
        "text": scorer.score(tmp_path / "text.mp4"),
        "short": scorer.score(tmp_path / "short"),
        "span": score(scorer, dives[0], start=90, end=5000),
        "poses": score(scorer, dives[0], poses=tmp_path / "none.npz"),
        "still": scorer.score(tmp_path / "still"),
    }
    assert {name: (r.status, r.reasons[0].code) for name, r in found.items()} == {
        "missing": ("failed", "unreadable"),
        "text": ("failed", "unreadable"),
        "short": ("failed", "too-short"),
        "span": ("failed", "wrong-span"),
        "poses": ("failed", "bad-poses"),
        "still": ("needs_review", "still"),
    }
    assert all(result.score is None for result in found.values())


def test_black_frames_at_the_ends_change_nothing_but_the_numbers_of_the_frames(
    scorer: Scorer, dives: tuple[Dive, ...], tmp_path: Path
) -> None:
    images = sorted(Path(dives[0].frames_path or "").glob("*.jpg"))
    with Image.open(images[0]) as first:
        black = Image.new("RGB", first.size)
    for number in range(7):
        black.save(tmp_path / f"{number if number < 5 else number + len(images):05d}.jpg")
    for number, path in enumerate(images, start=5):
        (tmp_path / f"{number:05d}.jpg").write_bytes(path.read_bytes())
    plain = score(scorer, dives[0], difficulty=3.0)
    padded = scorer.score(str(tmp_path), difficulty=3.0)
    assert padded.score == pytest.approx(plain.score)
    assert [(s.start_frame, s.end_frame) for s in padded.stages] == [
        (s.start_frame + 5, s.end_frame + 5) for s in plain.stages
    ]
    assert padded.stages[-1].end_frame == 5 + len(images)
    assert "5 black frames before the first picture are left out." in padded.warnings


def test_given_poses_are_used_and_measured(scorer: Scorer, dives: tuple[Dive, ...]) -> None:
    result = score(scorer, dives[0], poses=dives[0].poses_path)
    assert result.poses.source == "given"
    assert result.poses.measured > 0.5
    assert result.angles is not None
    assert any(angle is not None for angle in result.angles.knee)


def test_joints_that_are_few_or_of_other_frames_are_warned_about(
    scorer: Scorer, dives: tuple[Dive, ...], tmp_path: Path
) -> None:
    with np.load(str(dives[0].poses_path)) as arrays:
        pred = arrays["pred"]
    pred[:, 1:, :2], pred[:, 1:, 2] = np.nan, 0.0
    np.savez(tmp_path / "few.npz", pred=pred)
    np.savez(tmp_path / "other.npz", pred=pred[:7])
    few = score(scorer, dives[0], poses=tmp_path / "few.npz")
    assert any("of the joints are given" in told for told in few.warnings)
    assert not any("rows of joints" in told for told in few.warnings)
    other = score(scorer, dives[0], poses=tmp_path / "other.npz")
    assert any("7 rows of joints" in told for told in other.warnings)


def test_a_batch_goes_on_and_keeps_what_is_done(
    scorer: Scorer, dives: tuple[Dive, ...], tmp_path: Path
) -> None:
    clips = [
        InputClip(tmp_path / "none.mp4", "none"),
        InputClip(Path(dives[0].frames_path or ""), "first"),
        InputClip(Path(dives[1].frames_path or ""), "second"),
    ]

    def stop_at_second(scored: Any, folder: Path) -> None:
        (folder / "extra").write_text("made")
        if scored.result.input.name == "second":
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        batch.score_batch(scorer, clips, batch.ScoreOptions(), out, extras=stop_at_second)
    assert sorted(path.name for path in out.iterdir()) == ["first", "none", "summary.csv"]
    for name, status in (("none", "failed"), ("first", "ok")):
        assert Result.model_validate_json((out / name / "result.json").read_bytes()).status == status
        assert (out / name / "extra").exists()
    assert len((out / "summary.csv").read_text().splitlines()) == 3
    for _ in range(2):
        with claimed_folder(out) as claimed:
            assert claimed.path == tmp_path / "out-2"


def test_results_of_two_processes_do_not_mix(scorer: Scorer, tmp_path: Path) -> None:
    clips = [InputClip(tmp_path / "none.mp4", "none")]
    out = tmp_path / "out"
    with alone_in(out), pytest.raises(DataError, match="another process"):
        batch.score_batch(scorer, clips, batch.ScoreOptions(), out)
    assert not list(out.iterdir())
    assert len(batch.score_batch(scorer, clips, batch.ScoreOptions(), out)) == 1


def test_a_file_that_cannot_be_made_is_a_warning(
    scorer: Scorer, dives: tuple[Dive, ...], tmp_path: Path
) -> None:
    def fail(scored: Any, folder: Path) -> None:
        raise DataError("no encoder")

    scored = scorer.scored(dives[0].frames_path or "")
    result = batch.write_result(scored, tmp_path / "dive", fail)
    assert "no encoder" in result.warnings[-1]
    assert Result.model_validate_json((tmp_path / "dive" / "result.json").read_bytes()) == result


def test_comparing_is_the_sum_of_its_stages_and_aligned(scorer: Scorer, dives: tuple[Dive, ...]) -> None:
    first, second = (scorer.scored(dive.frames_path or "") for dive in dives[:2])
    found = compare_dives(scorer, first, second)
    assert found.difference == pytest.approx(sum(sum(stage.by_branch) for stage in found.stages))
    for number, (one, two) in enumerate(zip(first.result.stages, second.result.stages, strict=True)):
        moments = [moment for moment in found.moments if int(moment.time) == number]
        assert moments[0].first_frame == one.start_frame
        assert moments[0].second_frame == two.start_frame
        assert all(one.start_frame <= moment.first_frame < one.end_frame for moment in moments)
    best = compare_with_best(scorer, first)
    assert best.exemplar_score == max(dive.score for dive in scorer.scoring_networks[0].bank.dives)


@pytest.mark.slow
def test_own_dives_become_exemplars_with_their_error(
    scorer: Scorer, dives: tuple[Dive, ...], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    fitted = fit_bank(scorer, dives)
    assert len(fitted.bank) == len(dives) == LEAST_DIVES
    errors = [abs(true - predicted) for true, predicted in fitted.predictions.values()]
    assert fitted.fit.validation.mean_absolute_error == pytest.approx(np.mean(errors))
    # Weights drawn at random may see nothing of the scores, and at slope 0 there would be no score.
    fitted = replace(fitted, fit=fitted.fit.model_copy(update={"slope": 0.5}))
    fitted.save(tmp_path / "own.safetensors")
    weights = made_scorer.weights_dir(tmp_path_factory)
    own = Scorer.load("tiny", tmp_path / "own.safetensors", weights_dir=weights)
    own.networks, own.flights, own.events = "None in tests.", made_scorer.GivenFlight(), None
    result = score(own, dives[0])
    assert result.validated == fitted.fit.validation.film_counts
    assert result.validation == fitted.fit.validation
    # The dive itself is in the bank and does not vote.
    assert dives[0].dive_id not in [vote.dive_id for vote in result.exemplars]
    assert result.score == pytest.approx(np.mean([vote.vote for vote in result.exemplars]))
    with pytest.raises(DataError, match="can be used"):
        fit_bank(scorer, dives[:2])


def test_slopes_are_held() -> None:
    assert fitted_slope(np.array([1.0, 2.0]), np.array([-1.0, -2.0])) == 0.0
    assert fitted_slope(np.array([9.0]), np.array([1.0])) == 1.5
    assert fitted_slope(np.array([9.0]), np.array([0.0])) == 0.0


def test_impossible_options_are_refused_at_once(scorer: Scorer) -> None:
    with pytest.raises(ValueError, match="no dive number"):
        scorer.score("dive.mp4", dive_number="999Z")
    from stagescore.config import load_config
    from stagescore.scoring.options import ScoreOptions

    with pytest.raises(ConfigError):
        load_config(ScoreOptions, None, ["start=auto", "end=4"])


def test_a_result_tabulates_and_plots_itself(scorer: Scorer, dives: tuple[Dive, ...]) -> None:
    result = score(scorer, dives[0])
    table = result.table()
    assert list(table["name"]) == list(STAGE_NAMES)
    assert table["difference"].sum() == pytest.approx(sum(stage.difference for stage in result.stages))
    assert len(result.plot().axes) == 2
