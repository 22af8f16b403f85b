"""Damaged inputs are the same each time, and a reader that misbehaves is noticed."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))

import hostile_readers

from stagescore.benchmarks.campaign.chance import Chance
from stagescore.benchmarks.campaign.kinds import KINDS, Making, simulated_dives
from stagescore.benchmarks.campaign.record import FAILURES, InputOutcome, Records, failures, markdown
from stagescore.benchmarks.campaign.sample import Sample, damaged, whole
from stagescore.benchmarks.campaign.trial import Limits, Trial
from stagescore.cli.main import app
from stagescore.errors import DataError

LIMITS = Limits(seconds=2.0, hang_s=15.0, peak_mb=100, address_mb=1024)


@pytest.fixture(scope="module")
def makings() -> dict[str, Making]:
    with simulated_dives() as simulated:
        return {
            name: Making(kind, kind.samples(simulated), 5)
            for name, kind in KINDS.items()
            if name != "weights"
        }


@pytest.mark.parametrize("kind", ["films", "labels", "onnx", "joints"])
def test_an_input_can_be_made_again_alone(makings: dict[str, Making], kind: str) -> None:
    making = makings[kind]
    made = [making.input(number) for number in range(60)]
    assert making.input(41).files == made[41].files and making.input(41).damage == made[41].damage
    changed = [one for one in made if one.files != one.sample.files]
    assert len(changed) > 50  # damage hardly ever leaves a file as it was
    assert len({one.sample.name for one in made}) > len(making.samples) / 3
    assert all(one.files.keys() == one.sample.files.keys() for one in made)
    other = Making(making.kind, making.samples, 6)
    assert [other.input(n).files for n in range(20)] != [one.files for one in made[:20]]
    assert other.identity == making.identity


@pytest.mark.slow
def test_every_damage_is_done(makings: dict[str, Making]) -> None:
    done = Counter(
        word
        for making in makings.values()
        for number in range(400)
        for word in making.input(number).damage.split(": ")[-1].split(", ")
    )
    assert {
        "parts_damaged",
        "archive_damaged",
        "json_changed",
        "table_changed",
        "instructions_changed",
        "spliced",
        "edited_length",
    } <= set(done)


def test_draws_depend_on_what_they_are_for_alone() -> None:
    one, again, other = Chance("a", 1), Chance("a", 1), Chance("a", 2)
    drawn = [[chance.below(1000) for _ in range(50)] for chance in (one, again, other)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert one.noise(9) == again.noise(9)
    for _ in range(100):
        start, end = one.span(10, 4)
        assert 0 <= start < end <= 10 and end - start <= 4


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "victim.txt").touch()
    trial = Trial("made", hostile_readers.readers, (sample("good"),), folder / "trial", LIMITS)
    yield trial
    trial.close()


def sample(reader: str, content: bytes = b"") -> Sample:
    return Sample(name=reader, files={"a.txt": content}, entry="a.txt", reader=reader)


@pytest.mark.parametrize(
    ("verdict", "reader"),
    [
        # One that hangs is waited for.
        pytest.param(v, one.__name__, marks=[pytest.mark.slow] if one.__name__ == "hangs" else [])
        for v, several in hostile_readers.HOSTILE.items()
        for one in several
    ],
)
def test_a_reader_that_misbehaves_is_noticed(trial: Trial, verdict: str, reader: str) -> None:
    outcome = trial.outcome(whole(sample(reader)), 7)
    assert outcome.verdict == verdict and verdict in FAILURES, outcome
    assert failures([outcome]) == [outcome]
    assert trial.outcome(whole(sample("good")), 8).verdict == "read"  # and the next input is read


def test_a_good_reader_is_no_failure(trial: Trial) -> None:
    assert trial.outcome(whole(sample("good", b"mind the gap")), 1).verdict == "warned"
    assert trial.outcome(whole(sample("good", b"\x1b[2J")), 1).verdict == "message"


def test_a_campaign_whose_whole_samples_are_not_read_proves_nothing(tmp_path: Path) -> None:
    trial = Trial("made", hostile_readers.readers, (sample("other_error"),), tmp_path / "trial", LIMITS)
    with pytest.raises(DataError, match="a whole sample is not read"):
        trial.outcome(whole(sample("good")), 0)


def outcome(number: int, verdict: str = "read") -> InputOutcome:
    return InputOutcome(kind="films", number=number, sample="a", damage="none", verdict=verdict)


def test_outcomes_are_kept_and_a_torn_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.jsonl"
    records = Records(path, {"seed": 1})
    records.add(outcome(0))
    records.add(outcome(1, "crash"))
    path.write_bytes(path.read_bytes()[:-20])
    again = Records(path, {"seed": 1})
    assert again.done == {("films", 0)}
    again.add(outcome(1, "refused"))
    assert [one.verdict for one in Records(path, {"seed": 1}).outcomes] == ["read", "refused"]
    with pytest.raises(DataError, match="other inputs"):
        Records(path, {"seed": 2})
    assert markdown(again.outcomes).splitlines()[2] == "| films | 2 | 1 | 0 | 1 | 0 | 0.0 |  |"


@pytest.mark.slow
def test_the_command_reads_or_refuses_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    words = [
        "bench",
        "campaign",
        "--films",
        "25",
        "--labels",
        "0",
        "--weights",
        "0",
        "--onnx",
        "0",
        "--joints",
        "15",
        "--out",
        str(tmp_path),
        "--json",
    ]
    run = CliRunner().invoke(app, words)
    assert run.exit_code == 0, run.output
    rows = json.loads(run.stdout)["rows"]
    assert [(row["kind"], row["inputs"], row["failed"]) for row in rows] == [
        ("films", 25, 0),
        ("joints", 15, 0),
    ]
    assert rows[0]["refused"] and rows[0]["read"] + rows[0]["read with a warning"]
    kept = tmp_path / "outcomes-films.jsonl"
    before = kept.read_bytes()
    kept.write_bytes(before[: before.rindex(b"\n", 0, -1) + 1])
    assert CliRunner().invoke(app, words).exit_code == 0
    assert Counter(line.split(b'"seconds"')[0] for line in kept.read_bytes().splitlines()) == Counter(
        line.split(b'"seconds"')[0] for line in before.splitlines()
    )


@pytest.mark.slow
def test_an_input_alone_is_the_same_and_wrong_names_are_told(
    tmp_path: Path, makings: dict[str, Making]
) -> None:
    words = ["bench", "campaign", "--only", "joints:3", "--seed", "5", "--out", str(tmp_path)]
    assert CliRunner().invoke(app, words).exit_code == 0
    wanted = makings["joints"].input(3)
    assert {name: (tmp_path / "failed" / "joints-3" / name).read_bytes() for name in wanted.files} == dict(
        wanted.files
    )
    for wrong, told in (("joints", "names no input"), ("songs:3", "no such kind")):
        run = CliRunner().invoke(app, ["bench", "campaign", "--only", wrong])
        assert run.exit_code == 1 and told in run.stderr


@pytest.mark.slow
def test_some_hundred_damaged_inputs_are_read_or_refused(tmp_path: Path) -> None:
    asked = {"films": 150, "labels": 200, "weights": 100, "onnx": 10, "joints": 150}
    words = [word for kind, number in asked.items() for word in (f"--{kind}", str(number))]
    run = CliRunner().invoke(
        app, ["bench", "campaign", *words, "--seed", "1", "--out", str(tmp_path), "--json"]
    )
    assert run.exit_code == 0, run.output
    assert {row["kind"]: row["inputs"] for row in json.loads(run.stdout)["rows"]} == asked


def test_damage_of_an_empty_or_tiny_file_is_some_file() -> None:
    for content in (b"", b"a", b"{}"):
        one = Sample(name="a", files={"a.json": content or b"\0"}, entry="a.json", reader="good")
        for number in range(40):
            assert isinstance(damaged((one,), Chance(number)).files["a.json"], bytes)
