"""Pose networks learn from simulated dives: samples, samplers, whole runs, tuning."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import stored_dives
import torch

from stagescore.config import load_config
from stagescore.errors import ConfigError, DataError
from stagescore.pose.crops import TurnedCrop
from stagescore.pose.network_card import NetworkSettings
from stagescore.pose.own_networks import build_network, load_network
from stagescore.skeleton import MPII_16
from stagescore.training.loop import read_log
from stagescore.training.pose_augmentation import (
    PoseAugmentation,
    PoseSample,
    crop_sample,
    frame_sample,
    spoiled,
)
from stagescore.training.pose_frames import (
    FLIGHT,
    GONE,
    LABELS,
    PICTURES,
    SPANS,
    DiveFrames,
    read_hand_labelled,
    read_simulated,
)
from stagescore.training.pose_training import (
    PoseBatch,
    PoseObjective,
    PoseSampler,
    PoseTrainSettings,
    PoseValidation,
    run_pose,
    train_pose,
)
from stagescore.training.pose_tuning import BOTH, REAL, PoseTuneSettings, folds

NET = "network={widths: [8, 8, 8], blocks: 1, width_px: 32, height_px: 32}"
NET_BOXES = "network={finds: boxes, widths: [8, 8, 8], blocks: 1, width_px: 64, height_px: 32}"
QUICK = ["optimiser.learning_rate=0.01", "batch=8", "run.threads=1", "run.checkpoint_steps=2"]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[DiveFrames, ...]:
    return read_simulated(stored_dives.folder(tmp_path_factory), stored_dives.dives(tmp_path_factory))


def settings(*overrides: str) -> PoseTrainSettings:
    return load_config(PoseTrainSettings, None, [NET, *QUICK, *overrides])


def pose_sampler(dives: tuple[DiveFrames, ...], **changes: object) -> PoseSampler:
    values: dict[str, object] = {
        "dives": dives,
        "network": NetworkSettings(width_px=64, height_px=64),
        "augmentation": PoseAugmentation(),
        "frames": (2, 4, 1, 0),
        "batch": 8,
        "seed": 3,
    }
    return PoseSampler(**(values | changes))  # type: ignore[arg-type]


def dotted(seed: int = 0) -> PoseSample:
    """A picture whose joints are dots, each of a level of its own."""
    rng = np.random.default_rng(seed)
    picture, joints = np.zeros((240, 320, 3), np.uint8), np.zeros((16, 2))
    for joint in range(16):
        joints[joint] = (
            90 + 36 * (joint % 4) + rng.integers(0, 5),
            50 + 36 * (joint // 4) + rng.integers(0, 5),
        )
        x, y = joints[joint].astype(int)
        picture[y - 3 : y + 3, x - 3 : x + 3] = 15 + 15 * joint
    box = np.concatenate((joints.min(0), joints.max(0)))
    return PoseSample(picture=picture, joints_px=joints, seen=np.ones(16, np.bool_), box_px=box)


PLACED = PoseAugmentation.none().model_copy(update={"turned": 1.0, "scale": 0.3, "shift": 0.1, "flip": 0.5})


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("cut", [crop_sample, frame_sample])
def test_joints_move_as_the_pixels_do(cut, seed: int) -> None:
    plain = dotted()
    shown = cut(plain, (256, 192), PLACED, np.random.default_rng(seed))
    flipped = False
    for order in (list(range(16)), list(MPII_16.flip_order)):
        # Left and right change their names in a mirror image: joint k then lies on the dot of its other side.
        levels = [15 + 15 * k for k in order]
        hits = [
            abs(int(shown.picture[int(y), int(x), 0]) - level) <= 8
            for (x, y), level, seen in zip(shown.joints_px, levels, shown.seen, strict=True)
            if seen and 3 < x < 252 and 3 < y < 188
        ]
        flipped = flipped or (len(hits) >= 8 and all(hits))
    assert flipped


def test_mirroring_twice_changes_nothing_and_once_exchanges_sides() -> None:
    plain = dotted()
    once = plain.mirrored()
    np.testing.assert_allclose(once.joints_px[0], (320 - plain.joints_px[5, 0], plain.joints_px[5, 1]))
    twice = once.mirrored()
    for name in ("picture", "joints_px", "seen", "box_px"):
        np.testing.assert_array_equal(getattr(twice, name), getattr(plain, name))


def test_what_leaves_the_crop_is_not_seen_and_the_box_ends_at_the_rim() -> None:
    crop = TurnedCrop(taking=np.array(((1.0, 0, -120), (0, 1.0, -60))), size_px=(100, 100))
    shown = dotted().through(crop)
    inside = ((shown.joints_px >= 0) & (shown.joints_px < 100)).all(-1)
    np.testing.assert_array_equal(shown.seen, inside)
    assert 0 < inside.sum() < 16
    assert (shown.box_px >= 0).all() and (shown.box_px <= 100).all()


def test_spoiling_depends_on_the_generator_alone_and_can_be_off() -> None:
    picture = dotted().picture
    strong = PoseAugmentation(blur=1, low_resolution=1, compressed=1, grey=1)
    first, same, other = (spoiled(picture, strong, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()
    np.testing.assert_array_equal(
        spoiled(picture, PoseAugmentation.none(), np.random.default_rng(1)), picture
    )


def test_simulated_frames_know_stages_water_and_boxes(known: tuple[DiveFrames, ...]) -> None:
    for dive in known:
        assert len(dive.pictures) == len(dive.stage) and all(path.is_file() for path in dive.pictures)
        assert (np.isnan(dive.boxes_px).any(1) == (dive.stage == GONE)).all()
        assert not dive.seen[dive.stage == GONE].any()
        there = dive.stage[dive.stage != GONE]
        assert (np.diff(there) >= 0).all() and (dive.stage == FLIGHT).any()
        assert dive.seen[dive.stage == FLIGHT].mean() > 0.8


def test_an_epoch_shows_so_many_frames_of_each_stage_and_others_in_the_next(
    known: tuple[DiveFrames, ...],
) -> None:
    sampler = pose_sampler(known)
    ids = [[i for batch in sampler.epoch(epoch) for i in batch.dive_ids] for epoch in (0, 0, 1)]
    assert ids[0] == ids[1] and set(ids[0]) != set(ids[2])
    assert len(set(ids[0])) == len(ids[0])
    flights = [i for i in ids[0] if known[int(i.split(":")[0])].stage[int(i.split(":")[1])] == FLIGHT]
    assert len(flights) == 4 * len(known)
    with pytest.raises(DataError, match="no frame"):
        pose_sampler(tuple(replace(d, stage=np.full(len(d.stage), GONE)) for d in known)).epoch(0)


def test_a_sample_does_not_depend_on_its_batch(known: tuple[DiveFrames, ...]) -> None:
    sampler = pose_sampler(known)
    batch = sampler.epoch(2)[0]
    whole = sampler.load(None, batch, 2)
    alone = sampler.load(None, replace(batch, groups=batch.groups[3:4]), 2)
    torch.testing.assert_close(alone.pictures[0], whole.pictures[3])
    torch.testing.assert_close(alone.joints_px[0], whole.joints_px[3])
    assert (sampler.load(None, batch, 3).pictures != whole.pictures).any()


def test_unknown_joints_have_no_say_and_unseen_ones_want_an_empty_map() -> None:
    sample = dotted()
    joints, seen = sample.joints_px.copy(), sample.seen.copy()
    joints[4], seen[7] = np.nan, False
    crop = TurnedCrop.around(sample.box_px, 0.0, (64, 64))
    batch = PoseBatch.of([replace(sample, joints_px=joints, seen=seen).through(crop)])
    assert not batch.known[0, 4] and batch.known[0, 7] and not batch.seen[0, 7]
    maps = torch.zeros(1, 16, 16, 16, requires_grad=True)

    class Fixed(torch.nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            return maps + 0.1

    PoseObjective(model=Fixed(), sigma=1.5)(batch)["total"].backward()
    assert maps.grad is not None
    assert not maps.grad[0, 4].any()
    assert (maps.grad[0, 7] > 0).all() and (maps.grad[0, 0] < 0).any()


@pytest.mark.parametrize("net", [NET, NET_BOXES])
def test_training_lowers_the_loss_and_goes_on_exactly_where_it_was_killed(
    known: tuple[DiveFrames, ...], tmp_path: Path, net: str
) -> None:
    asked = settings(net, "run.epochs=4", "checked=16")
    whole = list(run_pose(asked, tmp_path / "whole", known[:3], known[3:], about="five dives"))
    means = [np.mean([t.terms["total"] for t in whole if t.epoch == e]) for e in (0, 3)]
    assert means[1] < 0.9 * means[0]
    for told in run_pose(asked, tmp_path / "killed", known[:3], known[3:], about="five dives"):
        if told.step == 5:
            break
    list(run_pose(asked, tmp_path / "killed", known[:3], known[3:], about="five dives"))
    logs = [[{**row, "seconds": 0} for row in read_log(tmp_path / name)] for name in ("whole", "killed")]
    assert logs[0] == logs[1]
    weights = [load_network(tmp_path / n / "pose-small.safetensors") for n in ("whole", "killed")]
    assert weights[0][1] == weights[1][1]
    assert weights[0][1].trained_on == "five dives" and weights[0][1].network == asked.network
    assert any(name.startswith("val_") for name in weights[0][1].figures)


def test_validation_counts_joints_that_are_near(known: tuple[DiveFrames, ...]) -> None:
    sampler = pose_sampler(known, augmentation=PoseAugmentation.none())

    class Knowing(torch.nn.Module):
        """Gives the maps of the batch it is asked about."""

        off = 0.0

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            from stagescore.pose.heatmaps import gaussian_maps

            batch = next(self.batches)
            return gaussian_maps(batch.joints_px + self.off, batch.seen, (64, 64), 1.5)

    model = Knowing()
    for off, near in ((0.0, 1.0), (8.0, 0.0)):
        model.batches = (sampler.load(None, batch, 0) for batch in sampler.epoch(0))
        model.off = off
        figures = PoseValidation(model=model, sampler=sampler, most=10**6)()
        assert figures["val_near"] == pytest.approx(near, abs=0.05)


@pytest.mark.parametrize("name", ["pose-small", "diver-detector", "pose-hrnet-small", "pose-hrnet-w32"])
def test_presets_build_their_networks(name: str) -> None:
    asked = load_config(PoseTrainSettings, name)
    assert asked.name == name
    megabytes = sum(p.numel() for p in build_network(asked.network).parameters()) * 4 / 1e6
    most = {"pose-small": 20, "pose-hrnet-small": 20, "diver-detector": 10, "pose-hrnet-w32": 130}
    assert megabytes < most[name]
    assert name == "pose-hrnet-w32" or max(asked.network.size_px) <= 224


def test_settings_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="fourth"):
        settings("frames=[1, 1, 1, 1]")
    with pytest.raises(ConfigError, match="32 divides"):
        settings("network.width_px=40")
    with pytest.raises(ConfigError, match="folder"):
        next(train_pose(settings(), tmp_path))


def hand_labelled(folder: Path) -> Path:
    """Two dives of three dotted pictures each."""
    (folder / PICTURES).mkdir(parents=True)
    entries = []
    for k in range(6):
        sample = dotted(k)
        cv2.imwrite(str(folder / PICTURES / f"{k}.png"), sample.picture)
        left, top, right, bottom = sample.box_px.tolist()
        entries.append(
            {
                "image": f"{k}.png",
                "center": [(left + right) / 2, (top + bottom) / 2],
                "scale": 1.0,
                "joints": sample.joints_px.tolist(),
                "joints_vis": [1] * 16,
            }
        )
    (folder / LABELS).write_text(json.dumps(entries))
    (folder / SPANS).write_text(json.dumps({"a": [0, 2], "b": [3, 5]}))
    return folder


def test_hand_labels_are_read_by_dive(tmp_path: Path) -> None:
    folder = hand_labelled(tmp_path / "labels")
    first, second = read_hand_labelled(folder)
    assert (first.name, second.name) == ("a", "b")
    assert [path.name for path in second.pictures] == ["3.png", "4.png", "5.png"]
    np.testing.assert_allclose(second.joints_px[0], dotted(3).joints_px)
    (folder / SPANS).write_text('{"a": [0, 6]}')
    with pytest.raises(DataError, match="first and last"):
        read_hand_labelled(folder)


def test_every_dive_is_held_out_of_the_networks_it_is_tested_with(
    known: tuple[DiveFrames, ...], tmp_path: Path
) -> None:
    asked = settings("run.epochs=1")
    list(run_pose(asked, tmp_path / "base", known[:2], (), about="two dives"))
    base = tmp_path / "base" / "pose-small.safetensors"
    labelled = read_hand_labelled(hand_labelled(tmp_path / "labels"))
    tuning = PoseTuneSettings(rounds=2, rounds_from_nothing=2, batch=2, simulated=1.0, threads=1)
    made = folds(base, labelled, known, tuning, tmp_path / "tuned")
    names = [(f.row, f.held_out.name if f.held_out else None) for f in made]
    assert names == [(REAL, "a"), (BOTH, "a"), (REAL, "b"), (BOTH, "b"), (BOTH, None)]
    for fold in made:
        shown = {dive.name for dive in fold.dives}
        assert fold.held_out is None or fold.held_out.name not in shown
        num = sum(len(dive.stage) for dive in fold.dives if dive.name not in ("a", "b"))
        assert num == (0 if fold.row == REAL else 3 if fold.held_out else 6)
    list(made[1].train())
    tuned, card = load_network(made[1].weights)
    started, _ = load_network(base)
    assert card.network == asked.network and card.name == "pose-small-tuned"
    assert any(
        not torch.equal(tuned.state_dict()[name], value) for name, value in started.state_dict().items()
    )
    with pytest.raises(ConfigError, match="two dives"):
        folds(base, labelled[:1], (), tuning, tmp_path / "none")
