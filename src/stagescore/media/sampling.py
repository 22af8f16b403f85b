"""Which frames to take when a clip has to have a fixed number of them.

Source: FineDiving's loader (`np.linspace(start, end, T).astype(int)`, both ends included), on which the
paper's 96 frames rest.
"""

import numpy as np

from stagescore.errors import DataError


def sample_indices(first: int, last: int, num_frames: int) -> tuple[int, ...]:
    """Evenly spread frames, both ends included, truncated to whole indices.

    Args:
        first: Index of the first frame.
        last: Index of the last frame (included).
        num_frames: Number of frames to take; where there are fewer, some are repeated.

    Returns:
        Increasing indices within `first` and `last`, `num_frames` of them.

    Raises:
        DataError: `num_frames` is not positive, or the range is empty or negative.

    >>> sample_indices(0, 10, 5)
    (0, 2, 5, 7, 10)
    >>> sample_indices(4, 6, 6)
    (4, 4, 4, 5, 5, 6)
    >>> sample_indices(3, 9, 1)
    (3,)
    """
    if num_frames < 1:
        raise DataError(f"{num_frames} frames are asked for", todo="ask for at least one")
    if not 0 <= first <= last:
        raise DataError(f"frames {first} to {last} are asked for", todo="let 0 <= first <= last")
    return tuple(int(index) for index in np.linspace(first, last, num_frames).astype(np.int64))
