"""A white ellipse on blue water is as wide, as high and as large as it was painted, wherever the camera pans."""

import cv2
import numpy as np
import pytest

from stagescore.measures.splash_trace import SplashTrace, WaterView, trace_splash

BODY_PX, PLACE = 60.0, np.array((160.0, 120.0))
BEFORE, AFTER = 3, 8


def film(half: tuple[int, int], *, pan_px: int = 0, place: np.ndarray = PLACE) -> SplashTrace | None:
    """Pictures of water, and from the contact on a white ellipse of half so many pixels; the camera pans down."""
    pictures, maps = [], []
    for k in range(BEFORE + AFTER):
        since = k - BEFORE
        picture = np.full((240, 320, 3), (20, 110, 220), np.uint8)
        moved = place - np.array((0, pan_px * since))
        if since >= 0 and half[0]:
            cv2.ellipse(picture, tuple(int(v) for v in moved), half, 0, 0, 360, (245, 250, 252), -1)
        else:  # a body, whose skin is bright and not white
            cv2.rectangle(picture, (150, 30), (170, 100), (200, 140, 110), -1)
        pictures.append(picture)
        one = np.eye(3)
        one[1, 2] = pan_px * since
        maps.append(one)
    view = WaterView(
        rows=tuple(range(40, 40 + BEFORE + AFTER)),
        num_before=BEFORE,
        to_contact=np.stack(maps),
        place_px=place,
        body_px=BODY_PX,
    )
    return trace_splash(pictures, view)


@pytest.mark.parametrize("pan_px", [0, 5])
def test_a_splash_has_the_size_that_was_painted(pan_px: int) -> None:
    trace = film((30, 20), pan_px=pan_px)
    assert trace is not None and trace.rows == tuple(range(43, 51))
    assert trace.width == pytest.approx(60 / BODY_PX, rel=0.12)
    assert trace.height == pytest.approx(40 / BODY_PX, rel=0.12)
    assert trace.area == pytest.approx(np.pi * 30 * 20 / BODY_PX**2, rel=0.12)


def test_no_splash_is_of_no_size_and_one_at_the_edge_is_not_told() -> None:
    trace = film((0, 0))
    assert trace is not None and not trace.area.any()
    assert film((30, 20), place=np.array((5.0, 120.0))) is None
