"""Pose networks of our own, as `Detector` and `Estimator`: built from their card, weights from the same file."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from stagescore.card_files import build_filled, read_card_file, write_card_file
from stagescore.errors import CheckpointError
from stagescore.layers.norms import merge_batch_norms
from stagescore.media.scaling import fitted
from stagescore.pose.boxes import Detections, suppressed
from stagescore.pose.heatmaps import MOST_PEAKS, joints_of_maps, peaks_of_maps
from stagescore.pose.hrnet import HRNetTrunk, PoseNet
from stagescore.pose.network_card import NetworkSettings, PoseCard
from stagescore.pose.networks import NetworkIdentity
from stagescore.pose.small_detector import SmallDetector, boxes_of_answers
from stagescore.pose.small_trunk import SmallTrunk
from stagescore.skeleton import MPII_16

# Set by hand. Six people are what MoveNet multipose gives as well.
MOST_DIVERS = 6
_LEAST = 0.05  # least confidence of a box, as in `tracking`
_OVERLAP = 0.6  # IoU above which two boxes are one diver
_AT_ONCE = 32  # crops in one run of the network
_HEADER = "stagescore_pose_card"


def build_network(settings: NetworkSettings) -> PoseNet | SmallDetector:
    """A network with random weights."""
    if settings.trunk == "hrnet":
        return PoseNet(trunk=HRNetTrunk(variant=settings.variant))
    trunk = SmallTrunk(widths=settings.widths, blocks=settings.blocks)
    return PoseNet(trunk=trunk) if settings.finds == "joints" else SmallDetector(trunk=trunk)


def tensors_hash(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of all weights (names, types, shapes and bytes), in hexadecimal."""
    digest = sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def save_network(path: Path, tensors: Mapping[str, Tensor], card: PoseCard) -> None:
    """Write one file atomically; the card gets the hash of the tensors."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    signed = card.model_copy(update={"weights_hash": tensors_hash(tensors)})
    write_card_file(path, tensors, signed, _HEADER)


def note_figures(path: Path, figures: Mapping[str, Any]) -> None:
    """Write measured figures into the card of a network, in the place of earlier ones of the same names.

    Raises:
        CheckpointError: The file is no pose network of ours.
    """
    network, card = load_network(path)
    save_network(path, network.state_dict(), card.model_copy(update={"figures": {**card.figures, **figures}}))


def load_network(path: Path) -> tuple[PoseNet | SmallDetector, PoseCard]:
    """A network in eval mode, and its card.

    Raises:
        CheckpointError: The file cannot be read, is torn, is no pose network of ours, or was changed.
    """
    tensors, card = read_card_file(
        path, PoseCard, _HEADER, what="pose network", maker="stagescore pose train"
    )
    if tensors_hash(tensors) != card.weights_hash:
        raise CheckpointError(
            "the weights have changed since their card was written", where=path, todo="get the file again"
        )
    network = build_filled(lambda: build_network(card.network), tensors, path)
    return network.eval().to(memory_format=torch.channels_last), card


def open_own(path: Path) -> "OwnDetector | OwnEstimator":
    """The detector or estimator in a file of ours.

    Raises:
        CheckpointError: See `load_network`.
    """
    network, card = load_network(path)
    merge_batch_norms(network)
    identity = NetworkIdentity(
        name=path.name, kind=f"{card.name}, our own, {card.trained_on}", sha256=card.weights_hash
    )
    if isinstance(network, SmallDetector):
        return OwnDetector(network, card.network.size_px, identity)
    return OwnEstimator(network, card.network, identity)


class OwnEstimator:
    """A `PoseNet`, used on crops."""

    derived: Bool[np.ndarray, " joints"] = np.zeros(MPII_16.num_joints, dtype=np.bool_)
    gains_by_mirroring = True

    def __init__(
        self,
        network: PoseNet,
        settings: NetworkSettings,
        identity: NetworkIdentity,
        *,
        flip_test: bool = False,
    ) -> None:
        """Use a network.

        Args:
            network: Network in eval mode.
            settings: Settings that the network was built from.
            identity: Name, kind and hash of the network.
            flip_test: Whether to show it every crop and its mirror image.
        """
        self._network = network
        self._settings = settings
        self._flip_test = flip_test
        self.identity = identity
        self.crop_size_px = settings.size_px

    def with_flip_test(self) -> "OwnEstimator":
        """The same estimator with a flip test, slower and a little better."""
        return OwnEstimator(self._network, self._settings, self.identity, flip_test=True)

    def estimate(self, crops: Sequence[UInt8[np.ndarray, "h w 3"]]) -> Float[np.ndarray, "crops joints 3"]:
        """See `Estimator`."""
        return self._read(crops, joints_of_maps, (MPII_16.num_joints, 3))

    def peaks(
        self, crops: Sequence[UInt8[np.ndarray, "h w 3"]]
    ) -> Float[np.ndarray, "crops joints places 3"]:
        """See `PeakEstimator`."""
        return self._read(crops, peaks_of_maps, (MPII_16.num_joints, MOST_PEAKS, 3))

    def _read(
        self,
        crops: Sequence[UInt8[np.ndarray, "h w 3"]],
        places_of: Callable[[Tensor, float], Tensor],
        shape: tuple[int, ...],
    ) -> Float[np.ndarray, "..."]:
        """What some function finds in the maps, of such a shape for each crop."""
        read = self._network.flip_tested if self._flip_test else self._network
        found = [np.zeros((0, *shape))]
        with torch.inference_mode():
            for first in range(0, len(crops), _AT_ONCE):
                shown = torch.from_numpy(np.stack(crops[first : first + _AT_ONCE]))
                maps = read(shown.to(_device_of(self._network)))
                found.append(places_of(maps, self._settings.sigma).cpu().numpy().astype(np.float64))
        return np.concatenate(found)


class OwnDetector:
    """A `SmallDetector`, used on whole pictures."""

    def __init__(self, network: SmallDetector, size_px: tuple[int, int], identity: NetworkIdentity) -> None:
        """Use a network.

        Args:
            network: Network in eval mode.
            size_px: Width and height of the pictures that are shown to the network.
            identity: Name, kind and hash of the network.
        """
        self._network = network
        self._size_px = size_px
        self.identity = identity

    def detect(self, image: UInt8[np.ndarray, "h w 3"]) -> Detections:
        """At most six divers."""
        shown, scale = fitted(image, self._size_px)
        with torch.inference_mode():
            answers = self._network(torch.from_numpy(shown)[None].to(_device_of(self._network)))
            found = boxes_of_answers(answers, MOST_DIVERS)[0].cpu().numpy().astype(np.float64)
        people = suppressed(Detections(found[:, :4], found[:, 4]).above(_LEAST), _OVERLAP)
        return Detections(people.boxes_px / scale, people.confidence)


def _device_of(network: nn.Module) -> torch.device:
    return next(network.parameters()).device
