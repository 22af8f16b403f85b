"""Two ways to look at the frames of clips as pictures, for convolutions over space and over time.

With channels last in memory neither copies anything.
"""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor


def as_time_and_place(
    images: Float[Tensor, "images channels height width"], num_frames: int
) -> Float[Tensor, "clips channels frames places"]:
    """Each clip as one picture: frames downwards, the places of a frame sideways.

    Args:
        images: Frames of all clips, those of each clip one after the other.
        num_frames: Number of frames of each clip.
    """
    height, width = images.shape[2:]
    rows = images.permute(0, 2, 3, 1).reshape(-1, num_frames, height * width, images.shape[1])
    return rows.permute(0, 3, 1, 2)


def as_images(
    clips: Float[Tensor, "clips channels frames places"], size: Sequence[int]
) -> Float[Tensor, "images channels height width"]:
    """The way back: each frame as a picture.

    Args:
        clips: Clips as `as_time_and_place` gives them.
        size: Height and width of a frame.
    """
    images = clips.permute(0, 2, 3, 1).reshape(-1, *size, clips.shape[1])
    return images.permute(0, 3, 1, 2)
