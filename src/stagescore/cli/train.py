"""`stagescore train` and `stagescore pretrain`: from dives to weights, resumable."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagescore.cli.output import JsonOption, Output, QuietOption, command_output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stagescore.training.loop import StepReport
    from stagescore.training.run_folder import SettingsT

_STEPS_OF_BAR = 10_000
"""Steps of the progress bar: a run tells the share that is done."""

ConfigArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="CONFIG [KEY=VALUE ...]", help="A preset or YAML file, then overrides."),
]
OutOption = Annotated[Path | None, typer.Option("--out", help="A new folder for the run.")]
ResumeOption = Annotated[Path | None, typer.Option("--resume", help="Go on with the run in this folder.")]


def train(
    config: ConfigArgument = None,
    out_dir: OutOption = None,
    resume: ResumeOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train a model: `stagescore train nano data.folder=DIVES --out RUN`, or `--resume RUN`.

    RUN/config.yaml has the settings, RUN/log.jsonl a line a step, RUN/tensorboard the same as curves,
    RUN/checkpoints the newest states, RUN/best-*.ckpt the best on validation. Works under torchrun.
    """
    from stagescore.training.processes import join
    from stagescore.training.runs import train as run
    from stagescore.training.settings import TrainSettings

    processes = join()
    with command_output(json=json, quiet=quiet or not processes.first) as out:
        settings, folder = claimed(TrainSettings, config, out_dir, resume, first=processes.first)
        processes.wait()
        with out.progress() as progress:
            steps = run(
                settings,
                folder,
                processes=processes,
                decoding=progress,
                tell=out.warning,
            )
            follow(steps, folder, out, first=processes.first)
        processes.leave()


def pretrain(
    config: ConfigArgument = None,
    out_dir: OutOption = None,
    resume: ResumeOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Pretrain the encoders on simulated dives: `stagescore pretrain nano-pretrain data.folder=DIVES --out RUN`.

    Needs the truth of simulated dives, which nothing reads afterwards.
    """
    from stagescore.training.runs import pretrain as run
    from stagescore.training.settings import PretrainSettings

    with command_output(json=json, quiet=quiet) as out:
        settings, folder = claimed(PretrainSettings, config, out_dir, resume, first=True)
        with out.progress() as progress:
            steps = run(settings, folder, decoding=progress, tell=out.warning)
            follow(steps, folder, out, first=True)


def average(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN RUN...",
            help="Finished runs of the same settings and run.weights_seed, with different run.seed.",
        ),
    ],
    out_dir: Annotated[
        Path, typer.Option("--out", help="A new folder for the run that has the mean of their weights.")
    ],
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """One network of several runs: the mean of their weights, which as a rule errs less on new dives than each of them.

    A head for dive numbers (run.number_epochs) is learned anew for the mean; if that is stopped, `train --resume` goes on.
    """
    from stagescore.training.averaging import average_runs
    from stagescore.training.runs import train as run

    with command_output(json=json, quiet=quiet) as out:
        settings = average_runs(runs, out_dir)
        with out.progress() as progress:
            steps = run(settings, out_dir, decoding=progress, tell=out.warning)
            follow(steps, out_dir, out, first=True)


def claimed(
    kind: "type[SettingsT]",
    config: list[str] | None,
    out_dir: Path | None,
    resume: Path | None,
    *,
    first: bool,
) -> "tuple[SettingsT, Path]":
    """Settings and folder of a run that is to be begun or taken up."""
    from stagescore.config import load_config
    from stagescore.errors import ConfigError
    from stagescore.training.run_folder import refuse_run, settings_of

    if resume is not None and out_dir is None and not config:
        return settings_of(resume, kind), resume
    if resume is None and out_dir is not None and config:
        settings = load_config(kind, config[0], config[1:])
        if first:
            refuse_run(out_dir)
        return settings, out_dir
    raise ConfigError("what is to be trained is not clear", todo="write CONFIG --out RUN, or --resume RUN")


def follow(steps: "Iterator[StepReport]", folder: Path, out: Output, *, first: bool) -> None:
    """Show how a run goes, and write its curves."""
    from stagescore.training.curves import Curves

    last: StepReport | None = None
    with out.progress() as progress, Curves(folder / "tensorboard" if first else None) as curves:
        for last in steps:
            curves.add(last)
            shown = f"epoch {last.epoch + 1}, loss {last.terms['total']:.3f}"
            progress("training", round(last.done * _STEPS_OF_BAR), _STEPS_OF_BAR)
            if last.figures:
                figures = ", ".join(f"{name} {value:.4f}" for name, value in last.figures.items())
                out.note(f"{shown}: {figures}")
    out.document(
        {
            "run": str(folder),
            "finished": True,
            "last": None if last is None else {**last.terms, **last.figures},
        }
    )
    out.text(f"The run is in {folder}." if last else f"The run in {folder} was finished already.")
