import inspect
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from stagescore.errors import DataError
from stagescore.simulate.camera import follow
from stagescore.simulate.render import Appearance, Partner, Picture, draw_appearance, render
from stagescore.simulate.types import BodyMotion, Splash
from stagescore.simulate.venue import paint_surroundings
from stagescore.simulate.water import splash_over, throw_spray

sys.path.insert(0, str(Path(__file__).parent))
from made_motion import made_motion, made_splash

SIZE = (256, 144)
FAR_UP = np.array((0, 0, 500.0))


@pytest.fixture(scope="module")
def motion() -> BodyMotion:
    return made_motion(num_frames=50, frame_rate=13.0)


def pictures(
    motion: BodyMotion, size: float = 0.4, seed: int = 1, px: tuple[int, int] = SIZE
) -> list[Picture]:
    return list(render(motion, made_splash(motion, size), draw_appearance(seed, 10.0), px))


@pytest.fixture(scope="module")
def drawn(motion: BodyMotion) -> list[Picture]:
    return pictures(motion)


def elsewhere(motion: BodyMotion) -> BodyMotion:
    """The same dive far outside the picture, filmed as if the diver were in it."""
    return replace(
        motion,
        joints_m=motion.joints_m + FAR_UP,
        toes_m=motion.toes_m + FAR_UP,
        fingers_m=motion.fingers_m + FAR_UP,
    )


@pytest.fixture(scope="module")
def without_diver(motion: BodyMotion) -> list[Picture]:
    return pictures(elsewhere(motion))


def diver_mask(picture: Picture, empty: Picture) -> np.ndarray:
    change = np.abs(picture.image.astype(int) - empty.image).sum(-1).astype(np.float32)
    return np.asarray(cv2.blur(change, (3, 3)) > 14)


def test_a_look_depends_on_seed_and_height_alone() -> None:
    assert list(inspect.signature(draw_appearance).parameters) == ["seed", "height_m"]
    assert draw_appearance(7, 10.0) == draw_appearance(7, 10.0)
    assert draw_appearance(7, 10.0).venue == draw_appearance(7, 3.0).venue
    assert draw_appearance(7, 10.0) != draw_appearance(8, 10.0)
    assert "motion" not in inspect.signature(paint_surroundings).parameters
    with pytest.raises(DataError):
        draw_appearance(7, 0.0)


def test_the_same_seed_gives_the_same_pixels(motion: BodyMotion, drawn: list[Picture]) -> None:
    again = pictures(motion)
    assert all(np.array_equal(a.image, b.image) for a, b in zip(drawn, again, strict=True))


def test_pixels_do_not_depend_on_process_or_threads(motion: BodyMotion) -> None:
    program = (
        "import cv2, hashlib, sys; cv2.setNumThreads(int(sys.argv[1]))\n"
        "from stagescore.simulate.render import draw_appearance, render\n"
        "from made_motion import made_motion, made_splash\n"
        "m = made_motion(num_frames=40, frame_rate=10.0)\n"
        "h = hashlib.sha256()\n"
        "for p in render(m, made_splash(m), draw_appearance(4, 10.0), (256, 144)): h.update(p.image.tobytes())\n"
        "print(h.hexdigest())"
    )
    prints = {
        subprocess.run(
            [sys.executable, "-c", program, str(threads)],
            capture_output=True, text=True, check=True, cwd=Path(__file__).parent,
        ).stdout
        for threads in (1, 4)
    }  # fmt: skip
    assert len(prints) == 1


def test_another_seed_gives_another_venue() -> None:
    first, second = (paint_surroundings(draw_appearance(seed, 10.0), (112, 64)) for seed in (1, 2))
    assert first.picture.shape != second.picture.shape or not np.array_equal(first.picture, second.picture)


def test_the_surroundings_are_the_same_whatever_is_dived(
    motion: BodyMotion, drawn: list[Picture], without_diver: list[Picture]
) -> None:
    for frame in range(0, motion.first_water_contact_frame, 7):
        picture, empty = drawn[frame], without_diver[frame]
        x0, y0, x1, y1 = np.round(picture.diver_box).astype(int)
        outside = np.ones(picture.image.shape[:2], bool)
        outside[max(y0 - 4, 0) : y1 + 4, max(x0 - 4, 0) : x1 + 4] = False
        assert np.array_equal(picture.image[outside], empty.image[outside])


def test_joints_fall_on_the_diver(
    motion: BodyMotion, drawn: list[Picture], without_diver: list[Picture]
) -> None:
    hits, total = 0, 0
    for frame in range(motion.first_airborne_frame, motion.first_water_contact_frame, 3):
        mask = diver_mask(drawn[frame], without_diver[frame])
        places = np.floor(drawn[frame].joints_px).astype(int)
        inside = ((places >= 0) & (places < SIZE)).all(-1)
        hits += int(mask[places[inside, 1], places[inside, 0]].sum())
        total += int(inside.sum())
    assert hits / total > 0.93


def test_nothing_of_the_diver_is_drawn_below_the_surface(motion: BodyMotion) -> None:
    size = (455, 256)
    appearance = draw_appearance(1, 10.0)
    quiet = replace(made_splash(motion), first_frame=motion.num_frames)
    path = follow(motion, appearance, size)
    with_diver = list(render(motion, quiet, appearance, size))
    empty = list(render(elsewhere(motion), quiet, appearance, size))
    for frame in range(motion.first_water_contact_frame, motion.num_frames):
        mask = diver_mask(with_diver[frame], empty[frame])
        rows = np.flatnonzero(mask.any(1))
        # The nearest part of the body that can touch the surface is a quarter of a metre before its middle.
        nearest = motion.centre_of_mass_m[frame] * (1, 1, 0) + (0, 0.25 * appearance.camera.side, 0)
        waterline = path.project(nearest, frame)[1]
        assert not len(rows) or rows[-1] <= waterline + 4
        if (motion.joints_m[frame, :, 2] < -0.4).all():
            assert np.isnan(with_diver[frame].diver_box).all()
            assert not mask.any()


