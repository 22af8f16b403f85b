"""Clips decoded once and kept as raw pixels, so that training waits for neither JPEG nor video decoders.

    FOLDER/frames.u8     frames x height x width x 3 bytes of each dive, row after row, resized, not cropped
    FOLDER/joints.f32    2 x frames x 16 x 3 floats of each dive: estimated, then exact joints
    FOLDER/index.json    which dive is in which row; a row that is not named holds nothing

Both files are memory maps. A dive is named in the index after its pixels are safely on the disk, so a build
may be killed at any time and taken up again, and more dives may be added. One process at a time builds; another one
waits for it. Stages are not stored: they follow from the labels and the number of frames of the clip.
"""

import json
import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped, UInt8

from stagescore.atomic import write_text
from stagescore.data.attachments import Progress
from stagescore.data.decoded_clip import KINDS, Joints, decode
from stagescore.data.preprocessing import Preprocessing
from stagescore.errors import DataError, StagescoreError
from stagescore.hashing import file_sha256, hash_u64
from stagescore.json_files import read_json
from stagescore.locking import Held, alone_in
from stagescore.media.sampling import sample_indices
from stagescore.skeleton import MPII_16
from stagescore.types import Dive, StageSpans
from stagescore.workers import worker_pool

FRAMES, JOINTS, INDEX = "frames.u8", "joints.f32", "index.json"
VERSION = 1
# Set by hand: a killed build loses the dives since the index was last written.
_DIVES_BETWEEN_NOTES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredClip:
    """What the index says of one dive.

    Attributes:
        row: Row of the clip in the store's memory maps, from 0.
        num_frames: Number of frames of the whole clip.
        source: Fingerprint of the files that the clip was made of.
        joints: Kinds of joints that are stored, `estimated` or `exact`.
        frames: Frames of the clip that are stored: evenly spread ones without black frames at either end, or those of
            the window around the flight, without frames of another shot before it.
    """

    row: int
    num_frames: int
    source: str
    joints: tuple[Joints, ...]
    frames: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ClipStore:
    """Decoded clips in a folder. No file stays open between calls; worker processes may have copies.

    Attributes:
        folder: Folder that holds the clips.
        preprocessing: Number and size of the frames; the crop may differ from use to use.
        clips: Index entry of each stored clip, by dive id.
        left_out: Reason why each dive was left out when it was last asked for, by dive id.
    """

    folder: Path
    preprocessing: Preprocessing
    clips: Mapping[str, StoredClip] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, preprocessing: Preprocessing) -> "ClipStore":
        """The store in a folder.

        Raises:
            DataError: There is none, it is damaged, or was made with frames of another number or size.
        """
        store = _read_index(folder, preprocessing)
        if store is None:
            raise DataError("no clips are stored here", where=folder, todo="build the store first")
        return store

    @classmethod
    def check(cls, folder: Path, preprocessing: Preprocessing) -> None:
        """Make sure that clips can be stored in a folder, which need not exist.

        Raises:
            DataError: It is a file, or its clips are damaged or of another preprocessing.
        """
        if folder.exists() and not folder.is_dir():
            raise DataError(
                "a file is where the folder of clips is to be", where=folder, todo="name another folder"
            )
        _read_index(folder, preprocessing)

    @classmethod
    def build(
        cls,
        dives: Sequence[Dive],
        folder: Path,
        preprocessing: Preprocessing,
        *,
        truth: Path | None = None,
        workers: int = 2,
        skip: bool = False,
        progress: Progress = lambda what, done, total: None,
    ) -> "ClipStore":
        """Decode what is not yet in a folder; does nothing where everything is.

        Where another process builds the store, this waits for it and decodes what is then still missing.

        Args:
            dives: Dives with frames, and with poses where they are to have joints.
            folder: Folder that is new or holds a store of the same preprocessing; only read where everything is there.
            preprocessing: Number and size of the frames; the crop is not applied here.
            truth: Folder with `<event>/<number>.npz` of simulated dives, for exact joints; None for none.
            workers: Number of processes that decode.
            skip: Whether dives that cannot be used are left out and named in `left_out`, instead of an error.
            progress: Function that is called after every dive, and about every second while this waits.

        Raises:
            DataError: The folder holds clips of another preprocessing, or of files that have changed since;
                a film or pose file is missing, damaged or unlike its labels (without `skip`); or the disk
                is full. What was decoded until then is kept.
        """
        asked = _Asked.look(dives, preprocessing, exact=truth is not None, skip=skip)

        def begun() -> "ClipStore":
            return _read_index(folder, preprocessing) or cls(folder=folder, preprocessing=preprocessing)

        def waiting() -> None:
            stored = len(dives) - len(asked.of(begun())[0])
            progress("waiting for another process to store clips", stored, len(dives))

        store = begun()
        tasks, left_out = asked.of(store)
        progress("decoding clips", len(dives) - len(tasks), len(dives))
        if not tasks and left_out == store.left_out and (folder / INDEX).is_file():
            return store
        with alone_in(folder, waiting=waiting) as lock:
            store = begun()  # with what another process may have stored by now
            _create(folder)
            store_dive = partial(_store_dive, store=store, truth=truth)
            with closing(_results(asked.of(store)[0], store_dive, workers, lock)) as results:
                return store._filled(results, asked, skip=skip, progress=progress)

    def _filled(
        self, results: Iterable["_Result"], asked: "_Asked", *, skip: bool, progress: Progress
    ) -> "ClipStore":
        """With the dives that are decoded, noted now and then, and at the end whatever happens."""
        tasks, left_out = asked.of(self)
        clips, done, total = dict(self.clips), len(asked.dives) - len(tasks), len(asked.dives)
        try:
            for dive_id, result in results:
                if isinstance(result, StoredClip):
                    clips[dive_id] = result
                elif skip:
                    left_out[dive_id] = _why(result)
                else:
                    raise result
                done += 1
                progress("decoding clips", done, total)
                if done % _DIVES_BETWEEN_NOTES == 0:
                    _write_index(replace(self, clips=clips))
        finally:
            store = replace(self, clips=clips, left_out=left_out)
            _write_index(store)
        return store

    def __len__(self) -> int:
        return len(self.clips)

    def __contains__(self, dive_id: object) -> bool:
        return dive_id in self.clips

    def __getitem__(self, dive_id: str) -> StoredClip:
        if dive_id not in self.clips:
            raise DataError(
                f"the dive's clip is not stored ({self.left_out.get(dive_id, 'it was not asked for')})",
                where=dive_id,
                todo="build the store with it, or leave the dive out",
            )
        return self.clips[dive_id]

    @property
    def num_rows(self) -> int:
        """Rows of the memory maps."""
        return 1 + max((clip.row for clip in self.clips.values()), default=-1)

    @property
    def frames(self) -> UInt8[np.ndarray, "rows frames height width channels"]:
        """All pixels, RGB, as a memory map."""
        p = self.preprocessing
        shape = (self.num_rows, p.num_frames, p.height, p.width, p.channels)
        return np.memmap(self.folder / FRAMES, dtype=np.uint8, mode="r", shape=shape)

    def joints(self, kind: Joints = "estimated") -> Float[np.ndarray, "rows frames joints 3"]:
        """All joints of a kind as `preprocessing.framed_joints` has them; zero in dives without them."""
        shape = (self.num_rows, len(KINDS), self.preprocessing.num_frames, MPII_16.num_joints, 3)
        both = np.memmap(self.folder / JOINTS, dtype=np.float32, mode="r", shape=shape)
        return both[:, KINDS.index(kind)]

    def indices(self, dive_id: str) -> tuple[int, ...]:
        """Which frames of its clip are stored.

        Raises:
            DataError: The dive is not stored.
        """
        return self[dive_id].frames

    def stages(self, dive: Dive) -> StageSpans | None:
        """The labelled stages on the stored frames, or None where they are unusable or unknown.

        Raises:
            DataError: The dive is not stored.
        """
        spans = dive.stages()
        return None if spans is None else spans.resampled(self.indices(dive.dive_id))


