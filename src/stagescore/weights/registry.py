"""The networks that are known by name: where they come from, under which licence, and their bytes.

A file that is found under a known name is only used if its bytes are the known ones. Nothing is fetched
unless `fetch` is called.
"""

import contextlib
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from stagescore.errors import CheckpointError
from stagescore.hashing import file_sha256
from stagescore.pose.networks import NetworkFiles
from stagescore.pose.onnx_trial import MOVENET_MULTIPOSE_SHA256, MOVENET_THUNDER_SHA256
from stagescore.weights.search import find_weights, user_cache

Role = Literal["detector", "estimator", "scorer", "exemplars", "events"]
# Set by hand: bytes that are read at once, and seconds without an answer after which a download ends.
_BLOCK = 1 << 18
_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNetwork:
    """A network that is known by name.

    Attributes:
        name: Name of the file.
        role: What the network is used for, such as `detector`.
        what: Description in a few words.
        source: Place where the network was published, for people to read.
        url: Address that the file can be got from; whatever it gives is checked against `sha256`. Empty for what ships
            with the package.
        licence: Licence, by its SPDX name.
        sha256: SHA-256 of the file, in hexadecimal.
        size: Size of the file, in bytes.
    """

    name: str
    role: Role
    what: str
    source: str
    url: str
    licence: str
    sha256: str
    size: int

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


KNOWN: tuple[KnownNetwork, ...] = (
    KnownNetwork(
        name="movenet-multipose.onnx",
        role="detector",
        what="MoveNet multipose lightning: up to six people",
        source="https://www.kaggle.com/models/google/movenet, converted with tf2onnx",
        url="https://huggingface.co/Xenova/movenet-multipose-lightning/resolve/main/onnx/model.onnx",
        licence="Apache-2.0",
        sha256=MOVENET_MULTIPOSE_SHA256,
        size=19_031_870,
    ),
    KnownNetwork(
        name="movenet-thunder.onnx",
        role="estimator",
        what="MoveNet single pose thunder: 17 joints of one person, 256 x 256",
        source="https://www.kaggle.com/models/google/movenet, converted with tf2onnx",
        url="https://huggingface.co/Xenova/movenet-singlepose-thunder/resolve/main/onnx/model.onnx",
        licence="Apache-2.0",
        sha256=MOVENET_THUNDER_SHA256,
        size=25_051_533,
    ),
)
"""All of them, the preferred one of each role first."""

OWN: dict[Role, str] = {"detector": "diver-detector.safetensors", "estimator": "pose-small.safetensors"}
"""Networks of our own, trained on simulated dives: used where no known network can be. Their card is in the file."""


def _shipped(name: str, role: Role, what: str, recipe: str, sha256: str, size: int) -> KnownNetwork:
    return KnownNetwork(
        name=f"{name}.safetensors",
        role=role,
        what=what,
        source=f"this package; made by examples/{recipe}",
        url="",
        licence="Apache-2.0",
        sha256=sha256,
        size=size,
    )


SHIPPED: tuple[KnownNetwork, ...] = (
    _shipped(
        "nano",
        "scorer",
        "HP-MCoRe, preset nano, trained on simulated dives",
        "train_nano.sh",
        "016161ffd6f487bb75ddc1e04d8232c1c3c7a4668c86a096c0b836dbc54db80e",
        6_775_144,
    ),
    _shipped(
        "nano-bank",
        "exemplars",
        "simulated dives that vote, encoded with nano",
        "train_nano.sh",
        "e90e435fa030a625ba8f144eae07e3f37af192f9e284edc1513e625beff2caf6",
        10_855_105,
    ),
    _shipped(
        "tower",
        "scorer",
        "HP-MCoRe, preset tower, trained on 300 films of London 2012, men's 10 m",
        "train_tower.sh",
        "69fd3893814abe7ed142a36be7497bb0e49fb39b93964604b3093aad6c63e2ca",
        7_047_338,
    ),
    _shipped(
        "tower-bank",
        "exemplars",
        "dives of those films that vote, encoded with tower, as skeletons without a picture",
        "train_tower.sh",
        "8f9d09853ba48a313c43b935911e4aa0fbd775ea01261ba821d350018cf33c52",
        652_432,
    ),
    _shipped(
        "diver-detector",
        "detector",
        "finds divers in whole frames of 224 x 128, trained on simulated dives",
        "train_pose.sh",
        "4012c92b667225153baaad6cdc1f3e69db2743d05f952807096d11f5066ce663",
        1_820_412,
    ),
    _shipped(
        "pose-small",
        "estimator",
        "16 joints in crops of 128 x 128, trained on simulated dives",
        "train_pose.sh",
        "f6ff425d8889897e21ce7fc171085489ef653f6021cb9553072a9d98d698aad6",
        2_374_312,
    ),
    _shipped(
        "events",
        "events",
        "places take-off and water contact, trained on those films and on 200 simulated dives",
        "train_tower.sh",
        "61a26fd132d3178567ea31a734806f7a770859fb8c6f213cc490ef1b432f1807",
        1_476_486,
    ),
)
"""What ships with the package. Of the first places where one of these is found, that file is used, whoever made it."""


