"""Opens whatever network a file holds: ONNX by onnxruntime, safetensors of ours by PyTorch, each only when needed."""

from pathlib import Path

from stagescore.errors import CheckpointError
from stagescore.pose import onnx_networks
from stagescore.pose.estimator_cascade import EstimatorCascade
from stagescore.pose.networks import Detector, Estimator, NetworkFiles, PoseNetworks

OWN_SUFFIX = ".safetensors"
"""Suffix of files with networks of our own."""


def open_networks(files: NetworkFiles, threads: int | None = None) -> PoseNetworks:
    """What finds the diver and the joints.

    Args:
        files: Files of the networks.
        threads: Number of threads of each network; all cores by default.

    Raises:
        CheckpointError: A file is not what it is named to be.
        ConfigError: One needs onnxruntime, which is not installed.
    """
    estimator = open_estimator(files.estimator, threads)
    if files.second_estimator is not None:
        estimator = EstimatorCascade(estimator, open_estimator(files.second_estimator, threads))
    second = files.second_detector
    return PoseNetworks(
        open_detector(files.detector, threads),
        estimator,
        None if second is None else open_detector(second, threads),
    )


def open_detector(path: Path, threads: int | None = None) -> Detector:
    """The detector in a file.

    Args:
        path: File of the detector: ONNX, or safetensors of ours.
        threads: Number of threads it may use; for ours they are those of PyTorch in this process. All cores by default.

    Raises:
        CheckpointError: It is none.
        ConfigError: It needs onnxruntime, which is not installed.
    """
    if path.suffix != OWN_SUFFIX:
        return onnx_networks.open_detector(path, threads)
    network = _own(path, threads)
    if isinstance(network, Detector):
        return network
    raise CheckpointError("it finds joints, not people", where=path, todo="name a detector")


def open_estimator(path: Path, threads: int | None = None) -> Estimator:
    """The estimator in a file; as `open_detector`.

    Raises:
        CheckpointError: It is none.
        ConfigError: It needs onnxruntime, which is not installed.
    """
    if path.suffix != OWN_SUFFIX:
        return onnx_networks.open_estimator(path, threads)
    network = _own(path, threads)
    if isinstance(network, Estimator):
        return network
    raise CheckpointError("it finds people, not the joints of one", where=path, todo="name an estimator")


def _own(path: Path, threads: int | None) -> Detector | Estimator:
    import torch  # noqa: PLC0415 - takes a second, and networks in ONNX need none of it

    from stagescore.pose.own_networks import open_own  # noqa: PLC0415 - loads PyTorch

    if threads is not None:
        torch.set_num_threads(threads)
    return open_own(path)