def test_splash_comes_with_the_water_and_grows_with_its_size(motion: BodyMotion) -> None:
    most = []
    for size in (0.0, 0.35, 0.7, 1.0):
        drawn = pictures(motion, size, px=(128, 72))
        areas = [p.splash_area_px for p in drawn]
        assert not any(areas[: motion.first_water_contact_frame])
        most.append((max(areas), sum(areas)))
    assert most[0][0] > 0
    assert most == sorted(most)
    assert all(b[0] > 1.2 * a[0] and b[1] > 1.2 * a[1] for a, b in pairwise(most))


@pytest.mark.parametrize("size", [0.3, 0.8])
def test_a_splash_grows_instead_of_standing_there_at_once(motion: BodyMotion, size: float) -> None:
    path, splash = follow(motion, draw_appearance(1, 10.0), SIZE), made_splash(motion, size)
    spray = throw_spray(splash, draw_appearance(1, 10.0))
    view = path.view(motion.first_water_contact_frame)
    times_s = (0.06, 0.15, 0.4)
    areas = [splash_over(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), splash, spray, view, t) for t in times_s]
    assert areas == sorted(areas)
    assert 0 < areas[0] < 0.28 * areas[2]


def test_splash_changes_nothing_before_it(motion: BodyMotion, drawn: list[Picture]) -> None:
    other = pictures(motion, 1.0)
    contact = motion.first_water_contact_frame
    assert all(
        np.array_equal(a.image, b.image) for a, b in zip(drawn[:contact], other[:contact], strict=True)
    )
    assert not np.array_equal(drawn[contact + 5].image, other[contact + 5].image)


def test_splash_is_thrown_to_its_side(motion: BodyMotion) -> None:
    appearance = draw_appearance(1, 10.0)
    frame = motion.first_water_contact_frame + 5
    calm = list(render(motion, replace(made_splash(motion), first_frame=999), appearance, SIZE))[frame].image
    middles = []
    for lean in (-1.0, 1.0):
        splash = Splash(size=0.8, first_frame=motion.first_water_contact_frame, x_m=1.5, y_m=0.0, lean=lean)
        white = np.abs(list(render(motion, splash, appearance, SIZE))[frame].image.astype(float) - calm).sum(
            -1
        )
        middles.append((white.sum(0) * np.arange(SIZE[0])).sum() / white.sum())
    to_the_left = appearance.camera.side > 0
    assert (middles[0] - middles[1] > 3) == to_the_left
    assert abs(middles[0] - middles[1]) > 3


@pytest.mark.parametrize("px", [(112, 64), (224, 126), (455, 256)])
@pytest.mark.parametrize("height_m", [3.0, 10.0])
def test_every_size_works_and_boxes_stay_inside(px: tuple[int, int], height_m: float) -> None:
    motion = made_motion(height_m, num_frames=40, frame_rate=10.0)
    appearance: Appearance = draw_appearance(11, height_m)
    people = 0
    for frame, picture in enumerate(render(motion, made_splash(motion), appearance, px)):
        assert picture.image.shape == (px[1], px[0], 3)
        boxes = picture.people_boxes
        people += len(boxes)
        assert (boxes >= 0).all()
        assert (boxes <= (*px, *px)).all()
        assert (boxes[:, 2:] >= boxes[:, :2]).all()
        if frame < motion.first_water_contact_frame:
            assert (picture.diver_box >= 0).all()
            assert (picture.diver_box <= (*px, *px)).all()
    assert people > 40


def test_pictures_too_small_to_see_anything_are_refused(motion: BodyMotion) -> None:
    with pytest.raises(DataError):
        next(render(motion, made_splash(motion), draw_appearance(1, 10.0), (16, 9)))


def test_a_partner_is_drawn_and_the_nearer_of_the_two_covers_the_other(
    motion: BodyMotion, drawn: list[Picture]
) -> None:
    look, splash = draw_appearance(1, 10.0), made_splash(motion, 0.4)
    frame = motion.first_airborne_frame + 2
    alone = drawn[frame]

    def beside(*step_m: float) -> Picture:
        step = np.array(step_m)
        moved = replace(
            motion,
            joints_m=motion.joints_m + step,
            toes_m=motion.toes_m + step,
            fingers_m=motion.fingers_m + step,
            centre_of_mass_m=motion.centre_of_mass_m + step,
        )
        both = render(motion, splash, look, SIZE, Partner(motion=moved, splash=splash))
        return next(picture for t, picture in enumerate(both) if t == frame)

    apart = beside(1.5, 0.0, 0.0)
    left, top, right, bottom = alone.diver_box.astype(int)
    changed = np.abs(apart.image.astype(int) - alone.image).max(-1) > 20
    assert changed.sum() > 400
    np.testing.assert_array_equal(
        apart.diver_box, alone.diver_box
    )  # the truth tells of the first diver alone
    inside = np.s_[top:bottom, left:right]
    near, far = (
        np.abs(
            beside(0.1, side * look.camera.side, 0.0).image[inside].astype(int) - alone.image[inside]
        ).mean()
        for side in (0.5, -0.5)
    )
    assert near > far
