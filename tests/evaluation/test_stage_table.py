"""Stages and events against hand marks."""

from evaluation_standins import fold_of

from stagescore.evaluation.fold_report import fold_report
from stagescore.evaluation.stage_table import TABLE, stage_table

MARKS = ((20, 29, 59, 68), (40, 52, 80, 90), (47, 55, 86, 96), (5, 17, 40, 52))


def values(folds: list, row: int, *figures: str) -> list[float]:
    return [stage_table(folds)[TABLE][row].figures[figure].value for figure in figures]


def test_each_definition_is_measured_against_its_own_frames() -> None:
    """Flight and stages that agree with the marks, but for a take-off 1 and a contact 3 frames late."""
    fold = fold_of(
        hand_marks=MARKS,
        flight=tuple((m[0] + 1, m[3] - 2 + 3) for m in MARKS),
        predicted=tuple((m[0] - 1.0, m[2] - 1.0) for m in MARKS),
        transitions=tuple((m[0] - 1.0, m[2] + 4.0) for m in MARKS),
    )
    assert values([fold], 0, "first_bias_frames", "last_bias_frames") == [1, 3]
    assert values([fold], 1, "first_error_frames", "last_error_frames", "aiou75") == [0, 0, 100]
    assert values([fold], 2, "first_error_frames", "last_bias_frames") == [0, -5]


def test_dives_without_usable_marks_or_without_a_flight_are_not_counted() -> None:
    fold = fold_of(
        hand_marks=(MARKS[0], (30, 20, 50, 60), MARKS[2], ()),
        flight=((20, 66), (20, 66), (), ()),
        predicted=((19.0, 58.0),) * 4,
        transitions=((19.0, 59.0), None, (46.0, 87.0), None),
    )
    assert [row.num_dives for row in stage_table([fold])[TABLE]] == [1, 2, 2]


def test_data_without_hand_marks_have_no_such_table() -> None:
    fold = fold_of()
    assert stage_table([fold]) == {}
    assert TABLE not in fold_report([fold])[0].tables


def test_the_report_has_both_definitions_side_by_side() -> None:
    fold = fold_of(
        hand_marks=MARKS,
        flight=((20, 66),) * 4,
        predicted=((19.0, 58.0),) * 4,
        transitions=tuple((m[0] - 1.0, m[2] + 4.0) for m in MARKS),
    )
    page = fold_report([fold])[0].markdown()
    table = page[page.index(f"## {TABLE}") :]
    assert "hand-marked stages" in table and "FineDiving's definition" in table


def test_of_unlv_dive_the_report_has_published_rows_and_says_which_features_are_not_measured() -> None:
    fold = fold_of()
    identity = fold.identity.model_copy(update={"datasets": ("unlv-dive",)})
    page = fold_report([fold.model_copy(update={"identity": identity})])[0].markdown()
    assert "TPT, 2022 (published)" in page and "held back" in page
    assert "held back" not in fold_report([fold])[0].markdown()
