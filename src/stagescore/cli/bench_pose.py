"""`stagescore bench pose`: the annotation pipeline on dives whose joints are known."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagescore.cli.output import JsonOption, QuietOption, command_output, rounded
from stagescore.cli.simulate import NUM_CORES, size_px

if TYPE_CHECKING:
    from stagescore.pose.networks import NetworkFiles, PoseNetworks

SHIPPED, PUBLIC = "shipped weights only", "public weights only"


def pose(
    data: Annotated[
        Path | None,
        typer.Argument(
            help="Folder with frames/, annotations_examples.json and dives.json of labelled dives."
        ),
    ] = None,
    simulated: Annotated[
        int, typer.Option(min=0, help="Simulate that many dives instead of reading a folder.")
    ] = 0,
    figure5: Annotated[
        bool, typer.Option("--figure5", help="Draw good and bad frames, all methods side by side.")
    ] = False,
    out_dir: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the figure goes.")] = Path(
        "out"
    ),
    size: Annotated[str, typer.Option(help="Width x height of simulated frames.")] = "455x256",
    seed: Annotated[int, typer.Option(help="Of simulated dives.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Of each network.")] = NUM_CORES,
    weights_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder to look for networks in before all others.")
    ] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Find the diver and the joints without any true box, part by part: recall, IoU, PCKh, time and crops."""
    from stagescore.atomic import write_bytes
    from stagescore.errors import ConfigError
    from stagescore.evaluation.pose_bench import ROWS, find, read_known_dives, row_of, simulated_dives
    from stagescore.pose.loading import open_networks
    from stagescore.simulate.dataset import Order
    from stagescore.weights.registry import pose_networks

    with command_output(json=json, quiet=quiet) as out:
        if (data is None) == (simulated == 0):
            raise ConfigError("no dives are named", todo="give a folder of labelled dives, or --simulated N")
        files = pose_networks(weights_dir)
        used = open_networks(files, threads)
        dives = (
            read_known_dives(data)
            if data is not None
            else list(simulated_dives(Order(num_dives=simulated, seed=seed, size_px=size_px(size))))
        )
        found = {}
        with out.progress() as progress:
            for done, method in enumerate(ROWS):
                progress("methods", done, len(ROWS))
                found[method] = [find(method, dive, used) for dive in dives]
            own = _own_networks(weights_dir, threads)
            public = _public_networks(files, threads)
            for name, others in ((PUBLIC, public), (SHIPPED, own)):
                if others is not None:
                    progress(name, len(found), len(ROWS) + 2)
                    found[name] = [find(ROWS[-1], dive, others) for dive in dives]
        rows = [row_of(method, dives, found[method]) for method in found]
        frames = sum(len(dive.frames) for dive in dives)
        content = {
            "dives": [dive.name for dive in dives],
            "frames": frames,
            "threads": threads,
            "networks": used.as_json(),
            "rows": [row.as_json() for row in rows],
        }
        if figure5:
            from stagescore.figures.contact_sheet import jpeg
            from stagescore.figures.pose_figure import figure_5

            content["figure"] = str(out_dir / "figure5.jpg")
            write_bytes(out_dir / "figure5.jpg", jpeg(figure_5(dives, found), widest_px=2400))
        out.document(content)
        out.table(
            f"{len(dives)} dives, {frames} frames, without any true box; {threads} threads",
            ("method", "recall@0.3", "track IoU", "PCKh@0.5", "PCKh@1.0", "ms a frame", "crops a frame"),
            [
                (
                    row.method,
                    *(rounded(v, 3) for v in (row.recall, row.track_iou, row.pckh_50, row.pckh_100)),
                    rounded(row.ms_a_frame, 1),
                    rounded(row.crops_a_frame, 2),
                )
                for row in rows
            ],
        )
        out.text(f"networks: {used.names}")
        out.text(f"{SHIPPED}: " + ("not on this machine" if own is None else own.names))
        if figure5:
            out.text(f"written: {content['figure']}; pictures of real dives are not to be shared")


def _own_networks(weights_dir: Path | None, threads: int) -> "PoseNetworks | None":
    """The networks that are used where no other is present."""
    from stagescore.errors import CheckpointError
    from stagescore.pose.loading import open_networks
    from stagescore.pose.networks import NetworkFiles
    from stagescore.weights.registry import OWN
    from stagescore.weights.search import find_weights

    try:
        detector, estimator = (find_weights(OWN[role], weights_dir) for role in ("detector", "estimator"))
    except CheckpointError:
        return None
    return open_networks(NetworkFiles(detector=detector, estimator=estimator), threads)


def _public_networks(used: "NetworkFiles", threads: int) -> "PoseNetworks | None":
    """The known networks alone, where they are used to give a second opinion."""
    from stagescore.pose.loading import open_networks
    from stagescore.pose.networks import NetworkFiles

    if used.second_estimator is None:
        return None
    return open_networks(NetworkFiles(detector=used.detector, estimator=used.second_estimator), threads)
