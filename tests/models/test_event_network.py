"""The network that places take-off and water contact."""

import numpy as np
import pytest
import torch

from stagescore.models.event_network import (
    PICTURE_PX,
    STEPS_PER_FLIGHT,
    EventNetwork,
    PlacedEvents,
    pictured_frames,
    place_flight,
    settled,
)


@pytest.fixture(scope="module")
def network() -> EventNetwork:
    torch.manual_seed(0)
    return EventNetwork(width=8).eval()


@pytest.mark.parametrize("rate", [0.5, 1.0, 2.4, 8.0])
def test_a_flight_has_as_many_pictures_at_every_frame_rate(rate: float) -> None:
    flight = 60 * rate, 105 * rate
    frames = pictured_frames(flight, round(200 * rate))
    in_flight = ((frames >= flight[0]) & (frames < flight[1])).sum()
    assert abs(in_flight - STEPS_PER_FLIGHT) <= 2
    assert abs(frames[0] / rate - 15) <= 2 and abs(frames[-1] / rate - 141) <= 3


def test_only_frames_of_the_clip_are_seen_and_in_the_order_of_time() -> None:
    frames = pictured_frames((3, 30), 33)
    assert frames.min() == 0 and frames.max() == 32 and (np.diff(frames) >= 0).all()
    assert len(pictured_frames((500, 540), 20)) == 0


@pytest.mark.parametrize(
    ("frames", "confidence", "expected"),
    [
        ((23.4, 58.6), (0.9, 0.9), (23, 59)),
        ((23.4, 58.6), (0.5, 0.9), (20, 59)),
        ((45.0, 58.6), (0.9, 0.9), (20, 59)),  # more than half a flight away
        ((38.0, 37.0), (0.9, 0.5), (38, 60)),
        ((39.0, 41.0), (0.9, 0.9), (39, 41)),
        ((40.0, 40.0), (0.9, 0.9), (20, 60)),  # no flight is left
    ],
)
def test_an_event_moves_only_where_the_network_is_sure_and_near(frames, confidence, expected) -> None:
    assert settled((20, 60), PlacedEvents(frames=frames, confidence=confidence)) == expected


def test_the_place_is_the_middle_of_the_peak_in_frames_of_the_clip(network: EventNetwork) -> None:
    class Says(EventNetwork):
        def forward(self, described):
            logits = torch.full((1, 2, described.shape[1]), -20.0)
            logits[0, 0, 10], logits[0, 0, 12], logits[0, 1, 30] = 5.0, 5.0, 5.0
            return logits

    says = Says(width=8).eval()
    frames = np.arange(0, 80, 2)
    placed = says.place(torch.zeros(40, says.described), frames)
    assert placed.frames == pytest.approx((22, 60), abs=0.01)
    assert placed.confidence == pytest.approx((1, 1), abs=0.01)


def test_a_picture_is_described_alike_in_every_company(network: EventNetwork) -> None:
    pictures = np.random.default_rng(0).integers(
        0, 255, (20, PICTURE_PX[1], PICTURE_PX[0], 3), dtype=np.uint8
    )
    together = network.describe(pictures)
    assert together.shape == (20, network.described)
    torch.testing.assert_close(network.describe(pictures[17:18]), together[17:18], atol=1e-4, rtol=1e-3)


def test_only_the_temporal_networks_learn(network: EventNetwork) -> None:
    learned = {name.split(".")[0] for name, value in network.named_parameters() if value.requires_grad}
    assert learned == {"event_head", "phase_head"}


def test_a_rough_flight_that_is_much_too_short_does_not_keep_a_sure_network_from_its_place() -> None:
    # Film 67 of UNLV-Dive: the body was followed from frame 28 on only.
    assert settled((28, 55), PlacedEvents(frames=(12.3, 54.5), confidence=(0.96, 0.89))) == (12, 55)
    # An end that the network is not sure of is no measure of length.
    assert settled((28, 55), PlacedEvents(frames=(12.3, 54.5), confidence=(0.96, 0.3))) == (28, 55)


def test_the_flight_is_looked_for_again_where_it_was_found() -> None:
    truth, rough, seen = (33.0, 74.0), (56, 67), []

    def place(frames):
        seen.append(frames)
        # As far as the pictures reach: the first look ends before the take-off.
        return PlacedEvents(frames=(max(truth[0], float(frames[0])), truth[1]), confidence=(0.9, 0.9))

    assert place_flight(rough, 113, place) == (33, 74)
    assert len(seen) == 2 and seen[0][0] > 33 > seen[1][0]
    assert place_flight((200, 240), 20, place) == (200, 240)
