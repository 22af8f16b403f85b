"""Dives that lack what a run needs are refused by name, before anything is decoded."""

import re
from pathlib import Path

import makers
import pytest
import tiny_runs

from stagescore.data.manifest import Manifest
from stagescore.errors import ConfigError
from stagescore.models.needs import Needs
from stagescore.training.data_needs import check_needs
from stagescore.training.runs import train

WHOLE = [
    makers.dive(k, frames_path="film.mp4", poses_path="joints.npz", difficulty=3.0, dive_number="107B")
    for k in range(1, 4)
]


@pytest.mark.parametrize(
    ("wanted", "lacking", "told"),
    [
        ("video", {"frames_path": None}, "1 of 3 training dives lack a film"),
        ("skeleton", {"poses_path": None}, "lack joints, which the run needs of each"),
        ("difficulty", {"difficulty": None}, "lack a degree of difficulty.*data.target=score"),
        ("number", {"dive_number": None}, "lack a dive number"),
        ("transitions", {"transitions": ()}, "lack usable stage transitions"),
    ],
)
def test_a_dive_that_lacks_what_each_must_have_is_named(
    wanted: str, lacking: dict[str, object], told: str
) -> None:
    needs = Needs(training=frozenset({wanted}))
    check_needs(needs, WHOLE)
    with pytest.raises(ConfigError, match=f"(?s){told}") as caught:
        check_needs(needs, [WHOLE[0], WHOLE[1].with_changes(**lacking), WHOLE[2]])
    assert re.search(re.escape(WHOLE[1].dive_id), str(caught.value))


def test_what_some_dives_must_have_may_be_missing_from_others_but_not_from_all() -> None:
    needs = Needs(some_training=frozenset({"transitions"}))
    bare = [dive.with_changes(transitions=()) for dive in WHOLE]
    check_needs(needs, [WHOLE[0], *bare[1:]])
    with pytest.raises(ConfigError, match="no training dive has usable stage transitions"):
        check_needs(needs, bare)


@pytest.mark.parametrize(
    ("wanted", "told"), [("number", "a dive number"), ("difficulty", "a degree of difficulty")]
)
def test_what_no_dive_has_is_named_with_its_article(wanted: str, told: str) -> None:
    bare = [dive.with_changes(dive_number=None, difficulty=None) for dive in WHOLE]
    with pytest.raises(ConfigError, match=f"no training dive has {told}, which the model learns from"):
        check_needs(Needs(some_training=frozenset({wanted})), bare)


def test_a_run_without_training_dives_says_so_before_a_clip_is_decoded(tmp_path: Path) -> None:
    """It learns stages and numbers, which no dive of an empty split has; that is not what is wrong."""
    tested = Manifest(tuple(dive.with_changes(split="test") for dive in WHOLE))
    (tmp_path / "manifest.jsonl").write_bytes(tested.to_bytes())
    settings = tiny_runs.settings(f"data.folder={tmp_path}", "model.recognition.on=true")
    with pytest.raises(ConfigError, match="0 dives to train on"):
        list(train(settings, tmp_path / "run"))
    assert not (tmp_path / "run" / "clips").exists()


@pytest.mark.parametrize("wanted", ["boxes", "masks"])
def test_what_no_data_set_has_is_refused(wanted: str) -> None:
    with pytest.raises(ConfigError, match="3 of 3 training dives lack"):
        check_needs(Needs(training=frozenset({wanted})), WHOLE)


def test_marks_and_transitions_cannot_be_needed_of_a_dive_to_be_scored() -> None:
    with pytest.raises(ConfigError, match="cannot need marks at test"):
        Needs(test=frozenset({"video", "marks"}))


@pytest.mark.parametrize(
    ("overrides", "training", "some", "test"),
    [
        ((), set(), {"transitions"}, set()),
        (("model.stand_ins=false", "modality_dropout.video=0"), {"video"}, {"transitions"}, {"video"}),
        (("model.skeleton.on=false", "model.recognition.on=true"), {"video"}, {"transitions", "number"}, {"video"}),
        (
            ("model.static.on=false", "model.dynamic.on=false", "model.segmentation.stages='1'"),
            {"skeleton"}, set(), {"skeleton"},
        ),
        (("data.target=execution",), {"difficulty"}, {"transitions"}, set()),
    ],
)  # fmt: skip
def test_a_run_needs_what_its_model_cannot_do_without_and_what_its_target_is_made_of(
    overrides: tuple[str, ...], training: set[str], some: set[str], test: set[str]
) -> None:
    needs = tiny_runs.settings(*overrides).needs
    assert (needs.training, needs.some_training, needs.test) == (training, some, test)
