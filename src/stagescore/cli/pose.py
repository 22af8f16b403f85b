"""`stagescore pose`: pose networks of our own: train, evaluate, tune on labels made by hand."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagescore.cli.output import JsonOption, Output, QuietOption, command_output, rounded
from stagescore.cli.train import ConfigArgument, OutOption, ResumeOption, claimed, follow

if TYPE_CHECKING:
    from stagescore.pose.networks import Detector, Estimator
    from stagescore.training.pose_frames import DiveFrames

app = typer.Typer(
    help="Pose networks of our own: train them on simulated dives, evaluate, tune on labels made by hand.",
    no_args_is_help=True,
)

WeightsDirOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="A folder to look for networks in before all others.")
]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="Of the processor; all by default.")]


@app.command()
def train(
    config: ConfigArgument = None,
    out_dir: OutOption = None,
    resume: ResumeOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train on simulated dives: `stagescore pose train pose-small folder=DIVES --out RUN`, or `--resume RUN`.

    Presets: pose-small, pose-hrnet-small, pose-hrnet-w32, diver-detector. The best weights so far are RUN/<name>.safetensors. A run
    that is killed goes on exactly where its last checkpoint was.
    """
    from stagescore.training.pose_training import PoseTrainSettings, train_pose

    with command_output(json=json, quiet=quiet) as out:
        settings, folder = claimed(PoseTrainSettings, config, out_dir, resume, first=True)
        follow(train_pose(settings, folder, out.warning), folder, out, first=True)


@app.command()
def evaluate(
    network: Annotated[
        str,
        typer.Argument(help="A detector or estimator: safetensors of ours or ONNX, by path or file name."),
    ],
    data: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Simulated dives, or dives labelled by hand (frames/, dives.json)."),
    ],
    part: Annotated[str, typer.Option(help="Of simulated dives: all, train, fit, val or test.")] = "all",
    num_dives: Annotated[int, typer.Option("--dives", min=0, help="The first so many; 0 for all.")] = 100,
    frames: Annotated[int, typer.Option(min=0, help="Of each dive, chosen by hash; 0 for all.")] = 10,
    rotations: Annotated[
        bool, typer.Option("--rotations", help="Keep the surest of eight rotations.")
    ] = False,
    flip: Annotated[bool, typer.Option("--flip", help="Flip test; networks of ours only.")] = False,
    note: Annotated[
        bool, typer.Option("--note", help="Write the headline figures into the card of a network of ours.")
    ] = False,
    threads: ThreadsOption = None,
    weights_dir: WeightsDirOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Print how good a network is: PCKh and AP in true boxes by joint, stage and turn; recall of a detector."""
    from stagescore.errors import ConfigError
    from stagescore.evaluation.pose_networks import find_boxes, find_joints, headline
    from stagescore.pose.loading import OWN_SUFFIX
    from stagescore.pose.networks import Estimator
    from stagescore.pose.own_networks import OwnEstimator, note_figures

    with command_output(json=json, quiet=quiet) as out:
        path = _path(network, weights_dir)
        if note and path.suffix != OWN_SUFFIX:
            raise ConfigError("only networks of ours have a card", where="--note", todo="leave it out")
        opened = _opened(network, weights_dir, threads)
        dives = _dives(data, part, num_dives)
        if flip and not isinstance(opened, OwnEstimator):
            raise ConfigError(
                "only pose networks of ours have a flip test", where="--flip", todo="leave it out"
            )
        used = opened.with_flip_test() if flip and isinstance(opened, OwnEstimator) else opened
        if isinstance(used, Estimator):
            figures = find_joints(used, dives, frames, rotations=rotations).figures()
            _show_joints(out, figures)
        else:
            figures = find_boxes(used, dives, frames).figures()
            _show_boxes(out, figures)
        if note:
            measured_on = f"{figures['frames']} frames of {len(dives)} dives, true boxes, {part} of the data"
            note_figures(path, {"measured_on": measured_on, **headline(figures)})
        out.document(
            {
                "network": opened.identity.as_json(),
                "data": str(data),
                "part": part,
                "dives": len(dives),
                "rotations": rotations,
                "flip_test": flip,
                **figures,
            }
        )
        out.text(f"network: {opened.identity.name}, {opened.identity.kind}")


@app.command()
def tune(
    weights: Annotated[str, typer.Argument(help="A pose network of ours, by path or file name.")],
    labels: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Dives labelled by hand: frames/, annotations_examples.json, dives.json."
        ),
    ],
    out_dir: Annotated[Path, typer.Option("--out", metavar="RUN", help="Folder of the runs; goes on there.")],
    simulated: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Simulated dives to go on showing beside the labelled ones."),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Of the tuning, such as rounds=30.")
    ] = None,
    threads: ThreadsOption = None,
    weights_dir: WeightsDirOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Tune on labels made by hand, cross-validated by dive, and compare with what was not tuned.

    Prints simulated only, real only, both, and MoveNet where it is on this machine, each on the dives it was not
    trained on. Tuned weights stay in RUN.
    """
    from stagescore.config import load_config
    from stagescore.training.pose_frames import read_hand_labelled
    from stagescore.training.pose_tuning import PoseTuneSettings, folds

    with command_output(json=json, quiet=quiet) as out:
        asked = [*(settings or []), *([f"threads={threads}"] if threads else [])]
        labelled = read_hand_labelled(labels)
        base = _path(weights, weights_dir)
        trained = folds(
            base,
            labelled,
            () if simulated is None else _dives(simulated, "fit", 0),
            load_config(PoseTuneSettings, None, asked),
            out_dir,
        )
        with out.progress() as progress:
            for number, fold in enumerate(trained):
                for report in fold.train():
                    progress(
                        f"tuning, {fold.folder.name}", round(100 * (number + report.done)), 100 * len(trained)
                    )
        rows = _tuned_rows(base, trained, labelled, weights_dir, threads)
        out.document({"labels": str(labels), "run": str(out_dir), "rows": rows})
        out.table(
            "PCKh of the 12 limb joints in true boxes, on dives not trained on",
            ("trained on", "dive", "upright @0.5", "rotations @0.5", "rotations @1.0"),
            [
                (
                    row["row"],
                    row["dive"],
                    *(rounded(row[k], 3) for k in ("upright_50", "rotations_50", "rotations_100")),
                )
                for row in rows
            ],
        )
        out.text(f"weights tuned on all dives: {trained[-1].weights}; they are not to be shipped")


