"""Stray frames of another shot at the start of a film, where a dive was cut out of a broadcast a little too early.

A plain comparison of neighbouring frames, enough to name such films when labels are checked; the scorer has its own
search for cuts in whole films (`scoring.checks`). Source: ours; the limits were set on UNLV-Dive, where a film either
jumps by 37 levels and more or by 17 and less.
"""

from itertools import pairwise

import numpy as np

from stagescore.media.scaling import scaled
from stagescore.media.source import Media

MOST_STRAY_FRAMES = 8
"""Frames before a cut, set by hand; a longer piece is no stray one."""

# Size at which frames are compared; the least jump in levels (see above), and in usual jumps of the frames after it.
_SIZE_PX = (32, 24)
_LEAST_JUMP = 25.0
_JUMP_TIMES = 3.0
_NEIGHBOURS = 5


def stray_frames(media: Media) -> int:
    """Frames of another shot with which a film begins, after black ones; 0 for none.

    Args:
        media: The film. Its first frames are decoded.
    """
    content = media.content
    first = range(content.start, min(content.start + 2 * MOST_STRAY_FRAMES, content.stop))
    small = [scaled(picture, _SIZE_PX).astype(np.float64) for _, picture in media.frames(first)]
    jumps = [float(np.abs(after - before).mean()) for before, after in pairwise(small)]
    for place in range(min(MOST_STRAY_FRAMES, len(jumps) - 1) - 1, -1, -1):
        usual = float(np.median(jumps[place + 1 : place + 1 + _NEIGHBOURS]))
        if jumps[place] > max(_LEAST_JUMP, _JUMP_TIMES * usual):
            return place + 1
    return 0
