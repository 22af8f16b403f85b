"""`stagescore weights`: known networks, where they are, whether they are whole, and how to get them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from stagescore.cli.output import Failure, JsonOption, Output, QuietOption, command_output

app = typer.Typer(
    help="Known networks: list, find, check, import. Nothing is downloaded unless `get` is called.",
    no_args_is_help=True,
)

WeightsDirOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="A folder to look in before all others.")
]
_NameArgument = Annotated[str, typer.Argument(help="File name of a known network; see `weights list`.")]


@app.command("list")
def list_networks(
    weights_dir: WeightsDirOption = None, json: JsonOption = False, quiet: QuietOption = False
) -> None:
    """Show every known network with source, licence, sha256 and size, and where it is on this machine."""
    from stagescore.weights.known_image_networks import KNOWN_IMAGE_NETWORKS, file_name
    from stagescore.weights.registry import KNOWN, SHIPPED
    from stagescore.weights.search import places

    with command_output(json=json, quiet=quiet) as out:
        networks = (*SHIPPED, *KNOWN)
        found = {network.name: _found(network.name, weights_dir) for network in networks}
        images = {n.backbone: _found(file_name(n.backbone), weights_dir) for n in KNOWN_IMAGE_NETWORKS}
        out.document(
            {
                "networks": [n.as_json() | {"path": found[n.name]} for n in networks],
                "image_networks": [n.as_json() for n in KNOWN_IMAGE_NETWORKS],
                "imported_image_networks": images,
            }
        )
        out.table(
            "Known networks",
            ("name", "role", "licence", "MB", "sha256", "here"),
            [
                (n.name, n.role, n.licence, round(n.size / 1e6, 1), n.sha256[:16], found[n.name] or "no")
                for n in networks
            ],
        )
        out.table(
            "Image networks that `weights import FILE --as NAME` knows",
            ("name", "source", "licence", "sha256"),
            [(n.backbone, f"{n.source} {n.version}", n.licence, n.sha256[:16]) for n in KNOWN_IMAGE_NETWORKS],
        )
        for name, file in images.items():
            if file:
                out.text(f"{name}: imported as {file}")
        for network in networks:
            out.text(f"{network.name}: {network.what}; {network.source}")
        out.text("looked for in " + ", ".join(f"{p.folder} ({p.origin})" for p in places(weights_dir)))


@app.command()
def path(
    name: _NameArgument,
    weights_dir: WeightsDirOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Print where a network is; exit code 1 if it is nowhere."""
    from stagescore.weights.registry import known
    from stagescore.weights.search import find_weights

    with command_output(json=json, quiet=quiet) as out:
        found = find_weights(known(name).name, weights_dir)
        out.document({"path": str(found)})
        out.text(str(found))


@app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(help="Which ones; all that are found by default.")
    ] = None,
    weights_dir: WeightsDirOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Compare size and sha256 of the files with what is known; exit code 1 if one is torn or another."""
    from stagescore.errors import CheckpointError
    from stagescore.weights.registry import KNOWN, SHIPPED, check, known
    from stagescore.weights.search import find_weights

    with command_output(json=json, quiet=quiet) as out:
        chosen = (
            [known(name) for name in names]
            if names
            else [n for n in (*SHIPPED, *KNOWN) if _found(n.name, weights_dir)]
        )
        results: list[dict[str, Any]] = []
        failed = False
        for network in chosen:
            try:
                file = find_weights(network.name, weights_dir)
                check(network, file)
                results.append({"name": network.name, "path": str(file), "status": "ok"})
            except CheckpointError as error:
                failed = True
                out.error(error)
                results.append({"name": network.name, "status": "failed", "error": error.as_json()})
        out.document({"networks": results})
        out.table(
            "Networks", ("name", "status", "path"), [(r["name"], r["status"], r.get("path")) for r in results]
        )
        if not chosen:
            out.note("no known network is on this machine; see `stagescore weights list`")
        if failed:
            raise Failure


@app.command("import")
def import_network(
    file: Annotated[
        Path,
        typer.Argument(
            help="A file that is one of the known networks, whatever its name; or with --as a .pt, .pth, .safetensors "
            "or .whl file that holds an image network."
        ),
    ],
    image_network: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="NAME",
            help="The image network that the file holds: mobilenetv2, efficientnet-lite0, ...",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="With --as: where to write; the user's cache by default."),
    ] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Copy a network that you have into the user's cache; its bytes say which it is. Nothing in the file is run."""
    from stagescore.weights.registry import import_file

    if folder is not None and image_network is None:
        raise typer.BadParameter("it goes with --as", param_hint="--out")
    with command_output(json=json, quiet=quiet) as out:
        if image_network is not None:
            _import_image_network(out, file, image_network, folder)
            return
        network, stored = import_file(file)
        out.document({"name": network.name, "path": str(stored)})
        out.text(f"{file} is {network.name}; copied to {stored}")


@app.command()
def get(
    name: _NameArgument,
    url: Annotated[
        str | None, typer.Option(help="Another address; the bytes are checked all the same.")
    ] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Download a known network into the user's cache; kept only if its sha256 is the known one."""
    from stagescore.weights.registry import fetch, known

    with command_output(json=json, quiet=quiet) as out:
        network = known(name)
        with out.progress() as progress:
            stored = fetch(network, url, progress)
        out.document({"name": network.name, "path": str(stored)})
        out.text(str(stored))


def _import_image_network(out: Output, file: Path, name: str, folder: Path | None) -> None:
    from stagescore.weights.image_networks import import_image_network

    imported = import_image_network(file, name, folder)
    card = imported.card(name)
    out.document({**card, "known": imported.known is not None, "path": str(imported.path)})
    if imported.known is None:
        out.warning(
            f"{file} is unknown (sha256 {imported.sha256[:12]}...): its tensors fit {name}, its source and licence are "
            "not known"
        )
    else:
        out.text(f"{file} is known: {card['source']}, {card['licence']}")
    out.text(f"written to {imported.path}; use it with start.static={imported.path.name}")


def _found(name: str, weights_dir: Path | None) -> str | None:
    from stagescore.errors import CheckpointError
    from stagescore.weights.search import find_weights

    try:
        return str(find_weights(name, weights_dir))
    except CheckpointError:
        return None
