"""The dynamic visual encoder: how frames move (paper, section III-B, eq. 3; section V-A for the clips).

`D = maxpool_space(Mconv(I3D(V)))` on overlapping clips of 16 frames. Reading: the rows of the clips are laid on
the frame axis, overlaps are averaged, and a frame in no clip (the last of MTL-AQA's 103) takes the row before it.
The release pools each clip to one row, which serves ten frames.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from stagescore.errors import ConfigError

CLIP_FRAMES = 16
CLIP_STRIDE = 10
"""Frames of a clip, and from one clip to the next: paper, section V-A (9 clips of 16 in 96 frames, 10 in 103)."""
_PUBLISHED_LAST = {103: 86}
"""Where the published last clip starts, though one frame later it would reach the end."""

Laying = Literal["overlaps", "strides", "clips"]


def clip_starts(
    num_frames: int, clip_length: int = CLIP_FRAMES, stride: int = CLIP_STRIDE
) -> tuple[int, ...]:
    """First frames of the clips: one every `stride` frames, and a last one that reaches the end.

    >>> clip_starts(96)
    (0, 10, 20, 30, 40, 50, 60, 70, 80)
    >>> clip_starts(103)
    (0, 10, 20, 30, 40, 50, 60, 70, 80, 86)
    >>> clip_starts(40), clip_starts(7)
    ((0, 10, 20, 24), (0,))
    """
    starts = list(range(0, max(num_frames - clip_length, 0) + 1, stride))
    last = num_frames - clip_length
    if starts[-1] < last:
        published = (clip_length, stride) == (CLIP_FRAMES, CLIP_STRIDE)
        starts.append(_PUBLISHED_LAST.get(num_frames, last) if published else last)
    return tuple(starts)


@lru_cache(maxsize=32)
def laying(
    starts: tuple[int, ...], num_frames: int, num_rows: int, clip_length: int, how: Laying
) -> Float[Tensor, "frames clip_rows"]:
    """How much each row of each clip counts in each frame; the shares of a frame sum to 1.

    Args:
        starts: First frames of the clips.
        num_frames: Number of frames of the dive.
        num_rows: Number of rows of each clip; a row serves `clip_length / num_rows` frames.
        clip_length: Number of frames of a clip.
        how: Way to lay the rows: `overlaps` averages the rows that lie on a frame; with `strides` frame f has the mean
            row of the clip at f // 10, or of the last.
    """
    shares = torch.zeros(num_frames, len(starts), num_rows)
    if how == "strides":
        for frame in range(num_frames):
            shares[frame, min(frame // CLIP_STRIDE, len(starts) - 1)] = 1
    else:
        for clip, start in enumerate(starts):
            for offset in range(min(clip_length, num_frames - start)):
                shares[start + offset, clip, offset * num_rows // clip_length] += 1
        for frame in range(1, num_frames):
            if not shares[frame].any():
                shares[frame] = shares[frame - 1]
    flat = shares.flatten(1)
    return flat / flat.sum(dim=1, keepdim=True)


class DynamicEncoder(nn.Module):
    """One vector a frame, from clips.

    Args:
        trunk: Network called with normalised clips, `clips 3 time height width`; gives maps.
        mixing: Module called with maps; gives rows, `clips rows mixing.width`.
        normalise: Module that brings pixels to the range of the trunk.
        starts: First frames of the clips; None for those of `clip_starts`.
        how: Way to lay the rows on the frames; with `clips` they are left as they are, the rows of one clip after those
            of another.
        clips_at_once: Largest number of clips that are encoded together; None for all. The answer is the same.

    Attributes:
        width: Width of a vector.

    Raises:
        ConfigError: The starts do not begin with 0 or do not grow.
    """

    def __init__(
        self,
        *,
        trunk: nn.Module,
        mixing: nn.Module,
        normalise: nn.Module,
        starts: Sequence[int] | None = None,
        how: Laying = "overlaps",
        clips_at_once: int | None = None,
    ) -> None:
        super().__init__()
        if starts is not None and (not starts or starts[0] != 0 or sorted(set(starts)) != list(starts)):
            raise ConfigError(f"clips that start at {list(starts)}", todo="begin with 0 and go up")
        self.trunk = trunk
        self.mixing = mixing
        self.normalise = normalise
        self.starts = None if starts is None else tuple(starts)
        self.how: Laying = how
        self.clips_at_once = clips_at_once
        self.width = int(mixing.width)  # type: ignore[arg-type]

    def forward(
        self, frames: Num[Tensor, "dives frames channels height width"]
    ) -> Float[Tensor, "dives rows {self.width}"]:
        """Encodes frames; a row for each of them, or for each row of each clip.

        Args:
            frames: RGB frames, 0 to 255, whole numbers or not. In a clip that is too long the last frame is repeated.

        Raises:
            ConfigError: A clip starts behind the last frame.
        """
        frames = frames[:, :, :3]  # of two looks the whole frame, in which the diver moves
        num_dives, num_frames = frames.shape[:2]
        starts = self.starts or clip_starts(num_frames)
        if starts[-1] >= num_frames:
            raise ConfigError(f"a clip starts at frame {starts[-1]} of {num_frames}", todo="leave it out")
        taken = torch.tensor(starts).unsqueeze(1) + torch.arange(CLIP_FRAMES)
        clips = self.normalise(frames)[:, taken.clamp(max=num_frames - 1)].flatten(0, 1).transpose(1, 2)
        parts = clips.split(self.clips_at_once or len(clips))
        rows = torch.cat([self.mixing(self.trunk(part)) for part in parts])
        rows = rows.reshape(num_dives, -1, self.width)
        if self.how == "clips":
            return rows
        shares = laying(starts, num_frames, rows.shape[1] // len(starts), CLIP_FRAMES, self.how).to(rows)
        return shares @ rows
