import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagescore.diving import (
    DiveNumber,
    marks_problem,
    mean_mark,
    plausible_marks,
    points_of_marks,
    score_from_marks,
    usual_difficulties,
    usual_difficulty,
)
from stagescore.errors import DataError

NUMBERS = sorted({code for code, _ in usual_difficulties()})


def test_all_52_dive_numbers_parse(real_finediving):
    codes = {dive.dive_number for dive in real_finediving.manifest}
    assert len(codes) == 52
    for code in codes:
        number = DiveNumber.parse(code.lower())
        assert number.code == code
        assert number.position in str(number)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("5253B", "back 2 1/2 somersaults, 1 1/2 twists, pike"),
        ("101A", "forward 1/2 somersault, straight"),
        ("102C", "forward 1 somersault, tuck"),
        ("103B", "forward 1 1/2 somersaults, pike"),
        ("407C", "inward 3 1/2 somersaults, tuck"),
        ("113B", "flying forward 1 1/2 somersaults, pike"),
        ("109C", "forward 4 1/2 somersaults, tuck"),
        ("1011B", "forward 5 1/2 somersaults, pike"),
        ("5111A", "forward 1/2 somersault, 1/2 twist, straight"),
        ("5152B", "forward 2 1/2 somersaults, 1 twist, pike"),
        ("612B", "armstand forward 1 somersault, pike"),
        ("626B", "armstand back 3 somersaults, pike"),
        ("6245D", "armstand back 2 somersaults, 2 1/2 twists, free"),
        ("307b", "reverse 3 1/2 somersaults, pike"),
    ],
)
def test_a_number_in_words(code, words):
    assert str(DiveNumber.parse(code)) == words


NONSENSE = [
    "", " ", "5253", "5253E", "B5253", "5253BB", "053B", "703B", "123B", "103D", "111B", "5053B", "5503B", "5203B",
    "5250B", "643B", "603B", "620B", "612D", "103 B", "1\u06603B", "１０３B", "103\u00df", "nan", "-103B", "1012B", "5253B\x00",
]  # fmt: skip


@pytest.mark.parametrize("code", NONSENSE, ids=ascii)
def test_nonsense_is_refused(code):
    with pytest.raises(DataError, match="is no dive number") as caught:
        DiveNumber.parse(code)
    assert len(str(caught.value)) < 250


@given(st.text(max_size=8) | st.text(alphabet="0123456789ABCD", max_size=6))
def test_a_text_is_a_dive_number_only_in_the_rules_form(code):
    """A twin of the rules, digit by digit."""
    text = code.strip().upper()
    digits, position = text[:-1], text[-1:]
    possible = digits.isascii() and digits.isdecimal() and position in tuple("ABCD") and len(digits) >= 3
    if possible and digits[0] in "1234":
        halves = int(digits[2:])
        fits = digits[1] in "01" and digits[2] != "0" and 1 <= halves <= 11
        possible = fits and position != "D" and not (digits[1] == "1" and halves < 2)
    elif possible and digits[0] == "5":
        possible = len(digits) == 4 and digits[1] in "1234" and "0" not in digits[2:]
    elif possible and digits[0] == "6":
        possible = len(digits) in (3, 4) and digits[1] in "123" and "0" not in digits[2:]
        possible = possible and not (position == "D" and len(digits) == 3)
    else:
        possible = False
    if possible:
        assert DiveNumber.parse(code).code == text
    else:
        with pytest.raises(DataError):
            DiveNumber.parse(code)


def test_the_groups_of_the_rules():
    groups = {
        code: DiveNumber.parse(code).group
        for code in ("101B", "201B", "301B", "401B", "5132D", "614B", "6243D")
    }
    assert list(groups.values()) == [
        "forward",
        "back",
        "reverse",
        "inward",
        "twisting",
        "armstand",
        "armstand",
    ]


def test_usual_difficulties_are_looked_up_by_number_and_height():
    assert usual_difficulty("5253b", 10.0) == 3.2
    assert usual_difficulty("101A", 3.0) is None
    assert usual_difficulty("407C", 7.5) is None
    with pytest.raises(DataError):
        usual_difficulty("999Z", 3.0)
    assert all(re.fullmatch(r"\d{3,4}[A-D]", code) for code in NUMBERS)


halves = st.integers(0, 20).map(lambda n: n / 2)
panels = st.sampled_from([3, 5, 7]).flatmap(lambda n: st.lists(halves, min_size=n, max_size=n))
difficulties = st.integers(10, 48).map(lambda n: n / 10)


