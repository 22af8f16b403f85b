"""`stagescore doctor`: what is installed, what the machine has, where weights are looked for."""

import importlib.util
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from stagescore import __version__
from stagescore.cli.output import Failure, JsonOption, QuietOption, command_output
from stagescore.extras import EXTRAS
from stagescore.weights.search import places

PACKAGES = (
    "torch av numpy scipy pydantic PyYAML typer rich safetensors pillow opencv-python-headless jinja2 jaxtyping"
).split()
DECODERS = ("h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mjpeg", "gif")
ENCODERS = ("libx264", "h264", "mpeg4", "gif", "mjpeg")


def doctor(
    weights_dir: Annotated[
        Path | None, typer.Option(help="A folder to look for weights in before all others.")
    ] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show versions, devices, codecs, and where weights are looked for. Exit code 1 if something is missing."""
    with command_output(json=json, quiet=quiet) as out:
        packages = {name: _version_of(name) for name in PACKAGES}
        of_extras = {name: _version_of(name) for name in EXTRAS}
        report: dict[str, Any] = {
            "stagescore": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "cpu_cores": os.cpu_count(),
            "packages": packages,
            "extras": of_extras,
            "devices": _devices(),
            "codecs": _codecs(),
            "weights": [
                {
                    "origin": place.origin,
                    "folder": str(place.folder),
                    "files": sorted(p.name for p in place.folder.iterdir() if p.is_file())
                    if place.folder.is_dir()
                    else None,
                }
                for place in places(weights_dir)
            ],
        }
        missing = [name for name, found in packages.items() if found is None]
        missing += [f"decoder {name}" for name, found in report["codecs"]["decoders"].items() if not found]
        report["missing"] = missing
        out.document(report)
        out.text(f"stagescore {__version__}, Python {report['python']} on {report['platform']}")
        out.text(f"executable: {sys.executable}")
        out.table("Packages", ("package", "version"), [(n, v or "missing") for n, v in packages.items()])
        out.table(
            "Packages that only some commands need",
            ("package", "version", "comes with"),
            [(n, v or "not installed", f"stagescore[{EXTRAS[n]}]") for n, v in of_extras.items()],
        )
        out.table("Devices", ("device", "what"), [(d["device"], d["what"]) for d in report["devices"]])
        out.table(
            "Codecs",
            ("codec", "found"),
            [
                (f"{kind[:-1]} {name}", "yes" if found else "no")
                for kind, codecs in report["codecs"].items()
                for name, found in codecs.items()
            ],
        )
        out.table(
            "Weights are looked for in",
            ("place", "folder", "files"),
            [
                (
                    w["origin"],
                    w["folder"],
                    "no such folder" if w["files"] is None else ", ".join(w["files"]) or "none",
                )
                for w in report["weights"]
            ],
        )
        if missing:
            out.warning(f"missing: {', '.join(missing)}; install stagescore again with pip")
            raise Failure


def _version_of(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _devices() -> list[dict[str, str]]:
    devices = [{"device": "cpu", "what": f"{os.cpu_count()} cores, {platform.machine()}"}]
    if importlib.util.find_spec("torch") is None:
        return devices
    import torch

    devices[0]["what"] += f", PyTorch uses {torch.get_num_threads()} threads"
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        properties = torch.cuda.get_device_properties(index)
        memory = f"{properties.total_memory / 2**30:.1f} GiB"
        devices.append({"device": f"cuda:{index}", "what": f"{properties.name}, {memory}"})
    if torch.backends.mps.is_available():
        devices.append({"device": "mps", "what": "Apple"})
    return devices


def _codecs() -> dict[str, dict[str, bool]]:
    try:
        from av.codec import Codec
    except ImportError:
        return {"decoders": dict.fromkeys(DECODERS, False), "encoders": dict.fromkeys(ENCODERS, False)}

    def found(name: str, mode: Literal["r", "w"]) -> bool:
        try:
            Codec(name, mode)
        except Exception:  # PyAV's own class for an unknown codec has changed between versions
            return False
        return True

    return {
        "decoders": {name: found(name, "r") for name in DECODERS},
        "encoders": {name: found(name, "w") for name in ENCODERS},
    }
