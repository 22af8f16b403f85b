"""What finds people and what finds joints: two small protocols, whatever network is behind them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, UInt8

from stagescore.pose.boxes import Detections

Role = Literal["detector", "estimator"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkIdentity:
    """Which network it was, for the results.

    Attributes:
        name: Name of the file.
        kind: What the network is, in words.
        sha256: SHA-256 of the file, or of the weights of a network of ours, in hexadecimal.
    """

    name: str
    kind: str
    sha256: str

    def as_json(self) -> dict[str, str]:
        """For results."""
        return asdict(self)

    def joined(self, other: "NetworkIdentity", what_for: str) -> "NetworkIdentity":
        """The identity of this network and another together.

        Args:
            other: Identity of the second network.
            what_for: What the second network is asked for, in words.
        """
        return NetworkIdentity(
            name=f"{self.name} and {other.name}",
            kind=f"{self.kind}; {what_for} {other.kind} as well",
            sha256=sha256(f"{self.sha256} {other.sha256}".encode()).hexdigest(),
        )


@runtime_checkable
class Detector(Protocol):
    """Finds people."""

    @property
    def identity(self) -> NetworkIdentity:
        """Which network it is."""

    def detect(self, image: UInt8[np.ndarray, "h w 3"]) -> Detections:
        """The people in a picture (RGB), in its pixels."""


@runtime_checkable
class Estimator(Protocol):
    """Finds the joints of the person in a crop."""

    @property
    def identity(self) -> NetworkIdentity:
        """Which network it is."""

    @property
    def crop_size_px(self) -> tuple[int, int]:
        """Width and height of the crops it is shown."""

    @property
    def derived(self) -> Bool[np.ndarray, " joints"]:
        """Which joints it does not find but derives from others."""

    @property
    def gains_by_mirroring(self) -> bool:
        """Whether the mirror image of a crop is worth its time where the first reading is unsure."""

    def estimate(self, crops: Sequence[UInt8[np.ndarray, "h w 3"]]) -> Float[np.ndarray, "crops joints 3"]:
        """MPII's joints: x and y in pixels of the crop (RGB), and a confidence, 0 to 1.

        Args:
            crops: Pictures of `crop_size_px`; all are shown to the network in as few runs as it allows.
        """


@runtime_checkable
class PeakEstimator(Estimator, Protocol):
    """An estimator that tells of every joint where else it may be: in a crop of two divers, on the other one."""

    def peaks(
        self, crops: Sequence[UInt8[np.ndarray, "h w 3"]]
    ) -> Float[np.ndarray, "crops joints places 3"]:
        """The highest places of each joint's map: x and y in pixels of the crop, and height, 0 to 1; 0 for none.

        Args:
            crops: Pictures of `crop_size_px`.
        """


@dataclass(frozen=True, slots=True)
class PoseNetworks:
    """What finds the diver and the joints.

    Attributes:
        detector: Network that finds people.
        estimator: Network that finds joints.
        second_detector: Detector that is asked whether there are two divers; None to ask nobody else.
    """

    detector: Detector
    estimator: Estimator
    second_detector: Detector | None = None

    @property
    def detectors(self) -> tuple[Detector, ...]:
        """All that find people."""
        return (self.detector,) if self.second_detector is None else (self.detector, self.second_detector)

    @property
    def identities(self) -> dict[Role, NetworkIdentity]:
        """Which networks they are."""
        boxes = self.detector.identity
        if self.second_detector is not None:
            boxes = boxes.joined(self.second_detector.identity, "for a second diver")
        return {"detector": boxes, "estimator": self.estimator.identity}

    @property
    def names(self) -> str:
        """Names of the files, for people."""
        return ", ".join(identity.name for identity in self.identities.values())

    def as_json(self) -> dict[str, dict[str, str]]:
        """For results."""
        return {role: identity.as_json() for role, identity in self.identities.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFiles:
    """Files of the pose networks.

    Attributes:
        detector: File of the detector: ONNX, or safetensors of ours.
        estimator: File of the estimator: ONNX, or safetensors of ours.
        second_detector: File of a detector that is asked for a second diver; None to ask nobody.
        second_estimator: File of an estimator that is asked where the first is unsure; None to ask nobody.
    """

    detector: Path
    estimator: Path
    second_detector: Path | None = None
    second_estimator: Path | None = None