def shipped_scorers(weights_dir: Path | None = None) -> list[str]:
    """Names of the networks that score and are on this machine, in the order in which they are asked.

    Args:
        weights_dir: Folder to look in before all others.

    Raises:
        CheckpointError: None is there.
    """
    names = [Path(network.name).stem for network in SHIPPED if network.role == "scorer"]
    found = []
    for name in names:
        with contextlib.suppress(CheckpointError):
            find_weights(f"{name}.safetensors", weights_dir)
            found.append(name)
    if not found:
        raise CheckpointError(
            f"no network that scores is on this machine ({', '.join(names)})", todo="install the package anew"
        )
    return found


def known(name: str) -> KnownNetwork:
    """The known network of that file name, with or without its ending.

    Raises:
        CheckpointError: No network of that name is known.
    """
    for network in (*KNOWN, *SHIPPED):
        if name in (network.name, Path(network.name).stem):
            return network
    names = {Path(network.name).stem: network.name for network in (*KNOWN, *SHIPPED)}
    near = get_close_matches(Path(name).stem.lower(), names, n=1)
    raise CheckpointError(
        "no network of that name is known",
        where=name,
        todo=f"did you mean {names[near[0]]}?" if near else "`stagescore weights list` names them",
    )


def preferred(role: Role, weights_dir: Path | None = None) -> Path:
    """The first known network of a role that is on this machine, its bytes checked; else the one of our own.

    Raises:
        CheckpointError: None is there, or its bytes are not the known ones.
    """
    names = []
    for network in KNOWN:
        if network.role != role or find_spec("onnxruntime") is None:
            continue
        names.append(network.name)
        try:
            path = find_weights(network.name, weights_dir)
        except CheckpointError:
            continue
        check(network, path)
        return path
    with contextlib.suppress(CheckpointError):
        return find_weights(OWN[role], weights_dir)
    names = names or [network.name for network in KNOWN if network.role == role]
    raise CheckpointError(
        f"no {role} is on this machine ({', '.join(names)}, {OWN[role]})",
        todo=f"`stagescore weights get {names[0]}` fetches it, `stagescore weights import FILE` takes a file "
        "you have, or set STAGESCORE_WEIGHTS to the folder it is in",
    )


def pose_networks(
    weights_dir: Path | None = None, detector: Path | None = None, estimator: Path | None = None
) -> NetworkFiles:
    """The networks to use: known ones where they are, together with our own.

    A known detector follows the diver, and ours is asked whether there are two; our estimator reads every frame, and
    asks a known one where it is unsure.

    Args:
        weights_dir: Folder to look in before all others.
        detector: File of a detector to use alone, instead of those networks; None for them.
        estimator: File of an estimator to use alone, instead of those networks; None for them.

    Raises:
        CheckpointError: As `preferred`.
    """
    boxes = detector or preferred("detector", weights_dir)
    joints = estimator or preferred("estimator", weights_dir)
    own_boxes = None if detector else _own(boxes, "detector", weights_dir)
    own_joints = None if estimator else _own(joints, "estimator", weights_dir)
    return NetworkFiles(
        detector=boxes,
        estimator=own_joints or joints,
        second_detector=own_boxes,
        second_estimator=joints if own_joints else None,
    )


