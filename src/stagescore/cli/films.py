"""`stagescore data probe` and `data frames`: what a film is, and its frames as a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from stagescore.cli.output import Failure, JsonOption, Output, QuietOption, command_output, rounded
from stagescore.errors import DataError, StagescoreError
from stagescore.shortages import shortage_of


def probe(
    paths: Annotated[list[Path], typer.Argument(help="Video files or folders of images.")],
    slowmo: Annotated[float, typer.Option(help="The film is slowed down by this factor.")] = 1.0,
    frame_rate: Annotated[float | None, typer.Option(help="Frames per second of a folder of images.")] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Decode films whole and say what they are: ok, partial or unreadable, and how many frames are lost.

    Exit code 1 unless all are ok.
    """
    from stagescore.media.source import inspect_media

    with command_output(json=json, quiet=quiet) as out:
        infos = []
        with out.progress() as progress:
            for done, path in enumerate(paths, start=1):
                infos.append(inspect_media(path, slowmo=slowmo, frame_rate=frame_rate))
                progress("films", done, len(paths))
        for info in infos:
            for warning in info.warnings:
                out.warning(f"{info.path}: {warning}")
            if info.verdict == "unreadable":
                out.error(DataError(info.reason, where=info.path))
        out.document({"films": [info.as_json() for info in infos]})
        out.table(
            "Films",
            ("film", "verdict", "frames", "lost", "size", "frames/s", "seconds", "codec"),
            [
                (
                    info.path,
                    info.verdict,
                    info.num_frames,
                    info.num_lost,
                    f"{info.width_px} x {info.height_px}",
                    rounded(info.frame_rate, 3),
                    rounded(info.duration_s, 3),
                    info.codec,
                )
                for info in infos
            ],
        )
        if any(info.verdict != "ok" for info in infos):
            raise Failure


def frames(
    paths: Annotated[list[Path], typer.Argument(help="Video files or folders of images.")],
    out_dir: Annotated[Path, typer.Option("--out", help="Folder; each film gets a folder of its own in it.")],
    config: Annotated[
        str | None, typer.Option(help="A YAML file, or a preset: finediving (96 frames, 455 x 256), mtl-aqa.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value: frames, width, height, slowmo, frame_rate, quality."),
    ] = None,
    num_frames: Annotated[
        int | None, typer.Option("--frames", help="Evenly spaced frames; all by default.")
    ] = None,
    slowmo: Annotated[float | None, typer.Option(help="The film is slowed down by this factor.")] = None,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Take what can be decoded of damaged films.")
    ] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Turn films into frame folders, with the time of every frame in frames.json.

    Frames are evenly spaced by FineDiving's convention. Goes on after a bad film, lists the failures at
    the end, and then exits with 1.
    """
    from stagescore.config import FramesConfig, load_config
    from stagescore.media.export import export_frames
    from stagescore.media.sampling import sample_indices
    from stagescore.media.source import open_media

    with command_output(json=json, quiet=quiet) as out:
        flags = [
            f"{key}={value}"
            for key, value in (("frames", num_frames), ("slowmo", slowmo))
            if value is not None
        ]
        wanted = load_config(FramesConfig, config, [*(settings or []), *flags])
        size_px = None if wanted.width is None or wanted.height is None else (wanted.width, wanted.height)
        results: list[dict[str, Any]] = []
        with out.progress() as progress:
            for done, path in enumerate(paths, start=1):
                with _collecting(out, path, results):
                    media = open_media(path, slowmo=wanted.slowmo, frame_rate=wanted.frame_rate)
                    for warning in media.info.warnings:
                        out.warning(f"{path}: {warning}")
                    if media.info.verdict != "ok" and not allow_partial:
                        raise DataError(
                            f"the film is partial, {media.info.num_lost} frames are lost",
                            where=path,
                            todo="add --allow-partial to take what is left",
                        )
                    content = media.content
                    indices = (
                        content
                        if wanted.frames is None
                        else sample_indices(content[0], content[-1], wanted.frames)
                    )
                    folder = out_dir / (path.stem if path.is_file() else path.resolve().name)
                    export_frames(media, folder, indices=indices, size_px=size_px, quality=wanted.quality)
                    results.append(
                        {"status": "ok", "folder": str(folder), "frames": len(indices)} | media.info.as_json()
                    )
                progress("films", done, len(paths))
        failed = [result for result in results if result["status"] == "failed"]
        out.document({"films": results})
        out.table(
            "Frame folders",
            ("film", "folder", "frames"),
            [(r["path"], r["folder"], r["frames"]) for r in results if r["status"] == "ok"],
        )
        if failed:
            out.warning(f"{len(failed)} of {len(paths)} films failed: {', '.join(r['path'] for r in failed)}")
            raise Failure


@contextmanager
def _collecting(out: Output, path: Path, results: list[dict[str, Any]]) -> Iterator[None]:
    """One bad film never stops a batch."""
    try:
        yield
    except StagescoreError as error:
        failure = error
    except Exception as error:
        what = f"internal error ({type(error).__name__}: {error})"
        failure = shortage_of(error) or DataError(what, where=path, todo="please report this bug")
    else:
        return
    out.error(failure)
    results.append({"status": "failed", "path": str(path), "error": failure.as_json()})