@given(panels, difficulties)
def test_marks_give_a_score_and_the_score_their_mean(marks, difficulty):
    score = score_from_marks(marks, difficulty)
    ordered = sorted(marks)
    if len(marks) == 7:
        ordered = ordered[2:5]
    elif len(marks) == 5:
        ordered = ordered[1:4]
    mean = sum(ordered) / len(ordered)
    assert score == pytest.approx(3 * mean * difficulty, abs=0.0051)
    assert points_of_marks(marks, difficulty) == pytest.approx(3 * mean * difficulty)
    assert mean_mark(min(score, 30 * difficulty), difficulty) == pytest.approx(
        mean, abs=0.0051 / 3 / difficulty * 1.01
    )


@pytest.mark.parametrize(
    ("marks", "synchronised", "sum_of_three"),
    [
        ([5.0, 6.0, 7.0, 8.0, 10.0], False, 6 + 7 + 8),  # the highest and the lowest are cancelled
        ([5.0, 6.0, 7.0, 8.0, 10.0], True, 0.6 * 36),  # the five that were kept of nine or eleven
        ([6.0, 6.5, 7.0, 7.0, 7.5, 8.0], False, 7 + 7 + 7),  # the mean of six, 7, is the seventh
        ([0.0] + [6.0] * 5, False, 6 + 6 + 6),  # the mean, 5, is cancelled with the lowest
        ([7.0, 9.0, 6.0, 8.0, 8.0, 9.0, 8.5, 7.0, 7.5], True, 0.6 * (7 + 8 + 8 + 8.5 + 7.5)),
        ([7.0, 9.0, 6.0, 5.0, 8.0, 8.5, 8.0, 9.0, 8.5, 7.0, 7.5], True, 0.6 * (7 + 8 + 8 + 8.5 + 7.5)),
        (
            [7.0] * 11,
            False,
            21,
        ),  # eleven judges are those of a synchronised dive, whatever its event is called
    ],
)
def test_panels_of_every_size_count_by_the_rules(marks, synchronised, sum_of_three):
    score = score_from_marks(marks, 2.0, synchronised=synchronised)
    assert score == pytest.approx(2.0 * sum_of_three, abs=0.0051)


def test_a_pair_has_no_panel_of_six():
    with pytest.raises(DataError, match="6 marks, which no panel gives"):
        score_from_marks([7.0] * 6, 2.0, synchronised=True)


@given(panels, difficulties, st.randoms())
def test_the_order_of_the_judges_does_not_matter(marks, difficulty, random):
    shuffled = random.sample(marks, len(marks))
    assert score_from_marks(shuffled, difficulty) == score_from_marks(marks, difficulty)


@given(difficulties, st.floats(0, 1))
def test_plausible_marks_reach_the_nearest_reachable_score(difficulty, share):
    score = share * 30 * difficulty
    marks = plausible_marks(score, difficulty)
    assert marks_problem(marks) is None
    assert list(marks) == sorted(marks)
    assert max(marks) - min(marks) <= 0.5
    reached = points_of_marks(marks, difficulty)
    best = min(abs(total / 2 * difficulty - score) for total in range(61))
    assert abs(reached - score) == pytest.approx(best, abs=1e-9)


def test_possible_scores_come_back_from_their_plausible_marks():
    for marks in itertools.combinations_with_replacement([n / 2 for n in range(21)], 3):
        score = score_from_marks(marks, 3.2)
        assert sum(plausible_marks(score, 3.2)) == sum(marks)


@pytest.mark.parametrize(
    "marks",
    [[], [7.0] * 4, [7.0] * 8, [7.0, 7.0, 7.3], [7.0, 7.0, 10.5], [-0.5, 7.0, 7.0], [float("nan")] * 3],
)
def test_marks_that_cannot_be_are_refused(marks):
    with pytest.raises(DataError):
        score_from_marks(marks, 3.0)


@pytest.mark.parametrize("difficulty", [0.0, -1.0, float("nan"), float("inf")])
def test_a_difficulty_that_cannot_be_is_refused(difficulty):
    with pytest.raises(DataError, match="difficulty"):
        mean_mark(50.0, difficulty)
    with pytest.raises(DataError, match="difficulty"):
        score_from_marks([7.0] * 3, difficulty)


@pytest.mark.parametrize("score", [-1.0, 90.1, float("nan"), float("inf")])
def test_a_score_that_cannot_be_reached_is_refused(score):
    for function in (mean_mark, plausible_marks):
        with pytest.raises(DataError, match="cannot be reached"):
            function(score, 3.0)
