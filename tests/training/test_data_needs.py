"""Dives that lack what a run needs are refused by name, before anything is decoded."""

import re

import makers
import pytest
import tiny_runs

from stagescore.errors import ConfigError
from stagescore.models.needs import Needs
from stagescore.training.data_needs import check_needs

WHOLE = [
    makers.dive(k, frames_path="film.mp4", poses_path="joints.npz", difficulty=3.0, dive_number="107B")
    for k in range(1, 4)
]


@pytest.mark.parametrize(
    ("wanted", "lacking", "told"),
    [
        ("video", {"frames_path": None}, "1 of 3 training dives have no film"),
        ("skeleton", {"poses_path": None}, "no joints, which the run needs of each"),
        ("difficulty", {"difficulty": None}, "no degree of difficulty.*data.target=score"),
        ("number", {"dive_number": None}, "no dive number"),
        ("transitions", {"transitions": ()}, "no usable stage transitions"),
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


@pytest.mark.parametrize("wanted", ["boxes", "masks"])
def test_what_no_data_set_has_is_refused(wanted: str) -> None:
    with pytest.raises(ConfigError, match="3 of 3 training dives have no"):
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
