"""What a network sees of a dive: the frames of the span and no others, cut into stages that are never empty."""

import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import stored_dives
import torch
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

import made_scorer

from stagescore.inference.intervals import TransitionCalibration
from stagescore.media.source import Media, open_media
from stagescore.pose.npz_files import read_npz
from stagescore.scoring.query_encoding import QueryEncoding, encode_query
from stagescore.scoring.scoring_network import ScoringNetwork
from stagescore.types import PoseTrack


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> ScoringNetwork:
    return made_scorer.scorer(tmp_path_factory).scoring_networks[0]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Media:
    return open_media(str(stored_dives.dives(tmp_path_factory)[0].frames_path))


@pytest.fixture(scope="module")
def joints(tmp_path_factory: pytest.TempPathFactory) -> PoseTrack:
    return read_npz(Path(str(stored_dives.dives(tmp_path_factory)[0].poses_path)))


@pytest.fixture(scope="module")
def seen(network: ScoringNetwork, film: Media) -> QueryEncoding:
    return encode_query(
        network.model, film, PoseTrack.unknown(50), (10, 60), network.card.preprocessing, mirrored=True
    )


def same(one: QueryEncoding, two: QueryEncoding) -> bool:
    return all(
        torch.equal(a, b)
        for a, b in zip(one.stages.named().values(), two.stages.named().values(), strict=True)
    )


def cut_at(seen: QueryEncoding, transitions: tuple[int, ...], frames: list[int]) -> QueryEncoding:
    """The same with other sampled frames, and stages that end with some of them."""
    edges = torch.tensor([[0, *(last + 1 for last in transitions), len(frames)]])
    return replace(seen, frames=tuple(frames), edges=edges)


def test_the_frames_shown_are_spread_over_the_span_both_ends_included(seen: QueryEncoding) -> None:
    assert len(seen.frames) == 96
    assert seen.frames == tuple(10 + frame for frame in np.linspace(0, 49, 96).astype(int))


def test_pictures_outside_of_the_span_change_nothing_and_those_inside_do(
    network: ScoringNetwork, film: Media, joints: PoseTrack, tmp_path: Path
) -> None:
    pictures = [image.copy() for _, image in film.frames()]
    track = joints.at(range(10, 60))

    def shown(changed: list[int], folder: str) -> QueryEncoding:
        some = [255 - image if frame in changed else image for frame, image in enumerate(pictures)]
        media = open_media(made_scorer.write_frames(tmp_path / folder, some))
        return encode_query(network.model, media, track, (10, 60), network.card.preprocessing)

    plain = shown([], "plain")
    assert same(plain, shown([*range(10), *range(60, len(pictures))], "outside"))
    assert not same(plain, shown([10], "first"))
    assert not same(plain, shown([59], "last"))


def test_joints_belong_to_the_frames_of_the_span(
    network: ScoringNetwork, film: Media, joints: PoseTrack
) -> None:
    def shown(track: PoseTrack) -> QueryEncoding:
        return encode_query(network.model, film, track, (10, 60), network.card.preprocessing)

    assert shown(joints.at(range(10, 60))).modalities == ("video", "skeleton")
    assert shown(PoseTrack.unknown(50)).modalities == ("video",)
    for frame in (10, 59):
        moved = joints.joints_px.copy()
        moved[frame] += 9.0
        other = replace(joints, joints_px=moved)
        assert not same(shown(joints.at(range(10, 60))), shown(other.at(range(10, 60))))


def test_attention_is_that_of_the_sampled_frames_and_adds_up_in_each_stage(seen: QueryEncoding) -> None:
    assert seen.attention is not None and len(seen.attention) == len(seen.frames)
    for first, stop in pairwise(seen.edges[0].tolist()):
        assert sum(seen.attention[first:stop]) == pytest.approx(1.0, abs=1e-4)


def test_the_mirror_image_is_a_second_view(seen: QueryEncoding) -> None:
    assert seen.mirrored is not None and seen.views == (seen.stages, seen.mirrored)
    assert not same(seen, replace(seen, stages=seen.mirrored))
    assert len(replace(seen, mirrored=None).views) == 1


def test_stages_end_in_the_middle_of_the_frames_between_two_sampled_ones(seen: QueryEncoding) -> None:
    every_third = list(range(100, 190, 3))
    # The take-off ends with sampled frame 109 and before 112: in frame 110, so the flight begins at 111.
    assert cut_at(seen, (3, 20), every_third).stage_edges(100, 190) == (100, 111, 162, 190)
    each = list(range(100, 130))
    assert cut_at(seen, (3, 20), each).stage_edges(100, 130) == (100, 104, 121, 130)


@given(st.data())
def test_no_stage_is_empty_however_few_frames_there_are(seen: QueryEncoding, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, 30))
    end = start + data.draw(st.integers(3, 40))
    num = data.draw(st.integers(4, 30))
    frames = (start + np.linspace(0, end - start - 1, num).astype(int)).tolist()
    first, second = sorted(data.draw(st.sets(st.integers(0, num - 2), min_size=2, max_size=2)))
    edges = cut_at(seen, (first, second), frames).stage_edges(start, end)
    assert (edges[0], edges[-1]) == (start, end) and len(edges) == 4
    assert all(one < two for one, two in pairwise(edges))

    def wanted(last: int) -> int:
        return (frames[last] + max(frames[last + 1] - 1, frames[last])) // 2 + 1

    # Later stages take a frame from those before where there are too few.
    assert edges[2] == min(max(wanted(second), wanted(first) + 1), end - 1)
    assert edges[1] == min(wanted(first), edges[2] - 1)


def test_a_stage_is_as_sure_as_both_of_its_edges(seen: QueryEncoding) -> None:
    frames = list(range(40))
    probabilities = np.full((1, 2, 40), 1e-9)
    probabilities[0, 0, [10, 30]] = 0.7, 0.3
    probabilities[0, 1, [25, 2]] = 0.9, 0.1
    cut = replace(cut_at(seen, (10, 25), frames), log_probabilities=torch.tensor(np.log(probabilities)))
    sure = cut.confidences(TransitionCalibration(temperature=1.0))
    assert sure == pytest.approx((0.7, 0.7 * 0.9, 0.9), abs=1e-3)
    assert replace(cut, log_probabilities=None).confidences(TransitionCalibration(temperature=1.0)) == (1.0,)
    less = cut.confidences(TransitionCalibration(temperature=5.0))
    assert all(one < two for one, two in zip(less, sure, strict=True))
