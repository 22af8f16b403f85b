"""ImageNet files of torchvision and timm in the image backbones."""

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file

from stagescore.encoders.backbones import REGNET_Y_200MF, ImageBackbone
from stagescore.errors import CheckpointError
from stagescore.weights.imagenet import load_imagenet


def randomised(net):
    torch.manual_seed(0)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    return net.eval()


@torch.inference_mode()
def test_torchvisions_resnet_50(tmp_path):
    net = randomised(torchvision.models.resnet50())
    torch.save(net.state_dict(), tmp_path / "resnet50.pth")
    backbone = ImageBackbone()
    load_imagenet(backbone, tmp_path / "resnet50.pth")
    images = torch.randn(2, 3, 112, 112)
    expected = torch.nn.Sequential(*list(net.children())[:-2])(images)
    torch.testing.assert_close(backbone(images, 1), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "gate_shift"), [("resnet50", False), (REGNET_Y_200MF, False), (REGNET_Y_200MF, True)]
)
@torch.inference_mode()
def test_timms_files(name, gate_shift, tmp_path):
    net = randomised(timm.create_model(name, pretrained=False))
    save_file(net.state_dict(), tmp_path / "model.safetensors")
    backbone = ImageBackbone(name=name, gate_shift=gate_shift)
    load_imagenet(backbone, tmp_path / "model.safetensors")
    images = torch.randn(2, 3, 112, 112)
    answer, expected = backbone(images, 2), net.forward_features(images)
    if gate_shift:  # at first nothing is shifted, but the moving channels are interleaved
        own, public = backbone.net.state_dict(), net.state_dict()
        for ours, theirs in backbone.public_names().items():
            assert torch.equal(own[ours], public[theirs])
        assert set(backbone.public_names().values()) == {k for k in public if not k.startswith("head.fc")}
    else:
        torch.testing.assert_close(answer, expected, atol=1e-4, rtol=1e-4)


def test_old_files_without_counters_are_read(tmp_path):
    state = torchvision.models.resnet50().state_dict()
    torch.save({k: v for k, v in state.items() if "num_batches" not in k}, tmp_path / "old.pth")
    backbone = ImageBackbone()
    load_imagenet(backbone, tmp_path / "old.pth")
    assert torch.equal(backbone.net.conv1.weight, state["conv1.weight"])


def test_another_networks_file_is_refused(tmp_path):
    torch.save(torchvision.models.resnet18().state_dict(), tmp_path / "resnet18.pth")
    with pytest.raises(
        CheckpointError, match=r"layer1.0.conv1.weight .64 x 64 x 3 x 3 instead of 64 x 64 x 1 x 1|missing"
    ) as caught:
        load_imagenet(ImageBackbone(), tmp_path / "resnet18.pth")
    assert "https://download.pytorch.org/models/resnet50-0676ba61.pth" in str(caught.value)
    with pytest.raises(
        CheckpointError, match=r"not found; published at https://huggingface.co/timm/regnety_002"
    ):
        load_imagenet(ImageBackbone(name=REGNET_Y_200MF), tmp_path / "regnety.pth")