def _tuned_rows(
    base: Path,
    trained: Any,
    labelled: "tuple[DiveFrames, ...]",
    weights_dir: Path | None,
    threads: int | None,
) -> list[dict[str, Any]]:
    """A row a network and dive, and the mean over dives."""
    import numpy as np

    from stagescore.errors import StagescoreError
    from stagescore.evaluation.pose_metrics import pckh
    from stagescore.evaluation.pose_networks import find_joints
    from stagescore.pose.loading import open_estimator
    from stagescore.training.pose_tuning import BOTH, REAL

    networks: dict[str, dict[str, Path]] = {"simulated only": {dive.name: base for dive in labelled}}
    for row in (REAL, BOTH):
        networks[row] = {f.held_out.name: f.weights for f in trained if f.row == row and f.held_out}
    try:
        movenet = _path("movenet-thunder.onnx", weights_dir)
        networks["MoveNet"] = {dive.name: movenet for dive in labelled}
    except StagescoreError:  # not on this machine
        pass
    rows = []
    for row, paths in networks.items():
        found = []
        for dive in labelled:
            estimator = open_estimator(paths[dive.name], threads or 1)
            upright, turned = (find_joints(estimator, [dive], 0, rotations=r) for r in (False, True))
            found.append(
                {
                    "row": row,
                    "dive": dive.name,
                    "upright_50": pckh(upright.joints[..., :2], upright.true_px),
                    "rotations_50": pckh(turned.joints[..., :2], turned.true_px),
                    "rotations_100": pckh(turned.joints[..., :2], turned.true_px, 1.0),
                }
            )
        keys = ("upright_50", "rotations_50", "rotations_100")
        mean = {key: float(np.mean([float(str(one[key])) for one in found])) for key in keys}
        rows += [*found, {"row": row, "dive": "mean", **mean}]
    return rows


def _path(name: str, weights_dir: Path | None) -> Path:
    """A file by its path, or by its name in the places where weights are looked for."""
    from stagescore.weights.named import named_weights

    return named_weights(name, "estimator", "detector", weights_dir=weights_dir)


def _opened(name: str, weights_dir: Path | None, threads: int | None) -> "Detector | Estimator":
    """Whatever network a file holds."""
    import torch

    from stagescore.pose.loading import OWN_SUFFIX
    from stagescore.pose.onnx_networks import open_network
    from stagescore.pose.own_networks import open_own

    if threads is not None:
        torch.set_num_threads(threads)
    path = _path(name, weights_dir)
    return open_own(path) if path.suffix == OWN_SUFFIX else open_network(path, threads or 1)


def _dives(folder: Path, part: str, num: int) -> "tuple[DiveFrames, ...]":
    """Simulated dives, or labelled ones where the folder names their spans."""
    from typing import cast

    from stagescore.data.manifest import Part, read_manifest
    from stagescore.errors import ConfigError
    from stagescore.training.pose_frames import SPANS, read_hand_labelled, read_simulated

    if (folder / SPANS).is_file():
        return read_hand_labelled(folder)[: num or None]
    if part not in ("all", "train", "test", "fit", "val"):
        raise ConfigError(
            f"there is no part {part!r}", where="--part", todo="use all, train, fit, val or test"
        )
    return read_simulated(folder, read_manifest(folder).select(cast(Part, part)).dives[: num or None])


def _show_joints(out: Output, figures: dict[str, Any]) -> None:
    for kind, first in (("by_part", "part"), ("by_joint", "joint")):
        names = list(figures["pckh@0.5"][kind])
        out.table(
            f"PCKh {first} by {first}, {figures['frames']} frames in true boxes",
            (first, "@0.5", "@0.1"),
            [
                (name, *(rounded(figures[f"pckh@{share}"][kind][name], 3) for share in (0.5, 0.1)))
                for name in names
            ],
        )
    out.text(
        f"all joints: PCKh@0.5 {figures['pckh@0.5']['all']:.3f}, PCKh@0.1 {figures['pckh@0.1']['all']:.3f}, "
        f"AP by OKS {figures['ap_oks']:.3f}"
    )


def _show_boxes(out: Output, figures: dict[str, Any]) -> None:
    out.table(
        f"Recall of the surest box, {figures['frames']} frames",
        ("part", "IoU 0.3", "IoU 0.5"),
        [
            (name, *(rounded(figures[f"recall@{iou}"][name], 3) for iou in (0.3, 0.5)))
            for name in figures["recall@0.3"]
        ],
    )
    out.text(f"false alarms in frames without the diver: {figures['false_alarms_without_diver']:.3f}")
