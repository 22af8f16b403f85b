"""The head for dive numbers, learned once all else is trained."""

from pathlib import Path

import pytest
import stored_dives
import tiny_runs
import torch

from stagescore.data.preprocessing import View
from stagescore.diving import NumberClasses
from stagescore.errors import CheckpointError, ConfigError
from stagescore.losses.dive_number import dive_number_losses
from stagescore.models.recognition import NumberRecognition, number_log_probabilities
from stagescore.training.assembly.starting_weights import read_state
from stagescore.training.number_learning import DescribedDives, describe_dives, learn_numbers
from stagescore.training.run_folder import keep_settings
from stagescore.training.runs import finished_state, train
from stagescore.training.settings import TrainSettings

CODES = ["107B", "207B", "307C", "407C", "5253B", "5255B", "626C", "109C"]


def described(num: int) -> DescribedDives:
    """Frames that say each attribute of a number, in noise."""
    random = torch.Generator().manual_seed(0)
    codes = [CODES[k % len(CODES)] for k in range(num)]
    told = torch.randn(len(CODES), 40, generator=random)
    still = torch.stack([told[CODES.index(code)] for code in codes])
    frames = still[None, :, None] + 0.3 * torch.randn(2, num, 12, 40, generator=random)
    return DescribedDives(
        dive_ids=tuple(f"made/{k}" for k in range(num)),
        frames=frames.half(),
        numbers=torch.tensor([NumberClasses.of(code) for code in codes]),
    )


def new_head() -> NumberRecognition:
    torch.manual_seed(1)
    return NumberRecognition(in_width=40, width=16, dropout=0.2)


def test_the_head_learns_and_does_so_again_to_the_bit() -> None:
    dives, heads = described(24), [new_head(), new_head()]
    for head in heads:
        torch.manual_seed(int(torch.randint(99, ())))  # whatever ran before
        learn_numbers(head, dives, epochs=25, seed=3)
    first, second = (head.state_dict() for head in heads)
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    with torch.no_grad():
        best = number_log_probabilities(heads[0](dives.frames[1].float()), CODES).argmax(1).tolist()
    assert not heads[0].training
    right = [CODES[k] == CODES[row % len(CODES)] for row, k in enumerate(best)]
    assert sum(right) >= 0.9 * len(right)


def test_a_head_alone_can_be_trained_with_everything_else_at_rest(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The command of docs/training.md for a finished run without such a head."""
    torch.set_num_threads(1)
    alone = "optimiser.groups=[{path: '', factor: 0}, {path: encoders.numbers, factor: 1}]"
    loop = tiny_runs.loop(tmp_path, tiny_runs.live(tmp_path_factory), "model.recognition.on=true", alone)
    before = {name: value.clone() for name, value in loop.model.state_dict().items()}
    for _ in loop.run():
        pass
    changed = {
        name for name, value in loop.model.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed == {name for name in before if name.startswith("encoders.numbers.")}


def test_views_are_mirrored_or_not_and_shifted_by_at_most_two_frames() -> None:
    dives = described(6)
    seen, shifts = set(), set()
    for epoch in range(40):
        batch = dives.batch([4], 0, epoch)[0]
        assert torch.equal(batch, dives.batch([1, 4], 0, epoch)[1])
        for view in range(2):
            for shift in range(-2, 3):
                places = [min(max(frame + shift, 0), 11) for frame in range(12)]
                if torch.equal(batch, dives.frames[view, 4].float()[places]):
                    seen.add(view)
                    shifts.add(shift)
    assert seen == {0, 1} and shifts == {-2, -1, 0, 1, 2}


def test_a_smoothed_loss_spreads_a_share_over_all_classes() -> None:
    logits = torch.randn(3, 30, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([NumberClasses.of(code) for code in CODES[:3]])
    sharp, smooth = (dive_number_losses(logits, targets, smoothing=share)[0] for share in (0.0, 0.2))
    even = torch.zeros(3)
    for part in logits.split((2, 4, 10, 10, 4), dim=1):
        even -= part.log_softmax(1).mean(1) / 5
    torch.testing.assert_close(smooth, 0.8 * sharp + 0.2 * even)


def test_dives_are_described_plain_and_mirrored(tmp_path_factory: pytest.TempPathFactory) -> None:
    torch.set_num_threads(1)
    samples = tiny_runs.samples(tmp_path_factory)
    model = tiny_runs.make_model(tiny_runs.settings("model.recognition.on=true")).train()
    ids = sorted(samples.dives)[:2]
    found = describe_dives(model, samples, ids)
    assert model.encoders.static is not None and model.encoders.static.training
    for view, flip in enumerate((View.plain(), View(flip=True))):
        for row, dive_id in enumerate(ids):
            frames = samples.inputs([dive_id], [flip]).frames
            _, said = model.encoders.static.eval().with_descriptions(torch.as_tensor(frames))
            torch.testing.assert_close(
                found.frames[view, row].float(), said[0].detach(), rtol=2e-3, atol=2e-3
            )
    assert torch.equal(found.numbers, samples.labels(ids).numbers)
    blind = tiny_runs.make_model(tiny_runs.settings("model.static.on=false"))
    with pytest.raises(ConfigError, match="static branch"):
        describe_dives(blind, samples, ids)


def settings(source: Path, clips: Path, *more: str) -> TrainSettings:
    return tiny_runs.settings(
        f"data.folder={source}",
        f"data.clips={clips}",
        "data.workers=1",
        "run={epochs: 1, number_epochs: 3, validate_epochs: 0, threads: 1}",
        "batches={group_size: 2, groups: 1, protocol: w/o DN}",
        "model.recognition.on=true",
        *more,
    )


def test_a_run_learns_the_head_last_and_only_that_and_once(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped while it does so, it begins the head again and ends with the same."""
    source = stored_dives.folder(tmp_path_factory)
    asked = settings(source, tmp_path / "clips")
    without = asked.model_copy(update={"run": asked.run.model_copy(update={"number_epochs": 0})})
    states = {}
    for name, one in (("without", without), ("with", asked)):
        keep_settings(tmp_path / name, one)
        for _ in train(one, tmp_path / name):
            pass
        states[name] = read_state(tmp_path / name)
    changed = {
        name for name, value in states["with"].items() if not torch.equal(value, states["without"][name])
    }
    assert changed and all(name.startswith("encoders.numbers.") for name in changed)

    class StopError(Exception):
        pass

    def stop(*_: object, **__: object) -> None:
        raise StopError

    keep_settings(tmp_path / "stopped", asked)
    with monkeypatch.context() as patched:
        patched.setattr("stagescore.training.runs.learn_numbers", stop)
        with pytest.raises(StopError):
            list(train(asked, tmp_path / "stopped"))
    with pytest.raises(CheckpointError, match="yet to learn dive numbers"):
        finished_state(tmp_path / "stopped", asked)
    assert finished_state(tmp_path / "stopped", asked, with_numbers=False)
    assert not list(train(asked, tmp_path / "stopped"))
    assert finished_state(tmp_path / "stopped", asked)
    again = read_state(tmp_path / "stopped")
    assert all(torch.equal(value, again[name]) for name, value in states["with"].items())
    with monkeypatch.context() as patched:
        patched.setattr("stagescore.training.runs.learn_numbers", stop)
        assert not list(train(asked, tmp_path / "with"))
    assert tiny_runs.make_model(asked).recognises
