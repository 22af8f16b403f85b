"""Everything about a picture that is drawn by lot and says nothing about the score.

An `Appearance` follows from a seed and the board's height alone, so that nothing in it can leak a mark.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from stagescore.errors import DataError
from stagescore.hashing import hash_u64, hash_unit

Number = float | int
Colour = tuple[Number, Number, Number]
"""Red, green and blue, 0 to 255."""

Backdrop = Literal["stand", "wall", "windows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraLook:
    """Where the camera stands and how its operator works.

    Attributes:
        side: Side of the board on which the camera stands, 1 or -1 (the sign of world y).
        azimuth_deg: Angle from exactly side-on, in degrees; + looks back at the board.
        distance_m: Distance of the camera from the diver's path, in metres.
        height_m: Height of the camera above the water, in metres.
        view_height_m: Height that the picture covers at the diver's distance, in metres, before zooming.
        zoom_share: Share by which the picture covers more (+) or less (-) at the water.
        lag_s: Reaction time of the operator, in seconds.
        swing_rad_s: Natural frequency of following the diver, in radians per second.
        damping: Damping of following the diver; below 1 the camera overshoots.
        lead: Distance of the diver from the picture's middle, as shares of its width and height.
        shake: Shake of the hand, as a share of the picture's height.
    """

    side: int
    azimuth_deg: float
    distance_m: float
    height_m: float
    view_height_m: float
    zoom_share: float
    lag_s: float
    swing_rad_s: float
    damping: float
    lead: tuple[float, float]
    shake: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueLook:
    """The pool and what is around it.

    Attributes:
        outdoor: Whether the pool is under the sky.
        brightness: Brightness of the stands and walls, about 1.
        pool_edge_m: Distance from the diver's path to the far edge of the pool, in metres.
        deck_m: Distance from the far edge of the pool to the first wall, in metres.
        wall_height_m: Height of the first wall, which carries adverts, in metres.
        tier_rows: Number of rows of seats in each tier, from below.
        backdrop: What stands above the first tier.
        occupancy: Share of taken seats in each tier, from below.
        seat: Colour of the seats.
        wall: Colour of walls and barriers.
        accent: Colour of adverts and boards' edges.
        water: Colour of the water.
        chairs: Number of judges who sit at the far side.
        bystanders: Number of officials and divers who stand about.
        bottom_lines: Whether there are dark lines on the floor of the pool.
        lane_ropes: Whether there are floating ropes far out.
        words: Words on the adverts.
    """

    outdoor: bool
    brightness: float
    pool_edge_m: float
    deck_m: float
    wall_height_m: float
    tier_rows: tuple[int, int]
    backdrop: Backdrop
    occupancy: tuple[float, float]
    seat: Colour
    wall: Colour
    accent: Colour
    water: Colour
    chairs: int
    bystanders: int
    bottom_lines: bool
    lane_ropes: bool
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiverLook:
    """The diver's body and suit.

    Attributes:
        woman: Whether a one-piece suit and a bun are drawn instead of briefs and short hair.
        skin: Colour of the skin.
        hair: Colour of the hair.
        suit: Colour of the suit.
        suit_side: Second colour of the suit.
        girth: Thickness of limbs and trunk, about 1.
    """

    woman: bool
    skin: Colour
    hair: Colour
    suit: Colour
    suit_side: Colour
    girth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureLook:
    """What light, lens, sensor and station do to the picture.

    Attributes:
        light: Direction in world axes that the main light comes from; z is up.
        ambient: Share of the light that comes from everywhere.
        shutter: Share of the frame's time for which the shutter is open.
        softness_px: Standard deviation of the lens blur, in pixels of a picture that is 455 pixels wide.
        noise: Standard deviation of the sensor noise, of 255.
        cast: Gain of red, green and blue.
        jpeg_quality: Quality of the JPEG files in which frames should be written.
        logo: Sign of a station in a corner; empty for none.
        strap: Whether there is a caption bar at the foot of the picture.
    """

    light: tuple[float, float, float]
    ambient: float
    shutter: float
    softness_px: float
    noise: float
    cast: Colour
    jpeg_quality: int
    logo: str
    strap: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """Everything about a picture that is drawn by lot.

    Attributes:
        seed: Seed of everything that is drawn below.
        height_m: Height of the board in metres, 3 (springboard) or 10 (platform).
        camera: Viewpoint of the camera and habits of its operator.
        venue: Pool and what is around it.
        diver: Body and suit of the diver.
        picture: Light, lens, sensor and signs of the station.
    """

    seed: int
    height_m: float
    camera: CameraLook
    venue: VenueLook
    diver: DiverLook
    picture: PictureLook


_SKIN: tuple[Colour, ...] = (
    (236, 190, 160),
    (226, 172, 138),
    (212, 156, 120),
    (196, 138, 102),
    (160, 108, 78),
    (116, 76, 54),
)
_HAIR: tuple[Colour, ...] = ((24, 20, 20), (36, 26, 22), (70, 46, 30), (150, 112, 66), (30, 30, 36))
_SUIT: tuple[Colour, ...] = (
    (188, 24, 32),
    (20, 22, 34),
    (24, 44, 120),
    (92, 22, 84),
    (14, 96, 70),
    (208, 120, 20),
    (30, 110, 170),
)
_SEAT: tuple[Colour, ...] = (
    (92, 150, 130),
    (52, 92, 158),
    (150, 154, 160),
    (170, 60, 54),
    (64, 66, 78),
    (196, 150, 60),
    (72, 120, 172),
)
_WALL: tuple[Colour, ...] = (
    (70, 76, 84),
    (176, 178, 174),
    (30, 78, 130),
    (40, 44, 60),
    (120, 126, 122),
    (26, 96, 140),
)
_ACCENT: tuple[Colour, ...] = (
    (104, 150, 40),
    (20, 90, 180),
    (190, 40, 50),
    (30, 40, 110),
    (0, 130, 140),
    (220, 130, 20),
    (110, 40, 130),
)
_WATER: tuple[Colour, ...] = (
    (28, 132, 214),
    (30, 148, 190),
    (22, 112, 186),
    (44, 160, 196),
    (24, 138, 160),
)
_WORDS: tuple[str, ...] = (
    "DIVING CUP",
    "NORDALE",
    "AQUARIA",
    "PELAGO",
    "WORLD SERIES",
    "LUMEN BANK",
    "ORBITEL",
    "KESTREL",
    "GRAND PRIX",
    "VANTA",
    "BLUEFIN",
    "CITY GAMES",
)
_LOGOS: tuple[str, ...] = ("TV5", "SPORT1", "LIVE", "HD", "NDC")


class _Lots:
    """Draws by hash: every question has its own answer, whatever else was asked before."""

    def __init__(self, *about: str | int) -> None:
        self._about = about

    def span(self, what: str, low: Number, high: Number) -> float:
        return low + (high - low) * hash_unit(*self._about, what)

    def chance(self, what: str, probability: float) -> bool:
        return hash_unit(*self._about, what) < probability

    def count(self, what: str, low: int, high: int) -> int:
        return low + hash_u64(*self._about, what) % (high - low + 1)

    def colour(self, what: str, colours: Sequence[Colour], spread: float = 0.1) -> Colour:
        base = colours[self.count(what, 0, len(colours) - 1)]
        gain = self.span(f"{what} gain", 1 - spread, 1 + spread)
        red, green, blue = (
            min(250.0, c * gain * self.span(f"{what} {i}", 1 - spread / 2, 1 + spread / 2))
            for i, c in enumerate(base)
        )
        return red, green, blue


def draw_appearance(seed: int, height_m: Number) -> Appearance:
    """Draw an appearance by lot.

    Args:
        seed: Seed that decides everything.
        height_m: Height of the board in metres, 3 or 10; camera positions depend on it.

    Raises:
        DataError: The height is not positive.
    """
    if not height_m > 0:
        raise DataError(f"the height is {height_m} m", todo="give 3 or 10")
    return Appearance(
        seed=seed,
        height_m=float(height_m),
        camera=_camera(_Lots(seed, "camera"), float(height_m)),
        venue=_venue(_Lots(seed, "venue")),
        diver=_diver(_Lots(seed, "diver")),
        picture=_picture(_Lots(seed, "picture"), outdoor=_outdoor(_Lots(seed, "venue"))),
    )


def _camera(lots: _Lots, height_m: float) -> CameraLook:
    above_board = lots.span("height", -2.6, 1.2) if height_m > 5 else lots.span("height", 0.2, 3.6)
    return CameraLook(
        side=1 if lots.chance("side", 0.5) else -1,
        azimuth_deg=lots.span("azimuth", -16, 16),
        distance_m=lots.span("distance", 18, 28),
        height_m=height_m + above_board,
        view_height_m=lots.span("view", 2.45, 3.25),
        zoom_share=lots.span("zoom", -0.12, 0.2),
        lag_s=lots.span("lag", 0.04, 0.12),
        swing_rad_s=lots.span("swing", 8.0, 11.5),
        damping=lots.span("damping", 0.7, 1.0),
        lead=(lots.span("lead x", -0.08, 0.08), lots.span("lead y", -0.04, 0.04)),
        shake=lots.span("shake", 0.001, 0.004),
    )


def _outdoor(lots: _Lots) -> bool:
    return lots.chance("outdoor", 0.22)


def _venue(lots: _Lots) -> VenueLook:
    backdrops: tuple[Backdrop, ...] = ("stand", "stand", "wall", "windows")
    first = lots.count("word", 0, len(_WORDS) - 1)
    second = (first + lots.count("other word", 1, len(_WORDS) - 1)) % len(_WORDS)
    outdoor = _outdoor(lots)
    return VenueLook(
        outdoor=outdoor,
        brightness=lots.span("brightness", 0.92, 1.1) if outdoor else lots.span("brightness", 0.6, 1.0),
        pool_edge_m=lots.span("edge", 7.5, 11),
        deck_m=lots.span("deck", 4, 7),
        wall_height_m=lots.span("wall height", 1.4, 3.2),
        tier_rows=(lots.count("lower rows", 6, 13), lots.count("upper rows", 6, 14)),
        backdrop=backdrops[lots.count("backdrop", 0, len(backdrops) - 1)],
        occupancy=(lots.span("lower", 0.12, 0.95), lots.span("upper", 0.1, 0.95)),
        seat=lots.colour("seat", _SEAT),
        wall=lots.colour("wall", _WALL),
        accent=lots.colour("accent", _ACCENT),
        water=lots.colour("water", _WATER),
        chairs=lots.count("chairs", 3, 7),
        bystanders=lots.count("bystanders", 3, 12),
        bottom_lines=lots.chance("bottom lines", 0.6),
        lane_ropes=lots.chance("lane ropes", 0.35),
        words=(_WORDS[first], _WORDS[second]),
    )


def _diver(lots: _Lots) -> DiverLook:
    woman = lots.chance("woman", 0.5)
    return DiverLook(
        woman=woman,
        skin=lots.colour("skin", _SKIN, 0.05),
        hair=lots.colour("hair", _HAIR),
        suit=lots.colour("suit", _SUIT),
        suit_side=lots.colour("suit side", _SUIT),
        girth=lots.span("girth", 0.93, 1.08) * (0.96 if woman else 1.0),
    )


def _picture(lots: _Lots, *, outdoor: bool) -> PictureLook:
    warm = lots.span("warmth", -0.05, 0.05)
    return PictureLook(
        light=(lots.span("light x", -0.7, 0.7), lots.span("light y", 0.1, 0.7), 1.0),
        ambient=lots.span("ambient", 0.42, 0.5) if outdoor else lots.span("ambient", 0.48, 0.6),
        shutter=lots.span("shutter", 0.1, 0.38),
        softness_px=lots.span("softness", 0.3, 0.75),
        noise=lots.span("noise", 0.8, 3.0),
        cast=(1 + warm, 1 + lots.span("tint", -0.02, 0.02), 1 - warm),
        jpeg_quality=lots.count("quality", 70, 90),
        logo=_LOGOS[lots.count("logo", 0, len(_LOGOS) - 1)] if lots.chance("has logo", 0.5) else "",
        strap=lots.chance("strap", 0.2),
    )