def _why(error: StagescoreError) -> str:
    """Why a dive is left out, for a list of several: without what can be done about one."""
    return f"{error.where}: {error.what}" if error.where else error.what


_Task = tuple[Dive, StoredClip]
_Result = tuple[str, StoredClip | StagescoreError]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The dives that a store is to have; looking at their files takes time and needs no store."""

    dives: Sequence[Dive]
    sources: Mapping[str, str]
    unusable: Mapping[str, str]
    exact: bool

    @classmethod
    def look(
        cls, dives: Sequence[Dive], preprocessing: Preprocessing, *, exact: bool, skip: bool
    ) -> "_Asked":
        """Look at the files of dives; those that cannot be used are noted where `skip` is set."""
        sources: dict[str, str] = {}
        unusable: dict[str, str] = {}
        for dive in dives:
            try:
                sources[dive.dive_id] = _fingerprint(dive, placed=preprocessing.places_by_flight)
            except DataError as error:
                if not skip:
                    raise
                unusable[dive.dive_id] = _why(error)
        return cls(dives, sources, unusable, exact)

    def of(self, store: ClipStore) -> tuple[list[_Task], dict[str, str]]:
        """Dives that a store lacks with what its index will say of them, and those that it leaves out."""
        taken = {clip.row for clip in store.clips.values()}
        free = (row for row in count() if row not in taken)
        tasks: dict[str, _Task] = {}
        asked = {dive.dive_id for dive in self.dives}
        left_out = {dive_id: why for dive_id, why in store.left_out.items() if dive_id not in asked}
        for dive in self.dives:
            source = self.sources.get(dive.dive_id)
            if source is None:
                continue
            clip = store.clips.get(dive.dive_id)
            if clip is not None and clip.source != source:
                raise DataError(
                    f"the frames or poses of {dive.dive_id} are not those that were stored",
                    where=store.folder,
                    todo="remove the folder or choose another one, and build again",
                )
            if clip is None:
                clip = StoredClip(row=next(free), num_frames=0, source=source, joints=())
            elif not self.exact or "exact" in clip.joints:
                continue
            tasks[dive.dive_id] = dive, clip
        return list(tasks.values()), left_out | dict(self.unusable)


def _fingerprint(dive: Dive, *, placed: bool) -> str:
    """Depends on names and sizes of the frames, on the content of the pose file, and on the flight if it places frames.

    Raises:
        DataError: The dive has no frames, or frames or poses are not where they should be.
    """
    if dive.frames_path is None:
        raise DataError("the dive has no frames", where=dive.dive_id, todo="import the labels with --frames")
    path = Path(dive.frames_path)
    try:
        if path.is_dir():
            with os.scandir(path) as entries:
                sizes = sorted((entry.name, entry.stat().st_size) for entry in entries)
        else:
            sizes = [(path.name, path.stat().st_size)]
        poses = "" if dive.poses_path is None else file_sha256(Path(dive.poses_path))
    except OSError as error:
        raise DataError(
            f"the frames or poses of {dive.dive_id} cannot be read ({error.strerror})",
            where=error.filename,
            todo="check the paths in the manifest",
        ) from None
    # The second word changes when frames are placed otherwise, so that older stores are built again.
    flight = (repr(dive.flight), "first shot left out") if placed else ()
    return f"{hash_u64(repr(sizes), poses, *flight):016x}"


def _read_index(folder: Path, preprocessing: Preprocessing) -> ClipStore | None:
    """What is in a folder, or None where there is no store.

    Raises:
        DataError: It is damaged, or was made with frames of another number or size.
    """
    path = folder / INDEX
    if not path.is_file():
        return None
    try:
        content = read_json(path)
        version, decoded, left_out = content["version"], content["decoded"], content["left_out"]
        clips = {
            dive_id: _stored(clip, preprocessing.num_frames) for dive_id, clip in content["clips"].items()
        }
        store = ClipStore(folder=folder, preprocessing=preprocessing, clips=clips, left_out=left_out)
        sizes = [(folder / name).stat().st_size for name in (FRAMES, JOINTS)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"the stored clips are damaged ({str(error)[:80]})",
            where=path,
            todo="remove the folder and build again",
        ) from None
    if (version, decoded) != (VERSION, _decoded(preprocessing)):
        told = ", ".join(f"{name} {value}" for name, value in decoded.items())
        asked = ", ".join(f"{name} {value}" for name, value in _decoded(preprocessing).items())
        raise DataError(
            f"clips were stored with {told} (version {version}) and are asked for with {asked} (version {VERSION})",
            where=folder,
            todo="use the same settings, or build in another folder",
        )
    if any(size < store.num_rows * row for size, row in zip(sizes, _row_bytes(preprocessing), strict=True)):
        raise DataError(
            "the stored clips are cut short", where=folder, todo="remove the folder and build again"
        )
    return store


def _stored(clip: dict[str, Any], num_frames: int) -> StoredClip:
    """What an index says of a clip; older ones name the first and last of evenly spread frames, or none for the whole clip."""
    first, last = clip.pop("span", None) or (0, clip["num_frames"] - 1)
    frames = clip.pop("frames", None) or sample_indices(first, last, num_frames)
    return StoredClip(**{**clip, "joints": tuple(clip["joints"]), "frames": tuple(frames)})


def _write_index(store: ClipStore) -> None:
    """Note what is stored, after it is safely on the disk."""
    for name in (FRAMES, JOINTS):
        with (store.folder / name).open("rb") as stream:
            os.fsync(stream.fileno())
    content = {
        "version": VERSION,
        "decoded": _decoded(store.preprocessing),
        "left_out": dict(store.left_out),
        "clips": {dive_id: asdict(clip) for dive_id, clip in store.clips.items()},
    }
    write_text(store.folder / INDEX, json.dumps(content) + "\n")


def _decoded(preprocessing: Preprocessing) -> dict[str, Any]:
    """The settings that the stored pixels depend on."""
    placed = {name for name in ("window", "follow") if getattr(preprocessing, name) is not None}
    return preprocessing.model_dump(include={"num_frames", "width", "height"} | placed)


def _row_bytes(preprocessing: Preprocessing) -> tuple[int, int]:
    p = preprocessing
    frames = p.num_frames * p.height * p.width * p.channels
    joints = len(KINDS) * p.num_frames * MPII_16.num_joints * 3 * 4
    return frames, joints


def _create(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (FRAMES, JOINTS):
            (folder / name).touch()
    except OSError as error:
        raise DataError(
            f"cannot write ({error.strerror})", where=folder, todo="choose a folder you may write to"
        ) from error


def _results(
    tasks: list[_Task], store_dive: "partial[_Result]", workers: int, lock: Held
) -> Generator[_Result, None, None]:
    """Results as they come, from this process or from several."""
    if workers <= 1 or len(tasks) < 2:
        yield from map(store_dive, tasks)
        return
    try:
        with worker_pool(min(workers, len(tasks)), holding=lock) as pool:
            for future in as_completed([pool.submit(store_dive, task) for task in tasks]):
                yield future.result()
    except BrokenProcessPool:
        raise DataError(
            "a worker was killed, perhaps for want of memory",
            where="storing clips",
            todo="start again, with fewer workers; what was stored is kept",
        ) from None


def _store_dive(task: _Task, *, store: ClipStore, truth: Path | None) -> _Result:
    """Decode a dive into its row; what is wrong with its files is returned.

    Raises:
        DataError: The row cannot be written.
    """
    dive, clip = task
    try:
        decoded = decode(dive, store.preprocessing, truth)
    except StagescoreError as error:
        return dive.dive_id, error
    _write_row(store.folder / FRAMES, clip.row, decoded.frames)
    _write_row(store.folder / JOINTS, clip.row, decoded.joints)
    told = replace(clip, num_frames=decoded.num_frames, frames=decoded.indices, joints=decoded.kinds)
    return dive.dive_id, told


def _write_row(path: Path, row: int, content: Shaped[np.ndarray, "..."]) -> None:
    # Written rather than mapped: a full disk is then an error and not a signal that ends the process.
    try:
        with path.open("r+b") as stream:
            stream.seek(row * content.nbytes)
            stream.write(np.ascontiguousarray(content).data)
    except OSError as error:
        raise DataError(
            f"cannot write ({error.strerror})",
            where=path,
            todo="free some space or choose another folder; what was stored is kept",
        ) from error
