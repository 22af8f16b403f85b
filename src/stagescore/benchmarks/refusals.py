"""Neither lazy nor blind: how many clean dives are refused, and how many spoiled ones are not.

Dives are spoiled in five ways: a second diver is put beside the first, a part of another dive is cut in, the flight
is shown again slowly, one frame stands still, the beginning or the end of the dive is missing.
Source: none. The second diver is the first one's box, moved sideways, so its background does not fit: what is
measured is whether two bodies are told from one, not how real they look.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from stagescore.data.manifest import read_manifest
from stagescore.errors import DataError
from stagescore.hashing import hash_unit
from stagescore.media.source import open_media
from stagescore.scoring.checks import REASONS
from stagescore.scoring.scorer import Scorer
from stagescore.simulate.write import read_record, record_path

CLEAN = "clean"
SPOILED: tuple[str, ...] = ("two-divers", "cut", "replay", "still", "partial")
# Set by hand: room around the second diver's box (share of its longer edge), and grey levels of a still film's noise.
_MARGIN = 0.15
_NOISE = 2.0
Pictures = list[UInt8[np.ndarray, "h w 3"]]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class KnownClip:
    """A simulated dive with what is needed to spoil it.

    Attributes:
        name: Name of the dive.
        folder: Folder of the dive's images.
        boxes_px: True left, top, right, bottom of the diver in each frame, in pixels; NaN where there is none.
        airborne: First airborne frame.
        contact: First frame that touches the water.
    """

    name: str
    folder: Path
    boxes_px: Float[np.ndarray, "frames 4"]
    airborne: int
    contact: int

    def pictures(self) -> Pictures:
        """All frames."""
        return [image.copy() for _, image in open_media(self.folder).frames()]


@dataclass(slots=True)
class Refusals:
    """Which clips got no score.

    Attributes:
        asked: Number of clips of each kind.
        refused: Number of refused clips of each kind.
        reasons: How often each code stood against a score, by kind of clip.
        names: Names of clean dives that were refused and of spoiled ones that were not.
    """

    asked: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, Counter[str]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    def share(self, kind: str) -> float:
        """Share of the clips of a kind that were refused, 0 to 1."""
        return self.refused[kind] / max(self.asked[kind], 1)

    @property
    def share_of_spoiled(self) -> float:
        """Share of all spoiled clips that were refused, 0 to 1."""
        spoiled = [kind for kind in self.asked if kind != CLEAN]
        return sum(self.refused[kind] for kind in spoiled) / max(sum(self.asked[kind] for kind in spoiled), 1)

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "kinds": {
                kind: {
                    "clips": self.asked[kind],
                    "refused": self.refused[kind],
                    "share": self.share(kind),
                    "reasons": dict(self.reasons.get(kind, {})),
                }
                for kind in self.asked
            },
            "share_of_spoiled": self.share_of_spoiled,
            "wrong": self.names,
        }


def spoiled(clip: KnownClip, other: KnownClip, kind: str) -> Pictures:
    """The frames of a dive, spoiled; the same dive is always spoiled the same.

    Args:
        clip: Clip to spoil.
        other: Another dive, whose frames are cut in.
        kind: Way to spoil it, one of `SPOILED`.
    """
    frames, unit = clip.pictures(), hash_unit("spoil", kind, clip.name)
    middle = int(clip.airborne + (0.3 + 0.4 * unit) * (clip.contact - clip.airborne))
    if kind == "two-divers":
        return [_doubled(frame, box) for frame, box in zip(frames, clip.boxes_px, strict=True)]
    if kind == "cut":
        size = frames[0].shape[1::-1]
        strange = [np.asarray(Image.fromarray(f).resize(size)) for f in other.pictures()[len(frames) // 2 :]]
        return frames[:middle] + strange
    if kind == "replay":
        again = frames[clip.airborne : clip.contact]
        return frames + [frame for frame in again for _ in range(2)]
    if kind == "still":
        noise = np.random.default_rng(int(2**32 * unit))
        still = frames[middle].astype(np.float64)
        return [
            np.clip(np.rint(still + noise.normal(0, _NOISE, still.shape)), 0, 255).astype(np.uint8)
            for _ in frames
        ]
    if kind == "partial":
        return frames[middle:] if unit < 0.5 else frames[:middle]
    return frames


def measure_refusals(
    scorer: Scorer,
    clips: Sequence[KnownClip],
    folder: Path,
    *,
    kinds: Sequence[str] = SPOILED,
    progress: Progress = lambda what, done, total: None,
) -> Refusals:
    """Score clean and spoiled dives and count who gets no score.

    Args:
        scorer: Scorer of any networks; only what it refuses counts.
        clips: Clips of dives; each is used clean and spoiled in one way, the ways in turn.
        folder: Empty folder for the spoiled frames.
        kinds: Ways to spoil a clip.
        progress: Called before every clip with how many are done.
    """
    found = Refusals()
    for number, clip in enumerate(clips):
        for place, kind in enumerate((CLEAN, kinds[number % len(kinds)])):
            progress("clips", 2 * number + place, 2 * len(clips))
            path = clip.folder
            if kind != CLEAN:
                path = folder / f"{number}-{kind}"
                path.mkdir(parents=True)
                for frame, picture in enumerate(spoiled(clip, clips[number - 1], kind)):
                    Image.fromarray(picture).save(path / f"{frame:05d}.jpg", quality=90)
            result = scorer.score(path)
            found.asked[kind] += 1
            found.refused[kind] += result.score is None
            codes = [reason.code for reason in result.reasons if reason.code in REASONS]
            found.reasons.setdefault(kind, Counter()).update(codes)
            if (result.score is None) == (kind == CLEAN):
                found.names.append(f"{clip.name} ({kind})")
    return found


def _doubled(frame: UInt8[np.ndarray, "h w 3"], box_px: np.ndarray) -> UInt8[np.ndarray, "h w 3"]:
    """The diver once more, beside."""
    if not np.isfinite(box_px).all() or (box_px[2:] <= box_px[:2]).any():
        return frame
    height, width = frame.shape[:2]
    margin = _MARGIN * (box_px[2:] - box_px[:2]).max()
    left, top = np.maximum(np.floor(box_px[:2] - margin), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(box_px[2:] + margin), (width, height)).astype(int).tolist()
    shift = right - left
    shift = shift if right + shift <= width else -shift
    start, stop = max(left + shift, 0), min(right + shift, width)
    if stop <= start or bottom <= top:
        return frame
    doubled = frame.copy()
    doubled[top:bottom, start:stop] = frame[top:bottom, start - shift : stop - shift]
    return doubled


def simulated_clips(folder: Path, num: int) -> list[KnownClip]:
    """Some of the dives of a simulated data set, evenly spread over it.

    Raises:
        DataError: There are no simulated dives.
    """
    dives = [dive for dive in read_manifest(folder) if dive.frames_path is not None]
    rows = sorted({int(row) for row in np.linspace(0, len(dives) - 1, min(num, len(dives)))})
    clips = []
    for dive in (dives[row] for row in rows):
        record = read_record(folder, dive.event, dive.number)
        if record is None or dive.frames_path is None:
            raise DataError(
                "it is no whole simulated dive", where=dive.dive_id, todo="give what `simulate` has written"
            )
        with np.load(record_path(folder, dive.event, dive.number).with_suffix(".npz")) as arrays:
            boxes = arrays["diver_box"].astype(np.float64)
        clips.append(
            KnownClip(
                name=dive.dive_id,
                folder=Path(dive.frames_path),
                boxes_px=boxes,
                airborne=record["first_airborne_frame"],
                contact=record["first_water_contact_frame"],
            )
        )
    return clips
