"""Training of the event network, and its folds."""

import json
from pathlib import Path

import numpy as np
import pytest
import stored_dives
import torch
from safetensors.torch import save_file

from stagescore.data.manifest import Manifest, read_manifest
from stagescore.data.protocols import split_by_fold
from stagescore.encoders.backbones import MOBILENET_V2, ImageBackbone
from stagescore.errors import DataError
from stagescore.models.event_network import EventNetwork, pictured_frames
from stagescore.training import event_folds
from stagescore.training.event_folds import EventErrors, EventFolds, fold_names, read_flights
from stagescore.training.event_training import (
    EventExample,
    found_flight,
    labelled_events,
    read_examples,
    train_event_network,
)
from stagescore.types import Dive


def made_dive(number: int) -> Dive:
    return Dive(
        dataset="made",
        event="made",
        number=number,
        recording=f"made/{number}",
        split="train",
        score=50.0,
        athlete=str(number % 7),
    )


def made_example(number: int, described: int) -> EventExample:
    """Descriptions that say whether it is before, in or after the flight, in noise; the rough flight is off by some frames."""
    generator = np.random.default_rng(number)
    first = int(generator.integers(15, 40))
    stop = first + int(generator.integers(35, 50))
    phase = np.digitize(np.arange(110), (first, stop))
    numbers = generator.normal(0, 0.5, (110, described))
    numbers[np.arange(110), phase] += 4
    rough = first + int(generator.integers(-6, 6)), stop + int(generator.integers(-6, 6))
    return EventExample(
        dive=made_dive(number),
        described=torch.from_numpy(numbers).float(),
        rough=rough,
        events=(first, stop),
    )


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as ImageNet weights come, with random numbers."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("imagenet") / "mobilenetv2-imagenet.safetensors"
    save_file(ImageBackbone(name=MOBILENET_V2).net.state_dict(), path)
    return path


@pytest.mark.slow
def test_it_learns_to_place_events_in_films_it_has_not_seen() -> None:
    torch.manual_seed(0)
    network = EventNetwork(width=16, dropout=0.1)
    examples = [made_example(number, network.described) for number in range(40)]
    train_event_network(network, examples[:32], epochs=12)
    found = [found_flight(network, one) for one in examples[32:]]
    rough = EventErrors.of([one.rough for one in examples[32:]], [one.events for one in examples[32:]])
    errors = EventErrors.of(found, [one.events for one in examples[32:]])
    assert errors.iou > 0.95 > rough.iou


def test_the_same_seed_gives_the_same_network() -> None:
    answers = []
    for _ in range(2):
        torch.manual_seed(5)
        network = EventNetwork(width=8)
        torch.manual_seed(len(answers))  # what the world draws meanwhile does not matter
        train_event_network(network, [made_example(n, network.described) for n in range(9)], epochs=2, seed=4)
        answers.append([value.detach().clone() for value in network.parameters() if value.requires_grad])
    assert all(torch.equal(*pair) for pair in zip(*answers, strict=True))


