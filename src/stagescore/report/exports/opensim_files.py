"""Motions in OpenSim's forms: places of joints as TRC, angles as MOT.

Source: OpenSim's documentation, "Marker (.trc) Files" and "Storage (.sto) and Motion (.mot) Files". Sports2D and Pose2Sim write
and read the same. Departs: what is unknown, or not believed, is NaN; a film knows no depth, so Z is 0 where X and Y are known.
"""

import re
from collections.abc import Sequence

import numpy as np

from stagescore.printable import printable
from stagescore.report.exports.motion import Motion
from stagescore.report.exports.tables import ANGLE_DIGITS, TIME_DIGITS
from stagescore.scoring.angles import TRUNK

_TRC_KEYS = (
    "DataRate CameraRate NumFrames NumMarkers Units OrigDataRate OrigDataStartFrame OrigNumFrames".split()
)


def motion_trc(motion: Motion) -> str:
    """Places of the joints that were seen: X to the right and Y up from the top left corner of the picture, Z 0."""
    joints, rate = motion.track.skeleton.joints, f"{motion.frame_rate:.6f}"
    values = (
        *(rate, rate, str(len(motion.frames)), str(len(joints)), motion.unit),
        *(rate, str(motion.frames[0]), str(len(motion.frames))),
    )
    lines = [
        ("PathFileType", "4", "(X/Y/Z)", f"{_one_line(motion.name)}.trc"),
        _TRC_KEYS,
        values,
        ("Frame#", "Time", *(cell for joint in joints for cell in (joint, "", ""))),
        ("", "", *(f"{axis}{number}" for number in range(1, len(joints) + 1) for axis in "XYZ")),
        ("",),
    ]
    places = np.zeros((len(motion.frames), len(joints), 3))
    places[..., :2] = motion.places * (1.0, -1.0)
    places[~motion.believed] = np.nan
    for frame, time_s, row in zip(motion.frames, motion.times_s.tolist(), places, strict=True):
        numbers = (_number(value, motion.digits) for value in row.ravel().tolist())
        lines.append((str(frame), f"{time_s:.{TIME_DIGITS}f}", *numbers))
    return _joined(lines)


def motion_mot(motion: Motion) -> str:
    """The angles of joints that were seen, in degrees."""
    angles = motion.angles()
    head = [
        "Coordinates",  # not the film's name: OpenSim refuses a first line such as `191`
        "version=1",
        f"nRows={len(motion.frames)}",
        f"nColumns={len(angles.names) + 1}",
        "inDegrees=yes",
        "",
        "Time in seconds since the first frame of the film; angles in degrees, in the plane of the picture.",
        "Knees and hips: 0 to 180, 180 is stretched.",
        f"{TRUNK}: turn from upright, counterclockwise, counted on over full turns, and anew after a gap.",
        "NaN: a joint of the angle is unknown or not believed.",
        "",
        "endheader",
    ]
    rows = [
        (f"{time_s:.{TIME_DIGITS}f}", *(_number(value, ANGLE_DIGITS) for value in degrees))
        for time_s, degrees in zip(motion.times_s.tolist(), angles.degrees.tolist(), strict=True)
    ]
    return _joined([*((line,) for line in head), ("time", *angles.names), *rows])


def _number(value: float, digits: int) -> str:
    return "NaN" if np.isnan(value) else f"{value:.{digits}f}"


def _one_line(name: str) -> str:
    """A name as a cell of a header, never empty."""
    return re.sub(r"\s+", "_", printable(name)) or "motion"


def _joined(lines: Sequence[Sequence[str]]) -> str:
    return "".join("\t".join(line) + "\n" for line in lines)
