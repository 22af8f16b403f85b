"""ImageNet weights of the image backbones, from torchvision's or timm's files.

torchvision's and timm's ResNet-50 have the same names; timm's RegNetY-200MF has no torchvision twin. Both were
trained on pixels normalised by `IMAGENET_MEAN` and `IMAGENET_STD`.
"""

from pathlib import Path

from stagescore.encoders.backbones import REGNET_Y_200MF, RESNET_50, ImageBackbone
from stagescore.weights.foreign import fitting, read_tensors

PUBLISHED = {
    RESNET_50: "https://download.pytorch.org/models/resnet50-0676ba61.pth or "
    "https://huggingface.co/timm/resnet50.tv_in1k",
    REGNET_Y_200MF: "https://huggingface.co/timm/regnety_002.pycls_in1k",
}


def published_at(backbone: ImageBackbone) -> str:
    """Where the weights of a backbone are published."""
    return PUBLISHED.get(backbone.name, f"https://huggingface.co/timm/{backbone.name}")


def load_imagenet(backbone: ImageBackbone, path: Path) -> None:
    """Puts the weights of a file into a backbone; the file's classifier is left out.

    A Gate-Shift keeps what it has, since no public file has one.

    Args:
        backbone: the network.
        path: the file, `.pth` or `.safetensors`.

    Raises:
        CheckpointError: no such file, unreadable, or it does not fit.
    """
    published = published_at(backbone)
    own = backbone.net.state_dict()
    public = backbone.public_names()
    fitted = fitting(
        {public[name]: own[name] for name in public},
        read_tensors(path, published),
        where=path,
        published=published,
    )
    backbone.net.load_state_dict({**own, **{name: fitted[public[name]] for name in public}})
