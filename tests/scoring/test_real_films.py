"""Films of real dives, with what ships: who gets a score, and who gets none and why."""

from pathlib import Path

import pytest

from stagescore.scoring.result import Result
from stagescore.scoring.scorer import Scorer

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["uploaded_video.mp4", "image35.gif", "diving_sample.gif"])
def test_one_diver_gets_a_score_that_is_not_called_validated(nano: Scorer, shared: Path, name: str) -> None:
    result = nano.score(shared / "data" / "clips" / name)
    assert result.status == "ok", result.reasons
    assert result.score is not None
    assert not result.validated
    assert [stage.name for stage in result.stages] == ["take-off", "flight", "entry"]
    assert any("fewer than 48" in told for told in result.warnings) == (name == "diving_sample.gif")
    assert any("less than 0" in told for told in result.warnings) == (result.score < 0)


@pytest.mark.parametrize("public", [False, True])
def test_a_pair_needs_review(nano: Scorer, shared: Path, public: bool) -> None:
    """MoveNet finds only one of the two at a time, so where it is used our detector is asked as well."""
    if public and not (shared / "weights" / "movenet-multipose.onnx").is_file():
        pytest.skip("no public networks beside the project")
    scorer = Scorer.load("nano", weights_dir=shared / "weights") if public else nano
    result = scorer.score(shared / "data" / "clips" / "image41.gif")
    assert (result.networks.detector == "diver-detector.safetensors") == (not public)
    assert result.status == "needs_review"
    assert result.score is None
    assert "two-divers" in {reason.code for reason in result.reasons}


def test_of_a_pair_who_cover_each_other_pointing_at_one_gives_no_score(nano: Scorer, shared: Path) -> None:
    """Boxes of the detector are around both in half of the frames, so whose joints they are is not known."""
    result = nano.score(shared / "data" / "clips" / "image41.gif", difficulty=3.4, diver="176,130@64")
    assert (result.score, result.poses.diver) == (None, "given")
    assert "two-divers" in {reason.code for reason in result.reasons}


@pytest.mark.parametrize(("start", "end"), [(0, 33), (34, 68)])
@pytest.mark.parametrize("with_poses", [False, True])
def test_a_dive_that_is_only_seen_in_the_air_has_no_score_and_shows_its_flight(
    nano: Scorer, shared: Path, start: int, end: int, with_poses: bool
) -> None:
    home = shared / "data" / "finediving_pose"
    poses = {"poses": home / "annotations_examples.json"} if with_poses else {}
    result: Result = nano.score(home / "frames", start=start, end=end, **poses)
    assert result.status == "needs_review"
    assert result.score is None
    assert [reason.code for reason in result.reasons] == ["partial"]
    assert [(stage.name, stage.start_frame, stage.end_frame) for stage in result.stages] == [
        ("flight", start, end + 1)
    ]
    assert result.events.first_airborne_frame is None
    assert result.events.first_water_contact_frame is None
    assert result.poses.source == ("given" if with_poses else "estimated")
    assert result.poses.measured > 0.5
