from pathlib import Path

import cv2
import numpy as np
import pytest

from stagescore.benchmarks.film_refusals import (
    DISTURBED,
    SPLICED,
    Answers,
    disturbed,
    finds_cuts,
    half_of,
    is_cut,
    spliced,
)
from stagescore.benchmarks.made_pairs import VIEWS, pasted_pair, simulated_pair
from stagescore.errors import DataError
from stagescore.pose.boxes import Detections
from stagescore.pose.motion import moving_parts
from stagescore.pose.tracking import FrameObservation, Track
from stagescore.scoring.pipeline import looking_tools

SIZE = (160, 120)


def hall(seed: int, num: int = 60, pan: int = 4) -> list[np.ndarray]:
    """A hall that a camera pans over."""
    rng = np.random.default_rng(seed)
    wide = cv2.resize(rng.integers(0, 256, (24, 160, 3)).astype(np.uint8), (800, SIZE[1]))
    return [np.ascontiguousarray(wide[:, pan * t : pan * t + SIZE[0]]) for t in range(num)]


def test_what_disturbs_a_film_is_no_cut_and_changes_it_always_in_the_same_way() -> None:
    film, tools = hall(0), looking_tools()
    assert not is_cut(film, tools)
    for kind in DISTURBED:
        made = disturbed(film, "a.mp4", kind)
        assert len(made) == len(film) and made[0].shape == film[0].shape
        assert any((one != other).any() for one, other in zip(made, film, strict=True)), kind
        np.testing.assert_array_equal(made, disturbed(film, "a.mp4", kind))
        assert not is_cut(made, tools), kind


def test_splices_are_cuts_at_the_frames_that_are_told() -> None:
    film, foreign = hall(0), hall(1)
    for kind in SPLICED:
        made, true = spliced(film, foreign, "a.mp4", kind)
        assert len(made) > len(film)
        assert finds_cuts(made, true), kind
        assert not finds_cuts(made, [cut + 5 for cut in true]), kind
        own = {picture.tobytes() for picture in film}
        for cut in true:  # one side of each is the film's, the other is not
            assert (made[cut - 1].tobytes() in own) != (made[cut].tobytes() in own)


def test_a_pasted_pair_shows_the_body_a_second_time() -> None:
    film, boxes = hall(2, num=30, pan=0), []
    for t, picture in enumerate(film):
        middle = (80, 20 + 3 * t)
        cv2.ellipse(picture, middle, (6, 12), 20 * t, 0, 360, (255, 0, 0), -1)
        boxes.append((middle[0] - 13, middle[1] - 13, middle[0] + 13, middle[1] + 13))
    nobody = Detections(np.zeros((0, 4)), np.zeros(0))
    views = [FrameObservation.of(nobody, motion) for motion in moving_parts(film)]
    diver = Track(0, np.array(boxes, float), np.ones(30), np.full(30, 5.0), ("network",) * 30)

    def red(pictures: list[np.ndarray], t: int) -> int:
        picture = pictures[t].astype(int)
        return int(((picture[..., 0] > 170) & (picture[..., 1:].max(-1) < 60)).sum())

    for view in VIEWS:
        made = pasted_pair(film, views, diver, "a.mp4", view)
        np.testing.assert_array_equal(made, pasted_pair(film, views, diver, "a.mp4", view))
        more = np.array([red(made, t) / red(film, t) for t in range(30)])
        if view == "behind":  # apart: almost a whole body more
            assert (more > 1.4).sum() >= 5
        if view == "after":  # nobody yet, then one
            assert more[0] == 1 and more.max() > 1.4


@pytest.mark.slow
def test_a_simulated_pair_is_a_film_of_the_asked_size() -> None:
    made = simulated_pair(0, 0, "behind", (112, 64))
    assert {picture.shape for picture in made} == {(64, 112, 3)}
    np.testing.assert_array_equal(made[20], simulated_pair(0, 0, "behind", (112, 64))[20])


def test_answers_are_counted_by_question_and_kind() -> None:
    answers = Answers()
    for name, found in (("a", True), ("b", False), ("c", True)):
        answers.add("pair", "given", name, is_there=True, found=found)
    answers.add("pair", "single dive", "d", is_there=False, found=True)
    given, single = answers.tallies()
    assert (given.num, given.num_found, given.wrong) == (3, 2, ("b",))
    assert single.wrong == ("d",)
    low, high = given.interval
    assert low < 2 / 3 < high


def test_halves_share_no_film() -> None:
    films = [Path(f"{k:03}.mp4") for k in range(100)]
    first, second = half_of(films, "first"), half_of(films, "second")
    assert sorted(first + second) == half_of(films, "all") == films
    assert 30 < len(first) < 70
    with pytest.raises(DataError, match="third"):
        half_of(films, "third")
