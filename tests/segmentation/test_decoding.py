from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stagescore.errors import DataError
from stagescore.segmentation.decoding import edges_of, in_equal_shares, jointly
from stagescore.segmentation.stages import cut_edges, num_stages


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(4, 9))
def test_joint_decoding_is_the_best_of_all_increasing_choices(
    seed: int, transitions: int, frames: int
) -> None:
    logits = torch.randn(2, transitions, frames, generator=torch.Generator().manual_seed(seed))
    log_p = logits.log_softmax(-1)
    found = jointly(logits)
    for dive in range(2):

        def worth(choice: tuple[int, ...], dive: int = dive) -> float:
            return sum(log_p[dive, i, t].item() for i, t in enumerate(choice))

        best = max(combinations(range(frames - 1), transitions), key=worth)
        assert worth(tuple(found[dive].tolist())) == pytest.approx(worth(best), abs=1e-5)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(4, 40))
@pytest.mark.parametrize("decode", [jointly, in_equal_shares])
def test_stages_tile_the_dive_and_are_never_empty(decode, seed: int, transitions: int, frames: int) -> None:  # type: ignore[no-untyped-def]
    logits = 20 * torch.randn(3, transitions, frames, generator=torch.Generator().manual_seed(seed))
    edges = edges_of(decode(logits), frames)
    assert (edges[:, 0] == 0).all() and (edges[:, -1] == frames).all()
    assert (edges.diff(dim=1) >= 1).all()


def test_equal_shares_look_only_inside_their_share() -> None:
    logits = torch.zeros(1, 2, 10)
    logits[0, 0, 5] = 9.0  # outside the first share
    logits[0, 0, 3] = 1.0
    logits[0, 1, 6] = 1.0
    assert in_equal_shares(logits).tolist() == [[3, 6]]
    assert jointly(logits).tolist() == [[5, 6]]


def test_too_short_a_clip_is_refused() -> None:
    with pytest.raises(DataError, match="2 frames cannot hold 3 stages"):
        jointly(torch.zeros(1, 2, 2))


def test_edges_that_leave_a_stage_empty_are_refused() -> None:
    with pytest.raises(DataError, match="leave a stage empty"):
        edges_of(torch.tensor([[5, 5]]), 10)


@pytest.mark.parametrize(("cut", "edges"), [("1", [0, 96]), ("2", [0, 30, 96]), ("2*", [0, 66, 96])])
def test_fewer_stages_keep_the_right_transition(cut, edges: list[int]) -> None:  # type: ignore[no-untyped-def]
    assert cut_edges(torch.tensor([[0, 30, 66, 96]]), cut).tolist() == [edges]
    assert num_stages(cut) == len(edges) - 1
