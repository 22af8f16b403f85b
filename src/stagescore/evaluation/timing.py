"""Where the stages of simulated dives lie, beside those of real ones.

Targets: method, section 11 (FineDiving's individual dives).
"""

from collections.abc import Sequence

import numpy as np

from stagescore.evaluation.calibration import CalibrationRow
from stagescore.evaluation.metrics import aiou, interval_iou

# Method, section 11.
FIRST_SHARE, LAST_SHARE, FLIGHT_SHARE, FLIGHT_SD = 0.28, 0.63, 0.354, 0.056
AIOU_50, AIOU_75 = 65.87, 26.32


def timing_rows(stages: Sequence[tuple[int, int, int]]) -> list[CalibrationRow]:
    """Compare (first transition, last transition, frames of the clip) of simulated dives with real ones.

    The AIoU floors take the median transitions of three quarters of the dives for the last quarter.
    """
    table = np.array(stages, dtype=float)
    share = table[:, :2] / table[:, 2:]
    flight = share[:, 1] - share[:, 0]
    known = 3 * len(table) // 4
    medians = np.median(table[:known, :2], axis=0)
    iou = interval_iou(table[known:, :2], np.broadcast_to(medians, (len(table) - known, 2)))
    # The tolerances (third column) were set by hand.
    rows = [
        ("first transition, share of the clip", FIRST_SHARE, 0.04, float(share[:, 0].mean())),
        ("last transition, share of the clip", LAST_SHARE, 0.04, float(share[:, 1].mean())),
        ("flight, share of the clip", FLIGHT_SHARE, 0.04, float(flight.mean())),
        ("sd of the flight's share", FLIGHT_SD, 0.02, float(flight.std())),
        ("median transitions, AIoU@0.5", AIOU_50, 8.0, aiou(iou, 0.5)),
        ("median transitions, AIoU@0.75", AIOU_75, 8.0, aiou(iou, 0.75)),
    ]
    return [
        CalibrationRow(name=name, target=target, tolerance=tolerance, reached=reached)
        for name, target, tolerance, reached in rows
    ]
