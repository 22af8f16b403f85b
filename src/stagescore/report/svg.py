"""Small drawings as SVG: positions across in per cent of the width, down in pixels, so that text keeps its size."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from markupsafe import Markup

from stagescore.printable import printable

Anchor = Literal["start", "middle", "end"]


@dataclass(slots=True)
class Drawing:
    """A drawing that is as wide as there is room for.

    Attributes:
        height: Height of the drawing, in pixels.
        label: What the drawing shows, for those who cannot see it.
        parts: The markup so far.
    """

    height: int
    label: str
    parts: list[Markup] = field(default_factory=list)

    def rect(self, x0: float, x1: float, y: float, height: float, style: str) -> None:
        """A filled box.

        Args:
            x0: One side of the box, in per cent of the width.
            x1: The other side of the box, in per cent of the width.
            y: Top of the box, in pixels.
            height: Height of the box, in pixels.
            style: Name of the CSS class.
        """
        left, width = min(x0, x1), abs(x1 - x0)
        self._add('<rect x="{}%" y="{}" width="{}%" height="{}" class="{}"/>', left, y, width, height, style)

    def line(self, x0: float, y0: float, x1: float, y1: float, style: str) -> None:
        """A straight line."""
        self._add('<line x1="{}%" y1="{}" x2="{}%" y2="{}" class="{}"/>', x0, y0, x1, y1, style)

    def dot(self, x: float, y: float, radius: float, style: str) -> None:
        """A disc."""
        self._add('<circle cx="{}%" cy="{}" r="{}" class="{}"/>', x, y, radius, style)

    def text(self, x: float, y: float, words: str, style: str = "", anchor: Anchor = "start") -> None:
        """A line of text; `y` is its base line."""
        self._add('<text x="{}%" y="{}" text-anchor="{}" class="{}">{}</text>', x, y, anchor, style, words)

    def curve(
        self, xs: Sequence[float], ys: Sequence[float | None], top: float, height: float, style: str
    ) -> None:
        """A curve in a box as wide as the drawing, with gaps where a value is unknown.

        Args:
            xs: Positions across, in per cent of the width.
            ys: Heights from 0 at the bottom of the box to 1 at its top; None where unknown.
            top: Top of the box, in pixels.
            height: Height of the box, in pixels.
            style: Name of the CSS class.
        """
        path, pen = [], "M"
        for x, y in zip(xs, ys, strict=True):
            if y is None:
                pen = "M"
                continue
            path.append(f"{pen}{number(x)} {number(100 * (1 - y))}")
            pen = "L"
        self._add(
            '<svg y="{}" width="100%" height="{}" viewBox="0 0 100 100" preserveAspectRatio="none" class="open">'
            '<path d="{}" class="{}"/></svg>',
            top,
            height,
            "".join(path),
            style,
        )

    def markup(self) -> Markup:
        """The whole drawing."""
        head = Markup('<svg role="img" aria-label="{}" height="{}">').format(_shown(self.label), self.height)
        return head + Markup("").join(self.parts) + Markup("</svg>")

    def _add(self, form: str, *values: float | str) -> None:
        printed = [number(value) if isinstance(value, int | float) else _shown(value) for value in values]
        self.parts.append(Markup(form).format(*printed))  # noqa: S704 - forms are those above; values are escaped


def _shown(text: str) -> str:
    return text if isinstance(text, Markup) else printable(text, keep="\n")


def number(value: float) -> str:
    """A coordinate, as short as it can be.

    >>> number(12.3456), number(3.0)
    ('12.35', '3')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale from values to per cent of the width.

    Attributes:
        low: Value at the left end.
        high: Value at the right end.
        margin: Free part at either end, in per cent of the width.
    """

    low: float
    high: float
    margin: float = 0.0

    def at(self, value: float) -> float:
        """Where a value lies.

        >>> Axis(0, 10).at(5), Axis(0, 10, margin=10).at(0)
        (50.0, 10.0)
        """
        span = self.high - self.low or 1.0
        return self.margin + (100 - 2 * self.margin) * (value - self.low) / span

    def ticks(self, about: int = 5) -> list[float]:
        """Round values along the axis.

        >>> Axis(61.2, 84.9).ticks()
        [65.0, 70.0, 75.0, 80.0]
        """
        rough = (self.high - self.low or 1.0) / about
        power = 10.0 ** np.floor(np.log10(rough))
        step = min((size * power for size in (1, 2, 5, 10)), key=lambda size: abs(size - rough))
        first, last = int(np.ceil(self.low / step - 1e-9)), int(np.floor(self.high / step + 1e-9))
        return [round(k * float(step), 10) for k in range(first, last + 1)]
