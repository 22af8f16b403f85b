"""What finds people and what finds joints: two small protocols, whatever network is behind them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, UInt8

from stagescore.pose.boxes import Detections


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkIdentity:
    """Which network it was, for the results.

    Attributes:
        name: file name.
        kind: what its inputs and outputs say it is, in words.
        sha256: of the file.
    """

    name: str
    kind: str
    sha256: str

    def as_json(self) -> dict[str, str]:
        """For results."""
        return asdict(self)


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
    def derived(self) -> Bool[np.ndarray, "16"]:
        """Which joints it does not find but derives from others."""

    @property
    def gains_by_mirroring(self) -> bool:
        """Whether the mirror image of a crop is worth its time where the first reading is unsure."""

    def estimate(self, crops: Sequence[UInt8[np.ndarray, "h w 3"]]) -> Float[np.ndarray, "crops 16 3"]:
        """MPII's joints: x and y in pixels of the crop (RGB), and a confidence, 0 to 1.

        Args:
            crops: of `crop_size_px`; all are shown to the network in as few runs as it allows.
        """


@dataclass(frozen=True, slots=True)
class PoseNetworks:
    """What finds the diver and the joints.

    Attributes:
        detector: finds people.
        estimator: finds joints.
    """

    detector: Detector
    estimator: Estimator

    @property
    def names(self) -> str:
        """Both, for people."""
        return f"{self.detector.identity.name}, {self.estimator.identity.name}"

    def as_json(self) -> dict[str, dict[str, str]]:
        """For results."""
        return {"detector": self.detector.identity.as_json(), "estimator": self.estimator.identity.as_json()}


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFiles:
    """Where they are.

    Attributes:
        detector: ONNX file, or safetensors of ours.
        estimator: likewise.
        second_opinion: of another estimator, where the first is unsure; None to ask nobody.
    """

    detector: Path
    estimator: Path
    second_opinion: Path | None = None
