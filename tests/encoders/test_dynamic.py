"""Clips, and how their rows are laid on the frames of a dive."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from stagescore.encoders.dynamic import CLIP_FRAMES, DynamicEncoder, clip_starts, laying
from stagescore.errors import ConfigError
from stagescore.layers.normalise import Normalise


class PixelsAsRows(nn.Module):
    """In the place of trunk and mixing: the row of a frame is its mean colour."""

    width = 3

    def forward(self, maps):
        return maps if maps.dim() == 3 else maps.mean(dim=(3, 4)).transpose(1, 2)


def encoder_of_colours(**arguments):
    return DynamicEncoder(
        trunk=PixelsAsRows(),
        mixing=PixelsAsRows(),
        normalise=Normalise(mean=(0, 0, 0), std=(1 / 255,) * 3),
        **arguments,
    )


def coloured(num_frames):
    frames = torch.arange(num_frames, dtype=torch.uint8).view(1, -1, 1, 1, 1)
    return frames.expand(1, num_frames, 3, 4, 4)


@pytest.mark.parametrize("num_frames", [1, 5, 16, 17, 25, 26, 40, 95, 96, 97, 102, 104, 200])
def test_clips_cover_every_frame_and_lie_inside(num_frames):
    starts = clip_starts(num_frames)
    covered = {frame for start in starts for frame in range(start, start + CLIP_FRAMES)}
    assert covered >= set(range(num_frames))
    assert starts[0] == 0
    assert starts[-1] + CLIP_FRAMES <= max(num_frames, CLIP_FRAMES)
    assert all(0 < b - a <= 10 for a, b in pairwise(starts))


@pytest.mark.parametrize(
    ("num_frames", "num_rows"), [(96, 16), (96, 2), (103, 16), (103, 4), (50, 1), (9, 16)]
)
def test_overlaps_are_averaged_as_by_hand(num_frames, num_rows):
    starts = clip_starts(num_frames)
    rows = torch.randn(len(starts), num_rows, 5)
    by_hand = []
    for frame in range(num_frames):
        lying = [
            rows[clip, (frame - start) * num_rows // CLIP_FRAMES]
            for clip, start in enumerate(starts)
            if start <= frame < start + CLIP_FRAMES
        ]
        by_hand.append(torch.stack(lying).mean(dim=0) if lying else by_hand[-1])
    shares = laying(starts, num_frames, num_rows, CLIP_FRAMES, "overlaps")
    torch.testing.assert_close(shares @ rows.flatten(0, 1), torch.stack(by_hand))


def test_the_release_takes_the_clip_of_every_ten_frames():
    for num_frames in (96, 103):
        starts = clip_starts(num_frames)
        rows = torch.randn(len(starts), 1, 5)
        shares = laying(starts, num_frames, 1, CLIP_FRAMES, "strides")
        by_hand = [rows[min(frame // 10, len(starts) - 1), 0] for frame in range(num_frames)]
        torch.testing.assert_close(shares @ rows.flatten(0, 1), torch.stack(by_hand))


@pytest.mark.parametrize("num_frames", [96, 103, 30])
def test_each_frame_gets_its_own_rows_back(num_frames):
    features = encoder_of_colours()(coloured(num_frames))[0, :, 0]
    expected = torch.arange(num_frames, dtype=torch.float32)
    if num_frames == 103:  # in no published clip
        expected[102] = 101
    torch.testing.assert_close(features, expected, atol=1e-4, rtol=1e-5)


def test_a_dive_shorter_than_a_clip_repeats_its_last_frame_and_is_encoded():
    assert encoder_of_colours()(coloured(5))[0, :, 0].round().tolist() == [0, 1, 2, 3, 4]


def test_other_starts_may_be_chosen():
    features = encoder_of_colours(starts=(0, 30))(coloured(50))[0, :, 0]
    assert features[[0, 15, 16, 29, 30, 45, 49]].round().tolist() == [0, 15, 15, 15, 30, 45, 45]


@pytest.mark.parametrize("starts", [(), (1, 10), (0, 20, 10), (0, 10, 10)])
def test_starts_that_make_no_sense_are_refused(starts):
    with pytest.raises(ConfigError, match="begin with 0"):
        encoder_of_colours(starts=starts)


def test_a_clip_behind_the_last_frame_is_refused():
    with pytest.raises(ConfigError, match="frame 90 of 50"):
        encoder_of_colours(starts=(0, 90))(coloured(50))
