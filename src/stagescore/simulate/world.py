"""Drawing of flat things of the world onto a picture: bands, floors, boxes, rails, letters."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from stagescore.simulate.appearance import Colour, Number
from stagescore.simulate.camera import CameraView

DECK_M = 0.35
"""Height of the deck above the water."""
_SUB = 4
"""OpenCV takes corners as integers of a 2**4th of a pixel."""

Point = tuple[Number, Number, Number]
Span = tuple[Number, Number]
"""x along the board, metres away from the camera behind the plane of the dive, z up."""


class Canvas:
    """A picture with the view that it is seen from.

    Args:
        picture: Picture that is drawn on.
        view: View of the camera.
        side: Side of the board on which the camera stands, 1 or -1.
    """

    def __init__(self, picture: UInt8[np.ndarray, "h w 3"], view: CameraView, side: int) -> None:
        self.picture, self.view, self._side = picture, view, side

    def points(self, points: Sequence[Point]) -> Float[np.ndarray, "points 3"]:
        """World points in metres."""
        return np.array(points, np.float64) * (1.0, -self._side, 1.0)

    def project(self, points: Sequence[Point]) -> Float[np.ndarray, "points 2"]:
        """Pixels of points (origin at the corner of the picture)."""
        return self.view.project(self.points(points))

    def scale(self, away: Number, z: Number) -> float:
        """Pixels a metre at a place."""
        return self.view.scale_at(float(self.view.depth_m(self.points([(0.0, away, z)]))[0]))

    def below(self, first: int) -> "Canvas":
        """The part of the picture from a row on, drawn on through the same world coordinates."""
        x, y = self.view.centre_px
        return Canvas(self.picture[first:], replace(self.view, centre_px=(x, y - first)), self._side)

    def face(self, points: Sequence[Point], colour: Colour) -> None:
        """Fill a flat convex polygon."""
        corners = np.rint((self.project(points) - 0.5) * 2**_SUB)
        if np.abs(corners).max() < 2**30:
            cv2.fillConvexPoly(self.picture, corners.astype(np.int32), colour, cv2.LINE_AA, _SUB)

    def band(self, x: Span, away: Number, z: Span, colour: Colour) -> None:
        """Fill an upright rectangle that faces the pool."""
        self.face([(x[0], away, z[0]), (x[1], away, z[0]), (x[1], away, z[1]), (x[0], away, z[1])], colour)

    def floor(self, x: Span, away: Span, z: Number, colour: Colour) -> None:
        """Fill a level rectangle."""
        self.face([(x[0], away[0], z), (x[1], away[0], z), (x[1], away[1], z), (x[0], away[1], z)], colour)

    def box(self, x: Span, away: Span, z: Span, colour: Colour) -> None:
        """Fill the faces of a box that can be seen: end, top or underside, and the near side."""
        end = x[1] if self.view.position_m[0] > x[1] else x[0]
        shades = [tuple(min(c * f, 255.0) for c in colour) for f in (0.62, 1.05, 0.42, 0.84)]
        if not x[0] < self.view.position_m[0] < x[1]:
            self.face(
                [(end, away[0], z[0]), (end, away[1], z[0]), (end, away[1], z[1]), (end, away[0], z[1])],
                (shades[0][0], shades[0][1], shades[0][2]),
            )
        if self.view.position_m[2] > z[1]:
            self.floor(x, away, z[1], (shades[1][0], shades[1][1], shades[1][2]))
        elif self.view.position_m[2] < z[0]:
            self.floor(x, away, z[0], (shades[2][0], shades[2][1], shades[2][2]))
        self.band(x, away[0], z, (shades[3][0], shades[3][1], shades[3][2]))

    def line(self, points: Sequence[Point], thick_m: Number, colour: Colour) -> None:
        """Draw a round bar along points."""
        places = self.project(points)
        scale = self.scale(points[0][1], points[0][2])
        self.stroke([(float(x), float(y)) for x, y in places], thick_m * scale, colour)

    def rail(self, x: Span, away: Number, z: Span, colour: Colour) -> None:
        """Draw a railing: bars along it and posts."""
        for up in (z[1], (z[0] + z[1]) / 2):
            self.line([(x[0], away, up), (x[1], away, up)], 0.045, colour)
        posts = np.arange(x[0], x[1] + 0.01, max((x[1] - x[0]) / 40, 1.2))
        for post in self.visible(posts, away, 0.1):
            self.line([(post, away, z[0]), (post, away, z[1])], 0.04, colour)

    def visible(self, x: Float[np.ndarray, " places"], away: Number, wide_m: Number) -> list[float]:
        """Those x of upright things so wide, beginning there, that stand within the picture's columns."""
        ends = np.concatenate((x, x + wide_m))
        columns = self.project([(e, away, 0.0) for e in ends.tolist()])[:, 0].reshape(2, -1)
        # Uprights lean in a tilted view: what begins a little outside may come in higher up.
        margin = 0.15 * self.picture.shape[1]
        seen = (columns.max(0) > -margin) & (columns.min(0) < self.picture.shape[1] + margin)
        return [float(place) for place in x[seen]]

    def stroke(self, places: Sequence[Span], thick_px: Number, colour: Colour) -> None:
        """Draw a line in pixels; one thinner than a pixel is mixed with what is behind it."""
        corners = np.rint((np.array(places) - 0.5) * 2**_SUB)
        corners = np.clip(corners, -(2**20), 2**20).astype(np.int32)
        thick = max(round(thick_px), 1)
        if thick_px >= 0.7:
            cv2.polylines(self.picture, [corners], False, colour, thick, cv2.LINE_AA, _SUB)
            return
        low = np.clip(np.floor(np.min(places, 0)).astype(int) - 2, 0, self.picture.shape[1::-1])
        high = np.clip(np.ceil(np.max(places, 0)).astype(int) + 2, 0, self.picture.shape[1::-1])
        if (high <= low).any():
            return
        part = self.picture[low[1] : high[1], low[0] : high[0]]
        drawn = part.copy()
        cv2.polylines(
            drawn, [corners - (low * 2**_SUB).astype(np.int32)], False, colour, 1, cv2.LINE_AA, _SUB
        )
        share = max(thick_px / 0.7, 0.2)
        part[:] = cv2.addWeighted(drawn, share, part, 1 - share, 0)

    def patch(self, first: Span, last: Span, colour: Colour) -> None:
        """Fill a rectangle given in pixels."""
        corners = [(round(x * 2**_SUB), round(y * 2**_SUB)) for x, y in (first, last)]
        x0, y0 = (c / 2**_SUB for c in corners[0])
        x1, y1 = (c / 2**_SUB for c in corners[1])
        cv2.rectangle(self.picture, (round(x0), round(y0)), (round(x1) - 1, round(y1) - 1), colour, -1)

    def blob(self, middle: Point, radii_m: Span, colour: Colour) -> None:
        """Fill an upright ellipse that faces the camera."""
        ((x, y),) = self.project([middle]).tolist()
        scale = self.scale(middle[1], middle[2])
        radii = (max(round(radii_m[0] * scale), 1), max(round(radii_m[1] * scale), 1))
        cv2.ellipse(self.picture, (round(x), round(y)), radii, 0, 0, 360, colour, -1, cv2.LINE_AA)

    def text(
        self,
        words: str,
        x: Span,
        away: Number,
        z: Span,
        colours: tuple[Colour, Colour],
    ) -> None:
        """Write words into an upright rectangle that faces the pool; colours of letters and of ground."""
        scale = self.scale(away, z[0])
        tall = max(int((z[1] - z[0]) * scale * 2), 6)
        (wide, _), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_DUPLEX, tall / 24, max(tall // 9, 1))
        paper = np.empty((int(tall * 1.25), wide + 4, 3), np.uint8)
        paper[:] = np.array(colours[1], np.uint8)
        cv2.putText(
            paper,
            words,
            (2, tall),
            cv2.FONT_HERSHEY_DUPLEX,
            tall / 24,
            colours[0],
            max(tall // 9, 1),
            cv2.LINE_AA,
        )
        ends = (x[0], x[1]) if self._side < 0 else (x[1], x[0])
        # Seen from the +y side, +x is to the left.
        there = self.project(
            [(ends[1], away, z[1]), (ends[0], away, z[1]), (ends[0], away, z[0]), (ends[1], away, z[0])]
        )
        if there[0, 0] > there[1, 0]:
            there = there[[1, 0, 3, 2]]
        self.warp(paper, there)

    def warp(self, paper: UInt8[np.ndarray, "h w 3"], corners_px: Float[np.ndarray, "4 2"]) -> None:
        """Lay a flat picture onto four corners in pixels: its first corner, then clockwise."""
        low = np.maximum(np.floor(corners_px.min(0)).astype(int), 0)
        high = np.minimum(np.ceil(corners_px.max(0)).astype(int), self.picture.shape[1::-1])
        if (high - low < 1).any():
            return
        height, width = paper.shape[:2]
        size = (int(high[0] - low[0]), int(high[1] - low[1]))
        # Small letters are averaged rather than picked, or they would glitter.
        shrink = min(size[1] / height, 1.0)
        if shrink < 0.6:
            paper = cv2.resize(
                paper,
                (max(int(width * shrink), 2), max(int(height * shrink), 2)),
                interpolation=cv2.INTER_AREA,
            )
            height, width = paper.shape[:2]
        source = np.array(((0, 0), (width, 0), (width, height), (0, height)), np.float32) - 0.5
        taking = cv2.getPerspectiveTransform(source, (corners_px - low - 0.5).astype(np.float32))
        part = self.picture[low[1] : high[1], low[0] : high[0]]
        cv2.warpPerspective(
            paper, taking, size, dst=part, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
        )