def _own(other: Path, role: Role, weights_dir: Path | None) -> Path | None:
    """Our own network of a role, beside another; None where it is the same one, or not there."""
    try:
        own = find_weights(OWN[role], weights_dir)
    except CheckpointError:
        return None
    return None if own == other else own


def check(network: KnownNetwork, path: Path) -> None:
    """Compare a file with what is known.

    Raises:
        CheckpointError: It cannot be read, or its bytes are others.
    """
    try:
        size, sha256 = path.stat().st_size, file_sha256(path)
    except OSError as error:
        raise CheckpointError(
            f"it cannot be read ({error.strerror})", where=path, todo="get it again"
        ) from error
    if size < network.size:
        raise CheckpointError(
            f"it is cut short: {size} of {network.size} bytes", where=path, todo="get it again"
        )
    if sha256 != network.sha256:
        raise CheckpointError(
            f"its bytes are not those known as {network.name} (sha256 {sha256[:12]}..., "
            f"not {network.sha256[:12]}...)",
            where=path,
            todo="get it again, or name it otherwise if it is another network",
        )


def import_file(path: Path) -> tuple[KnownNetwork, Path]:
    """Copy a file that is one of the known networks, whatever its name, into the user's cache.

    Returns:
        The network that the file is, and the path of the copy.

    Raises:
        CheckpointError: It is none of them, or cannot be read or copied.
    """
    try:
        sha256 = file_sha256(path)
    except OSError as error:
        raise CheckpointError(
            f"it cannot be read ({error.strerror})", where=path, todo="check the path"
        ) from error
    for network in KNOWN:
        if network.sha256 == sha256:
            with path.open("rb") as source:
                return network, _store(network, lambda stream: shutil.copyfileobj(source, stream))
    raise CheckpointError(
        f"it is none of the known networks (sha256 {sha256[:12]}...)",
        where=path,
        todo="use a pose network of your own by its path (--detector FILE or --estimator FILE), or say which image "
        "network it is (--as mobilenetv2)",
    )


def fetch(
    network: KnownNetwork,
    url: str | None = None,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Path:
    """Download a known network into the user's cache; it is kept only if its bytes are the known ones.

    Args:
        network: Network to download.
        url: Address to use instead of the known one; None for the known one.
        progress: Function that is told how many bytes have come.

    Raises:
        CheckpointError: The address gives nothing or other bytes, or it cannot be written.
    """
    address = url or network.url
    if not address:
        raise CheckpointError(
            "it ships with the package and cannot be fetched",
            where=network.name,
            todo="install the package anew",
        )

    def receive(stream: Any) -> None:
        done = 0
        with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as source:  # noqa: S310 - as asked for
            while block := source.read(_BLOCK):
                done += len(block)
                if done > network.size:
                    raise CheckpointError(
                        "it gives more bytes than the network has", where=address, todo="give another --url"
                    )
                stream.write(block)
                progress(network.name, done, network.size)

    try:
        return _store(network, receive)
    except (urllib.error.URLError, ValueError) as error:
        raise CheckpointError(
            f"the address gives nothing ({getattr(error, 'reason', error)})",
            where=address,
            todo=f"give another --url, or get the file from {network.source} and import it",
        ) from error


def _store(network: KnownNetwork, fill: Callable[[Any], None]) -> Path:
    folder = user_cache()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{network.name}.", delete=False) as stream:
            staged = Path(stream.name)
            try:
                fill(stream)
                stream.flush()
                check(network, staged)
                staged.chmod(0o644)
                staged.replace(folder / network.name)
            finally:
                with contextlib.suppress(OSError):
                    staged.unlink(missing_ok=True)
    except urllib.error.URLError:
        raise
    except OSError as error:
        raise CheckpointError(
            f"cannot write ({error.strerror or error})",
            where=folder,
            todo="free some space or check permissions",
        ) from error
    return folder / network.name
