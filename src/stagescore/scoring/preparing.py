"""Joints and flight of every film of a data set, as `score` sees them: what training on films starts from.

    FOLDER/observed/<event>/<number>.npz    joints of every frame and their confidence
    FOLDER/observed/<event>/<number>.json   the flight, and what speaks against a score
    FOLDER/manifest.jsonl                   with `poses_path` and `flight` of each dive

Films are looked at by several processes; what was done is kept, so a preparation that was stopped goes on; films that could not be
read are tried again. A second preparation of the same folder waits for the first.
"""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch

from stagescore.atomic import write_bytes, write_text
from stagescore.data.manifest import MANIFEST, Manifest, read_manifest
from stagescore.errors import DataError, StagescoreError
from stagescore.json_files import read_json
from stagescore.locking import alone_in
from stagescore.pose.npz_files import npz_bytes
from stagescore.scoring.scorer import Scorer
from stagescore.scoring.state import ScoringState
from stagescore.skeleton import MPII_16
from stagescore.types import Dive, PoseTrack
from stagescore.workers import worker_pool

FOLDER = "observed"
Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class Prepared:
    """What became of the films.

    Attributes:
        manifest: The manifest with joints and flights of its dives.
        unseen: Why no flight was found, by id of the dive.
        doubtful: Codes of the reasons, by id of each dive that `score` would not score.
    """

    manifest: Manifest
    unseen: dict[str, str] = field(default_factory=dict)
    doubtful: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Seen:
    dive_id: str
    flight: tuple[int, ...]
    reasons: tuple[str, ...]
    problem: str = ""


def prepare(
    folder: Path,
    *,
    weights_dir: Path | None = None,
    workers: int = 2,
    progress: Progress = lambda what, done, total: None,
) -> Prepared:
    """Look at every film of a manifest and note joints and flight there.

    Args:
        folder: Folder of the manifest.
        weights_dir: Folder to look for pose networks in before all others.
        workers: Number of processes.
        progress: Called now and then, and about every second while another process prepares the folder.

    Raises:
        DataError: The manifest cannot be read, or nothing can be written.
    """
    manifest = read_manifest(folder)
    out = folder / FOLDER
    asked = [dive for dive in manifest if dive.frames_path is not None]

    def tell(what: str) -> None:
        done = _read(out)
        progress(what, sum(dive.dive_id in done for dive in asked), len(asked))

    with alone_in(out, waiting=partial(tell, "waiting for another process to look at films")) as lock:
        tell("films")
        done = _read(out)
        # Films that could not be read are looked at again: they may have been put there since.
        tasks = [dive for dive in asked if dive.dive_id not in done or done[dive.dive_id].problem]
        if tasks:
            with worker_pool(max(1, min(workers, len(tasks))), holding=lock) as pool:
                parts = [tasks[k::workers] for k in range(workers)]
                futures = [pool.submit(_observe_all, part, out, weights_dir) for part in parts if part]
                for future in as_completed(futures):
                    future.result()
                    tell("films")
        return _noted(folder, manifest)


def _noted(folder: Path, manifest: Manifest) -> Prepared:
    """Write what has been seen of the films into the manifest."""
    out = folder / FOLDER
    done = _read(out)
    prepared = Prepared(manifest=manifest)
    dives = []
    for dive in manifest:
        seen = done.get(dive.dive_id)
        if seen is None:
            dives.append(dive)
            continue
        if seen.problem or not seen.flight:
            prepared.unseen[dive.dive_id] = seen.problem or "nobody is seen to fall"
        if seen.reasons:
            prepared.doubtful[dive.dive_id] = seen.reasons
        poses = out / dive.event / f"{dive.number}.npz"
        dives.append(
            dive.with_changes(
                flight=seen.flight, poses_path=str(poses.resolve()) if poses.is_file() else dive.poses_path
            )
        )
    prepared.manifest = Manifest(tuple(dives))
    write_bytes(folder / MANIFEST, prepared.manifest.to_bytes())
    return prepared


def _observe_all(dives: Sequence[Dive], out: Path, weights_dir: Path | None) -> None:
    """Look at some films in a process of its own, with networks of its own."""
    torch.set_num_threads(1)
    # Where the network that ships puts the events must not enter folds: it was trained on their test films too.
    scorer = Scorer.load(weights_dir=weights_dir, event_network=False)
    for dive in dives:
        seen = _observe(scorer, dive, out)
        write_text(out / dive.event / f"{dive.number}.json", json.dumps(asdict(seen)) + "\n")


@runtime_checkable
class Observer(Protocol):
    """Looks at a film without scoring it: `Scorer`."""

    def observe(self, path: str) -> ScoringState:
        """See `Scorer.observe`."""
        ...


def _observe(scorer: Observer, dive: Dive, out: Path) -> _Seen:
    try:
        observed = scorer.observe(str(dive.frames_path))
    except StagescoreError as error:
        return _Seen(dive.dive_id, (), (), " ".join(str(error).split()))
    reasons = tuple(reason.code for reason in observed.reasons)
    track = _in_the_film(observed)
    if track is not None:
        measured = track.known & ~track.filled if track.filled is not None else track.known
        content = npz_bytes(track, measured)
        write_bytes(out / dive.event / f"{dive.number}.npz", content)
    flight: tuple[int, ...] = ()
    if observed.flight is not None:
        start = observed.start
        flight = start + observed.flight.first, start + observed.flight.stop
    return _Seen(dive.dive_id, flight, reasons)


def _in_the_film(observed: ScoringState) -> PoseTrack | None:
    """The joints in every frame of the film, unknown where it was not looked."""
    media, poses = observed.media, observed.poses
    if media is None or poses is None:
        return None
    joints = np.full((media.num_frames, MPII_16.num_joints, 2), np.nan)
    confidence = np.zeros((media.num_frames, MPII_16.num_joints))
    joints[observed.start : observed.end] = poses.track.joints_px
    confidence[observed.start : observed.end] = poses.track.confidence
    filled = np.zeros(confidence.shape, dtype=bool)
    if poses.track.filled is not None:
        filled[observed.start : observed.end] = poses.track.filled
    return PoseTrack(joints, confidence, filled, derived=poses.track.derived)


def _read(out: Path) -> dict[str, _Seen]:
    """What earlier preparations have seen."""
    found = {}
    for path in sorted(out.glob("*/*.json")):
        try:
            note = read_json(path)
            seen = _Seen(
                str(note["dive_id"]), tuple(note["flight"]), tuple(note["reasons"]), str(note["problem"])
            )
        except (OSError, ValueError, KeyError, TypeError):
            raise DataError("a note is torn", where=path, todo="remove it and prepare again") from None
        found[seen.dive_id] = seen
    return found
