"""A diver who falls before a hall while the camera follows, with joints, as pictures, as a film, and as a scored dive."""

import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "pose"))

from made_clips import SIZE, Clip
from made_results import made_result

from stagescore.media.source import open_media
from stagescore.scoring.poses import Poses
from stagescore.scoring.result import Result
from stagescore.scoring.result_parts import EventResult, Events, InputFile, PoseShares
from stagescore.scoring.scored import Scored
from stagescore.skeleton import MPII_16
from stagescore.types import PoseTrack

MIDDLE = np.array((120.0, 80.0))
"""Where the diver is in every picture."""
_HEIGHTS = {"head": -17, "upper": -10, "thorax": -8, "shoulder": -8, "elbow": -2, "wrist": 3, "pelvis": 2}


def joints_at(middle: np.ndarray = MIDDLE) -> np.ndarray:
    """An upright body of 34 pixels around a point."""
    heights = _HEIGHTS | {"hip": 2, "knee": 9, "ankle": 17}
    rows = []
    for name in MPII_16.joints:
        down = next(value for part, value in heights.items() if part in name)
        across = 3 if name.startswith("right") else -3 if name.startswith("left") else 0
        rows.append(middle + np.array((across, down)))
    return np.array(rows, dtype=float)


def made_flight(num_frames: int = 26, scale: int = 1) -> tuple[list[np.ndarray], np.ndarray]:
    """Pictures of a flight, and joints (frames joints 2) in their pixels."""
    frames = Clip(num_frames).frames
    if scale != 1:
        frames = [cv2.resize(frame, None, fx=scale, fy=scale) for frame in frames]
    return frames, np.stack([joints_at() * scale] * num_frames)


def made_scored(folder: Path, scale: int = 1, num_frames: int = 26) -> Scored:
    """A scored dive whose film is images in a folder, in the air from frame 2 to the last but one."""
    frames, joints = made_flight(num_frames, scale)
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{number:03d}.png")
    known = np.ones(joints.shape[:2])
    shares = PoseShares(source="given", measured=1.0)
    return Scored(
        result=result_of(folder, num_frames, scale),
        media=open_media(folder),
        poses=Poses(track=PoseTrack(joints, known), weak=known < 1, shares=shares),
    )


def result_of(film: Path, num_frames: int, scale: int = 1) -> Result:
    result = made_result(edges=(0, 2, num_frames - 2, num_frames))
    facts = {"path": str(film), "num_frames": num_frames, "end_frame": num_frames}
    facts |= {"width_px": SIZE[0] * scale, "height_px": SIZE[1] * scale}
    events = Events(
        first_airborne_frame=EventResult(frame=2, confidence=0.9),
        first_water_contact_frame=EventResult(frame=num_frames - 2, confidence=0.9),
    )
    film_facts = InputFile.model_validate(result.input.model_dump() | facts)
    return result.model_copy(update={"input": film_facts, "events": events, "angles": None})