@pytest.mark.slow
def test_it_learns_which_clips_begin_and_end_in_the_air() -> None:
    torch.manual_seed(0)
    network = EventNetwork(width=16, dropout=0.1)
    examples = [made_example(number, network.described) for number in range(40)]
    train_event_network(network, examples[:32], epochs=30)
    for one in examples[32:]:
        first, stop = one.events
        for begin, end, in_air in (
            (0, one.num_frames, (False, False)),
            (first - 4, stop + 4, (False, False)),
            (first + 5, one.num_frames, (True, False)),
            (0, stop - 5, (False, True)),
            ((first + stop) // 2, stop - 3, (True, True)),
        ):
            rough = max(first, begin) - begin, min(stop, end) - begin
            frames = pictured_frames(rough, end - begin)
            shown = one.described[begin:end][torch.from_numpy(frames)]
            seen = network.seen_in_air(shown, frames, end - begin)
            assert tuple(one > 0.5 for one in seen) == in_air, (one, begin, end)


def test_too_few_labelled_films_are_refused() -> None:
    network = EventNetwork(width=8)
    with pytest.raises(DataError, match="3 films with labelled events"):
        train_event_network(network, [made_example(n, network.described) for n in range(3)])


def test_events_come_from_hand_marks_or_from_the_truth(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = stored_dives.folder(tmp_path_factory)
    dive = read_manifest(folder).dives[0]
    record = json.loads((folder / "truth" / dive.event / f"{dive.number}.json").read_text())
    assert labelled_events(dive, folder) == (
        record["first_airborne_frame"],
        record["first_water_contact_frame"],
    )
    assert labelled_events(dive.with_changes(hand_marks=(20, 29, 59, 68)), folder) == (20, 66)
    assert labelled_events(dive.with_changes(hand_marks=(20, 19, 59, 68)), folder) == ()
    assert labelled_events(made_dive(1), folder) == ()


def test_a_film_is_described_once(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    manifest = Manifest(read_manifest(stored_dives.folder(tmp_path_factory)).dives[:1])
    network = EventNetwork(width=8).eval()
    (first,) = read_examples(manifest, tmp_path, network)
    assert first.num_frames == manifest.dives[0].num_frames

    class Blind(EventNetwork):
        def describe(self, pictures):
            raise AssertionError("looked again")

    (again,) = read_examples(manifest, tmp_path, Blind(width=8))
    assert torch.equal(first.described, again.described)
    next(tmp_path.rglob("*.safetensors")).write_bytes(b"torn")
    with pytest.raises(DataError, match="torn"):
        read_examples(manifest, tmp_path, network)


def test_films_that_cannot_be_used_are_named_or_refused(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    good, bad = read_manifest(stored_dives.folder(tmp_path_factory)).dives[:2]
    manifest = Manifest((good, bad.with_changes(frames_path=str(tmp_path / "gone.mp4"))))
    network, skipped = EventNetwork(width=8).eval(), dict[str, str]()
    (only,) = read_examples(manifest, tmp_path, network, skipped=skipped)
    assert only.dive == good
    assert list(skipped) == [bad.dive_id] and "gone.mp4" in skipped[bad.dive_id]
    with pytest.raises(DataError, match="gone"):
        read_examples(manifest, tmp_path, network)


@pytest.mark.slow
def test_the_labels_of_dives_that_a_fold_keeps_out_change_nothing(
    tmp_path: Path, imagenet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        event_folds, "train_event_network", lambda n, e, **k: train_event_network(n, e, epochs=1, **k)
    )
    dives = tuple(made_dive(number) for number in range(30))
    manifest = Manifest(dives)
    examples = [made_example(number, EventNetwork().described) for number in range(30)]
    tested = {dive.dive_id for dive in split_by_fold(manifest, "five-fold/0", sealed=True).select("test")}
    assert 0 < len(tested) < 30
    spoiled = [
        EventExample(dive=e.dive, described=e.described, rough=e.rough, events=(1, 2))
        if e.dive.dive_id in tested
        else e
        for e in examples
    ]
    folds = [
        EventFolds(
            manifest=manifest,
            examples=some,
            simulated=[],
            imagenet=imagenet,
            out=tmp_path / name,
            sealed=True,
        ).train("five-fold/0")
        for name, some in (("right", examples), ("spoiled", spoiled))
    ]
    assert folds[0].flights == folds[1].flights and set(folds[0].flights) == {d.dive_id for d in dives}
    assert set(folds[0].tested) == tested


def test_a_fold_that_is_there_is_not_trained_again(
    tmp_path: Path, imagenet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []
    monkeypatch.setattr(event_folds, "train_event_network", lambda n, e, **k: trained.append(len(e)))
    manifest = Manifest(tuple(made_dive(number) for number in range(20)))
    examples = [made_example(number, EventNetwork().described) for number in range(20)]
    for _ in range(2):
        EventFolds(
            manifest=manifest, examples=examples, simulated=examples[:3], imagenet=imagenet, out=tmp_path
        ).train("all")
    assert trained == [23]


def test_sealed_athletes_are_in_no_fold_and_in_all() -> None:
    manifest = Manifest(tuple(made_dive(number) for number in range(70)))
    assert fold_names(manifest, "five-fold") == [f"five-fold/{k}" for k in range(5)]
    assert fold_names(manifest, "all") == ["all"]
    assert fold_names(manifest, "sealed") == ["sealed/sealed"]


@pytest.mark.parametrize("content", ["", "[1]", '{"a": 3}', '{"a": ["x"]}'])
def test_torn_flights_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "flights.json").write_text(content)
    with pytest.raises(DataError, match="no flights can be read"):
        read_flights(tmp_path / "flights.json")


def test_errors_by_hand() -> None:
    errors = EventErrors.of([(10, 50), (22, 60), ()], [(12, 50), (20, 66), (1, 9)])
    assert errors.num_dives == 2 and errors.median == (0, -3) and errors.share_off == (0, 0.5)
    assert errors.iou == pytest.approx((38 / 40 + 38 / 46) / 2)
    with pytest.raises(DataError, match="no dive has both"):
        EventErrors.of([()], [(1, 2)])
