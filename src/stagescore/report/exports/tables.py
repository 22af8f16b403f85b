"""Joints and angles as tables for spreadsheets: CSV with everything in one, ODS with a sheet for each.

Source: none needed. Units stand in the headings, ranges of the angles too. A cell is empty where nothing is known; the column
`..._state` beside it says why.
"""

import math
from collections.abc import Iterator, Sequence

from stagescore.csv_tables import csv_table
from stagescore.printable import printable
from stagescore.report.exports.motion import Motion
from stagescore.report.exports.ods_files import Cell, Sheet, ods_bytes
from stagescore.scoring.angles import TRUNK

SEEN, FILLED, UNKNOWN = "seen", "filled or doubtful", "unknown"
"""States of a joint."""
ANGLE_DIGITS, TIME_DIGITS, CONFIDENCE_DIGITS = 3, 6, 3
_FIRST = ("film", "frame", "time_s")


def motion_csv(motion: Motion) -> str:
    """A table with a row for each frame: film, frame, time, angles, joints."""
    joints, angles = (
        _joint_columns(motion.track.skeleton.joints, motion.unit),
        angle_columns(motion.angles().names),
    )
    rows = (
        (*first, *angle_cells, *joint_cells)
        for first, angle_cells, joint_cells in zip(
            _first_cells(motion), _angle_rows(motion), _joint_rows(motion), strict=True
        )
    )
    return csv_table((*_FIRST, *angles, *joints), rows)


def motion_ods(motion: Motion) -> bytes:
    """A spreadsheet with the sheets `angles`, `joints` and `about`; the same motion always gives the same bytes."""
    first = list(_first_cells(motion))
    return ods_bytes(
        [
            Sheet(
                "angles",
                [
                    (*_FIRST, *angle_columns(motion.angles().names)),
                    *((*a, *b) for a, b in zip(first, _angle_rows(motion), strict=True)),
                ],
            ),
            Sheet(
                "joints",
                [
                    (*_FIRST, *_joint_columns(motion.track.skeleton.joints, motion.unit)),
                    *((*a, *b) for a, b in zip(first, _joint_rows(motion), strict=True)),
                ],
            ),
            Sheet("about", list(_about(motion))),
        ]
    )


def angle_columns(names: Sequence[str]) -> list[str]:
    """Headings of the angles, each with its unit and range, and of what is known of it."""
    return [
        column
        for name in names
        for column in (f"{name}_angle_deg_{'unwrapped' if name == TRUNK else '0_180'}", f"{name}_angle_state")
    ]


def _joint_columns(joints: Sequence[str], unit: str) -> list[str]:
    endings = (f"x_{unit}", f"y_{unit}", "confidence", "state")
    return [f"{joint}_{ending}" for joint in joints for ending in endings]


def _first_cells(motion: Motion) -> Iterator[tuple[Cell, ...]]:
    name = printable(motion.name)
    for frame, time_s in zip(motion.frames, motion.times_s.tolist(), strict=True):
        yield name, frame, round(time_s, TIME_DIGITS)


def _angle_rows(motion: Motion) -> Iterator[list[Cell]]:
    angles = motion.angles()
    for degrees, states in zip(angles.degrees.tolist(), angles.states, strict=True):
        yield [
            cell
            for value, state in zip(degrees, states, strict=True)
            for cell in (_number(value, ANGLE_DIGITS), state)
        ]


def _joint_rows(motion: Motion) -> Iterator[list[Cell]]:
    tables = (motion.places, motion.track.confidence, motion.track.known, motion.believed)
    for places, sure, known, believed in zip(*(table.tolist() for table in tables), strict=True):
        yield [
            cell
            for (x, y), how_sure, there, good in zip(places, sure, known, believed, strict=True)
            for cell in (
                _number(x, motion.digits) if there else None,
                _number(y, motion.digits) if there else None,
                _number(how_sure, CONFIDENCE_DIGITS),
                SEEN if good else FILLED if there else UNKNOWN,
            )
        ]


def _number(value: float, digits: int) -> float | None:
    return None if math.isnan(value) else round(value, digits)


def _about(motion: Motion) -> Iterator[tuple[Cell, ...]]:
    yield "film", printable(motion.name)
    yield "skeleton", motion.track.skeleton.name
    yield "derived joints", ", ".join(motion.track.derived) or "none"
    yield "frames per second", motion.frame_rate
    yield "slow-motion factor", motion.slowmo
    if motion.size_px is not None:
        yield "width of the picture in pixels", motion.size_px[0]
        yield "height of the picture in pixels", motion.size_px[1]
    yield "metres per pixel", "not given" if motion.metres_per_pixel is None else motion.metres_per_pixel
    yield "frame", "number in the film, counted from 0"
    yield "time_s", "true seconds since the film's first frame"
    yield "x, y", f"from the top left corner of the picture, x to the right, y down, in {motion.unit}"
    yield "knee", "angle in the picture between thigh and shank, 0 to 180 degrees, 180 is stretched"
    yield "hip", "angle in the picture between trunk side and thigh, 0 to 180 degrees, 180 is stretched"
    yield (
        "trunk",
        "turn in the picture from upright, counterclockwise, in degrees, counted on over full turns; "
        "-180 to 180 in the first frame and where turns are counted anew",
    )
    yield "angles", "the middle of five frames; empty unless all their joints were seen"
