"""Opens whatever network a file holds: ONNX by onnxruntime, safetensors of ours by PyTorch, each only when needed."""

from pathlib import Path

from stagescore.errors import CheckpointError
from stagescore.pose import onnx_networks
from stagescore.pose.networks import Detector, Estimator

OWN_SUFFIX = ".safetensors"
"""Of networks of our own."""


def open_detector(path: Path, threads: int | None = None) -> Detector:
    """The detector in a file.

    Args:
        path: ONNX, or safetensors of ours.
        threads: it may use; for ours they are those of PyTorch in this process. All cores by default.

    Raises:
        CheckpointError: it is none.
        ConfigError: it needs onnxruntime, which is not installed.
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
        CheckpointError: it is none.
        ConfigError: it needs onnxruntime, which is not installed.
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
