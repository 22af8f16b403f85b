from pathlib import Path

import pytest
import stored_dives
import tiny_runs
import torch

from stagescore.data.dive_sources import LiveSource
from stagescore.training.pretraining import TERMS, Pretraining, PretrainingSampler, asked_of
from stagescore.training.simulation_targets import DEDUCTIONS, SimulationGroundTruth

WEIGHTS = dict.fromkeys(TERMS, 1.0)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> SimulationGroundTruth:
    return SimulationGroundTruth(
        {stored_dives.folder(tmp_path_factory): stored_dives.dives(tmp_path_factory)},
        stored_dives.store(tmp_path_factory),
    )


@pytest.fixture(scope="module")
def sampler(truth: SimulationGroundTruth, tmp_path_factory: pytest.TempPathFactory) -> PretrainingSampler:
    dives = stored_dives.dives(tmp_path_factory)
    return PretrainingSampler(dives=dives, truth=truth, seed=1, dives_at_once=3, num_stills=12, window=36)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> LiveSource:
    return tiny_runs.live(tmp_path_factory)


def pretraining() -> Pretraining:
    encoders = tiny_runs.make_model(tiny_runs.settings()).encoders
    return Pretraining(
        encoders=encoders, weights=WEIGHTS, window=36, deduction_scale=torch.ones(len(DEDUCTIONS))
    )


def test_what_is_asked_follows_the_physical_events(truth: SimulationGroundTruth, source: LiveSource) -> None:
    targets = truth.batch(sorted(source.dives))
    asked = asked_of(targets)
    for dive, phase in enumerate(targets.phase.tolist()):
        airborne, contact = phase.index(1), phase.index(2)
        for frame in range(len(phase)):
            assert asked.clock[dive, frame, 0] == pytest.approx(max(-1, min(1, (frame - airborne) / 10)))
            assert asked.clock[dive, frame, 1] == pytest.approx(max(-1, min(1, (frame - contact) / 10)))
            for k, name in enumerate(DEDUCTIONS):
                shows = {
                    "over_rotation_deg": -10 <= frame - contact <= 3,
                    "entry_lean_deg": -10 <= frame - contact <= 3,
                    "short_twist_deg": -10 <= frame - contact <= 3,
                    "splash": frame >= contact,
                }.get(name, airborne <= frame < contact)
                assert bool(asked.shows[dive, frame, k]) == shows, (name, frame)


def test_poses_are_the_same_wherever_the_diver_is(truth: SimulationGroundTruth, source: LiveSource) -> None:
    ids = sorted(source.dives)
    targets = truth.batch(ids)
    asked = asked_of(targets)
    pelvis = 6
    assert asked.pose[:, :, pelvis].abs().max() == 0
    moved = truth.batch(ids)
    moved.joints.add_(0.3)
    torch.testing.assert_close(asked_of(moved).pose, asked.pose, atol=1e-4, rtol=1e-3)


def test_a_step_reads_few_frames_and_teaches_every_encoder(
    sampler: PretrainingSampler, source: LiveSource
) -> None:
    batch = sampler.load(source, sampler.epoch(0)[0], 0)
    assert batch.stills.shape == (3, 12)
    assert ((batch.first >= 0) & (batch.first + sampler.window <= 96)).all()
    module = pretraining()
    terms = module(batch)
    assert set(terms) == {f"{b}_{t}" for b in ("static", "dynamic", "skeleton") for t in TERMS} | {"total"}
    parts = sum(value.item() for name, value in terms.items() if name != "total")
    assert terms["total"].item() == pytest.approx(parts, rel=1e-4)
    terms["total"].backward()
    untaught = [n for n, p in module.named_parameters() if p.grad is None]
    assert not untaught


def test_learns_something_in_a_few_steps(sampler: PretrainingSampler, source: LiveSource) -> None:
    torch.manual_seed(0)
    module = pretraining()
    optimiser = torch.optim.Adam(module.parameters(), lr=3e-3)
    batch = sampler.load(source, sampler.epoch(0)[0], 0)
    losses = []
    for _ in range(12):
        loss = module(batch)["total"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_every_dive_once_an_epoch_and_never_by_a_running_generator(sampler: PretrainingSampler) -> None:
    first, again, second = sampler.epoch(0), sampler.epoch(0), sampler.epoch(1)
    assert first == again != second
    ids = [dive_id for batch in first for dive_id in batch.dive_ids]
    assert sorted(ids) == sorted(dive.dive_id for dive in sampler.dives)


def test_nothing_that_predicts_reads_the_truth() -> None:
    """Of the modules behind training and scoring only pretraining imports `training.simulation_targets`."""
    package = Path(__file__).resolve().parents[2] / "src" / "stagescore"
    users = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "stagescore.training.simulation_targets" in path.read_text()
    ]
    assert sorted(users) == ["training/pretraining.py", "training/runs.py"]
