"""Sheets of pictures of simulated dives, to be looked at: whole dives, splashes, and each fault beside none."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from jaxtyping import UInt8

from stagescore.diving import DiveNumber
from stagescore.errors import DataError
from stagescore.simulate.appearance import Appearance, draw_appearance
from stagescore.simulate.dataset import make_splash
from stagescore.simulate.judge import splash_size
from stagescore.simulate.launch import launch
from stagescore.simulate.motion import simulate
from stagescore.simulate.render import Picture, render
from stagescore.simulate.types import GRAVITY_M_S2, Approach, BodyMotion, DivePlan, Faults

Image = UInt8[np.ndarray, "h w 3"]
Moment = Literal["standing", "press", "airborne", "shape", "opening", "contact", "after", "apex", "passing"]

MOMENTS: tuple[Moment, ...] = ("standing", "press", "airborne", "shape", "opening", "contact", "after")
_NAMES: dict[Moment, str] = {
    "standing": "standing",
    "press": "press",
    "airborne": "just airborne",
    "shape": "shape",
    "opening": "opening",
    "contact": "contact",
    "after": "+5 frames",
}
_GAP = 6
_CAPTION_PX = 26
_INK, _PAPER = (30, 40, 52), (255, 255, 255)
_JPEG_QUALITY = 80
# Set by hand: frames per second, frames of a film, and the share of them before the take-off.
_FRAME_RATE = 25.0
_FRAMES = 96
_TAKEOFF_SHARE = 0.22


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """How a fault is shown.

    Attributes:
        fault: Name of the fault, a field of `Faults`.
        size: Size of the fault where it is large, in the unit of the field.
        title: Title above the picture.
        code: Number of the dive, such as `107B`.
        height_m: Height of the board, in metres.
        moments: Moments at which the fault shows, as (moment, frames later).
        crop: Height of the crop around the diver, as a share of the picture's.
        seed: Seed of the dive and of its look.
        azimuth_deg: Direction of the camera, in degrees, if a side view would hide the fault.
    """

    fault: str
    size: float
    title: str
    code: str
    height_m: float
    moments: tuple[tuple[Moment, int], ...]
    crop: float = 0.5
    seed: int = 3
    azimuth_deg: float | None = None


_PAIRS: tuple[_Pair, ...] = (
    _Pair(fault="takeoff_distance_m", size=0.9, title="take-off 0.9 m too far from the board", code="405B", height_m=10, moments=(("passing", 0),), crop=1.0),
    _Pair(fault="low_jump_m", size=0.5, title="jump 0.5 m too low, at its highest", code="201B", height_m=10, moments=(("apex", 0),), crop=1.0),
    _Pair(fault="bent_knees_deg", size=60, title="knees bent by 60 degrees", code="107B", height_m=3, moments=(("shape", 0), ("shape", 3)), crop=0.63),
    _Pair(fault="split_legs_deg", size=45, title="legs apart by 45 degrees", code="5253B", height_m=10, moments=(("airborne", 6), ("airborne", 9)), crop=0.8),
    _Pair(fault="flexed_toes_deg", size=75, title="toes flexed by 75 degrees", code="405B", height_m=3, moments=(("shape", 0), ("shape", 4)), crop=0.5),
    _Pair(fault="loose_position_deg", size=50, title="tuck open by 50 degrees", code="107C", height_m=3, moments=(("shape", 0), ("shape", 3)), crop=0.63),
    _Pair(fault="over_rotation_deg", size=35, title="entry 35 degrees past vertical", code="107B", height_m=10, moments=(("contact", -2), ("contact", 0)), crop=0.84),
    _Pair(fault="short_twist_deg", size=75, title="twist short by 75 degrees: belly to the camera, not to the side", code="5253B", height_m=3, moments=(("contact", -2), ("contact", 0)), crop=0.84),
    _Pair(fault="entry_lean_deg", size=30, title="entry 30 degrees to the side, seen from the end of the pool", code="201B", height_m=3, moments=(("contact", -2), ("contact", 0)), crop=0.84, azimuth_deg=70.0),
    _Pair(fault="loud_entry", size=1.0, title="loud entry: splash alone", code="405B", height_m=3, moments=(("contact", 5), ("contact", 10))),
)  # fmt: skip


def plan_of(code: str, height_m: float, *, seed: int = 3, faults: Faults | None = None) -> DivePlan:
    """A dive to be looked at: that number, at a seed, perfect unless faults are given.

    Args:
        code: Number of the dive, such as `107B`.
        height_m: Height of the board, 3 or 10 metres.
        seed: Seed of the dive and, in these sheets, of its look.
        faults: What goes wrong; nothing by default.
    """
    number = DiveNumber.parse(code)
    hurdle = number.direction in ("forward", "reverse")
    approach: Approach = "armstand" if number.armstand else "hurdle" if hurdle else "standing"
    return DivePlan(
        number=number,
        height_m=height_m,
        difficulty=3.0,
        approach=approach,
        faults=faults or Faults(),
        num_frames=_FRAMES,
        frame_rate=_FRAME_RATE,
        takeoff_share=_TAKEOFF_SHARE,
        body_scale=1.0,
        seed=seed,
    )


def contact_sheet(dives: Sequence[tuple[str, DivePlan]], size_px: tuple[int, int]) -> Image:
    """Moments of dives: a row for each dive, from standing to five frames after water contact.

    Args:
        dives: Caption and plan of each dive.
        size_px: Width and height at which the dives are filmed; the sheet shows parts of these pictures.
    """
    rows: list[Image] = []
    for caption, plan in dives:
        film = _Film.of(plan, draw_appearance(plan.seed, plan.height_m), size_px)
        frames = [film.frame(moment) for moment in MOMENTS]
        pictures = film.pictures(frames)
        tiles = [
            _captioned(_resized(_around(pictures[frame], 0.78, wide=0.95), size_px[1]), _name(moment, plan))
            for frame, moment in zip(frames, MOMENTS, strict=True)
        ]
        rows.append(_titled(_beside(tiles), caption))
    return _below(rows)


def _name(moment: Moment, plan: DivePlan) -> str:
    return "twist" if moment == "shape" and plan.number.half_twists else _NAMES[moment]


def splash_sheet(size_px: tuple[int, int]) -> Image:
    """The same entry with a small and with a large splash, at four moments."""
    rows: list[Image] = []
    for name, loud in (("small splash", 0.12), ("large splash", 1.0)):
        plan = plan_of("405B", 10.0, seed=5, faults=Faults(loud_entry=loud))
        film = _Film.of(plan, draw_appearance(plan.seed, plan.height_m), size_px)
        frames = [film.motion.first_water_contact_frame + later for later in (0, 4, 9, 16)]
        pictures = film.pictures(frames)
        tiles = [
            _captioned(pictures[frame].image, f"contact + {frame - frames[0]} frames" if index else "contact")
            for index, frame in enumerate(frames)
        ]
        size = splash_size(plan.faults, film.motion.entry_speed_m_s)
        rows.append(_titled(_beside(tiles), f"{name}: size {size:.2f} of 1"))
    return _below(rows)


def fault_pairs(size_px: tuple[int, int]) -> Image:
    """Each fault beside the same dive without it: same seed, same moment, same camera."""
    cells = []
    for pair in _PAIRS:
        sides = []
        for name, size in (("none", 0.0), ("large", pair.size)):
            faults = replace(Faults(), **{pair.fault: size})
            plan = plan_of(pair.code, pair.height_m, seed=pair.seed, faults=faults)
            appearance = draw_appearance(pair.seed, pair.height_m)
            if pair.azimuth_deg is not None:
                appearance = replace(
                    appearance, camera=replace(appearance.camera, azimuth_deg=pair.azimuth_deg)
                )
            film = _Film.of(plan, appearance, size_px)
            frames = [film.frame(moment) + later for moment, later in pair.moments]
            pictures = film.pictures(frames)
            wide = 1.0 if len(frames) > 1 else size_px[0] / size_px[1]
            tiles = [_around(pictures[f], pair.crop, wide=wide) for f in frames]
            high = size_px[1]
            together = _beside([_resized(tile, high) for tile in tiles], gap=2)
            sides.append(_captioned(_resized(together, high), name))
        cells.append(_titled(_beside(sides), f"{pair.title} ({pair.code}, {pair.height_m:g} m)"))
    return _below([_beside(cells[k : k + 2], gap=4 * _GAP) for k in range(0, len(cells), 2)])


def jpeg(image: Image, widest_px: int = 1600) -> bytes:
    """A sheet as a JPEG file, no wider than wanted.

    Raises:
        DataError: It cannot be encoded.
    """
    height, width = image.shape[:2]
    if width > widest_px:
        size = (widest_px, round(height * widest_px / width))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    done, content = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY)
    )
    if not done:
        raise DataError("the sheet cannot be encoded", todo="ask for smaller pictures")
    return bytes(content)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Film:
    """A dive and what films it."""

    plan: DivePlan
    motion: BodyMotion
    appearance: Appearance
    size_px: tuple[int, int]

    @classmethod
    def of(cls, plan: DivePlan, appearance: Appearance, size_px: tuple[int, int]) -> "_Film":
        return cls(plan=plan, motion=simulate(plan), appearance=appearance, size_px=size_px)

    def pictures(self, frames: Sequence[int]) -> dict[int, Picture]:
        """The pictures of some frames."""
        found: dict[int, Picture] = {}
        film = render(self.motion, make_splash(self.plan, self.motion), self.appearance, self.size_px)
        for frame, picture in enumerate(film):
            if frame in frames:
                found[frame] = picture
            if frame >= max(frames):
                break
        return found

    def frame(self, moment: Moment) -> int:
        """When a moment is."""
        motion, rate = self.motion, self.motion.frame_rate
        air, contact = motion.first_airborne_frame, motion.first_water_contact_frame
        opening = motion.label_transitions[-1]
        last_second = max(0, air - round(0.6 * rate))
        found = {
            "standing": 0,
            "press": last_second + int(np.argmin(motion.centre_of_mass_m[last_second:air, 2])),
            "airborne": air + 1,
            "shape": (air + opening) // 2 + 1,
            "opening": opening + max(2, (contact - opening) // 2),
            "contact": contact,
            "after": contact + 5,
            "apex": air + int(np.argmax(motion.centre_of_mass_m[air:contact, 2])),
            "passing": air + int(np.argmax(self._falls_past_board(air, contact))),
        }
        return found[moment]

    def _falls_past_board(self, air: int, contact: int) -> np.ndarray:
        heights = self.motion.centre_of_mass_m[air:contact, 2]
        rising = launch(self.plan).velocity_m_s[2] / GRAVITY_M_S2 * self.motion.frame_rate
        return np.asarray((heights < self.plan.height_m) & (np.arange(len(heights)) > rising))


def _around(picture: Picture, share: float, *, wide: float) -> Image:
    """The part of a picture about the diver, or about its middle where no diver is seen.

    Args:
        picture: The whole picture.
        share: Height of the part, as a share of the picture's height.
        wide: Width of the part, as a multiple of its height.
    """
    height, width = picture.image.shape[:2]
    high = round(share * height)
    across = min(round(wide * high), width)
    box = picture.diver_box
    x, y = ((box[:2] + box[2:]) / 2).tolist() if np.isfinite(box).all() else (width / 2, height / 2)
    left = int(np.clip(round(x - across / 2), 0, width - across))
    top = int(np.clip(round(y - high / 2), 0, height - high))
    return np.asarray(picture.image[top : top + high, left : left + across])


def _resized(image: Image, high: int) -> Image:
    height, width = image.shape[:2]
    way = cv2.INTER_CUBIC if high > height else cv2.INTER_AREA
    return np.asarray(cv2.resize(image, (round(width * high / height), high), interpolation=way))


def _captioned(image: Image, text: str) -> Image:
    return _with_text(image, text, 0.55, below=True)


def _titled(image: Image, text: str) -> Image:
    return _with_text(image, text, 0.72, below=False)


def _with_text(image: Image, text: str, scale: float, *, below: bool) -> Image:
    high = round(_CAPTION_PX * scale / 0.6)
    strip = np.full((high, image.shape[1], 3), _PAPER, np.uint8)
    cv2.putText(strip, text, (2, round(0.72 * high)), cv2.FONT_HERSHEY_DUPLEX, scale, _INK, 1, cv2.LINE_AA)
    return np.concatenate((image, strip) if below else (strip, image))


def _beside(images: Sequence[Image], gap: int = _GAP) -> Image:
    high = max(image.shape[0] for image in images)
    parts: list[Image] = []
    for index, image in enumerate(images):
        if index:
            parts.append(np.full((high, gap, 3), _PAPER, np.uint8))
        parts.append(_padded(image, high, image.shape[1]))
    return np.concatenate(parts, axis=1)


def _below(images: Sequence[Image]) -> Image:
    wide = max(image.shape[1] for image in images)
    return np.concatenate([_padded(image, image.shape[0] + _GAP, wide) for image in images])


def _padded(image: Image, high: int, wide: int) -> Image:
    paper = np.full((high, wide, 3), _PAPER, np.uint8)
    paper[: image.shape[0], : image.shape[1]] = image
    return paper
