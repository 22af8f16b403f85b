"""I3D's weights in both public spellings, against a second implementation that reads the files' own names."""

import pytest
import torch
from torch.nn import functional

from stagescore.encoders.i3d import I3D
from stagescore.errors import CheckpointError
from stagescore.weights.kinetics import load_kinetics, read_kinetics

MIXED = {  # block: channels in, and widths of the six units, as published
    "3b": (192, 64, 96, 128, 16, 32, 32),
    "3c": (256, 128, 128, 192, 32, 96, 64),
    "4b": (480, 192, 96, 208, 16, 48, 64),
    "4c": (512, 160, 112, 224, 24, 64, 64),
    "4d": (512, 128, 128, 256, 24, 64, 64),
    "4e": (512, 112, 144, 288, 32, 64, 64),
    "4f": (528, 256, 160, 320, 32, 128, 128),
    "5b": (832, 256, 160, 320, 32, 128, 128),
    "5c": (832, 384, 192, 384, 48, 128, 128),
}
UNITS = {
    "hassony2": ("branch_0", "branch_1.0", "branch_1.1", "branch_2.0", "branch_2.1", "branch_3.1"),
    "piergiaj": ("b0", "b1a", "b1b", "b2a", "b2b", "b3b"),
}
NORM = {"hassony2": "batch3d", "piergiaj": "bn"}
EPSILON = {"hassony2": 1e-5, "piergiaj": 1e-3}
SPELLINGS = tuple(UNITS)


def stage_name(spelling, name):
    return name.lower() if spelling == "hassony2" else name


def units():
    """(stage, index of the unit in a block or None, channels in, channels out, kernel)"""
    yield "Conv3d_1a_7x7", None, 3, 64, 7
    yield "Conv3d_2b_1x1", None, 64, 64, 1
    yield "Conv3d_2c_3x3", None, 64, 192, 3
    for block, (inside, b0, b1a, b1b, b2a, b2b, b3) in MIXED.items():
        shapes = ((inside, b0), (inside, b1a), (b1a, b1b), (inside, b2a), (b2a, b2b), (inside, b3))
        for index, (a, b) in enumerate(shapes):
            yield f"Mixed_{block}", index, a, b, 3 if index in (2, 4) else 1


def unit_name(spelling, stage, index):
    name = stage_name(spelling, stage)
    return name if index is None else f"{name}.{UNITS[spelling][index]}"


@pytest.fixture(scope="module")
def numbers():
    """Random numbers for each unit: convolution, then scale, shift, mean and variance of the norm."""
    torch.manual_seed(0)
    return {
        (stage, index): (
            torch.randn(b, a, k, k, k) * (2 / (a * k**3)) ** 0.5,
            torch.rand(b) * 0.1 + 0.05,
            torch.randn(b) * 0.1,
            torch.randn(b) * 0.1,
            torch.rand(b) * 0.02 + 5e-4,  # small enough for the epsilons to matter
        )
        for stage, index, a, b, k in units()
    }


def spelled(numbers, spelling):
    state = {}
    for (stage, index), (conv, *norm) in numbers.items():
        name = unit_name(spelling, stage, index)
        state[f"{name}.conv3d.weight"] = conv
        parts = ("weight", "bias", "running_mean", "running_var")
        state |= {f"{name}.{NORM[spelling]}.{part}": v for part, v in zip(parts, norm, strict=True)}
    classifier = "conv3d_0c_1x1.conv3d" if spelling == "hassony2" else "logits.conv3d"
    return state | {
        f"{classifier}.weight": torch.zeros(400, 1024, 1, 1, 1),
        f"{classifier}.bias": torch.zeros(400),
    }


def padded(maps, spelling, kernel, stride):
    """As the public codes pad: piergiaj by the size, hassony2 by the stride alone, but for odd clip lengths."""
    amounts = []
    for axis in (2, 1, 0):
        n, k, s = maps.shape[2 + axis], kernel[axis], stride[axis]
        total = max(k - (n % s or s), 0) if spelling == "piergiaj" else max(k - s, 0)
        amounts += [total // 2, total - total // 2]
    return functional.pad(maps, amounts)


@torch.no_grad()
def second_i3d(state, spelling, epsilon, maps):
    def unit(maps, stage, index=None, kernel=1, stride=1):
        name = unit_name(spelling, stage, index)
        conv = state[f"{name}.conv3d.weight"]
        maps = functional.conv3d(padded(maps, spelling, [kernel] * 3, [stride] * 3), conv, stride=stride)
        norm = f"{name}.{NORM[spelling]}."
        mean, variance, scale, shift = (
            state[norm + part].view(-1, 1, 1, 1) for part in ("running_mean", "running_var", "weight", "bias")
        )
        return ((maps - mean) / (variance + epsilon).sqrt() * scale + shift).relu()

    def pool(maps, kernel, stride):
        maps = padded(maps, spelling, kernel, stride)
        return functional.max_pool3d(maps, kernel, stride, ceil_mode=spelling == "hassony2")

    def mixed(maps, block):
        stage = f"Mixed_{block}"
        return torch.cat(
            (
                unit(maps, stage, 0),
                unit(unit(maps, stage, 1), stage, 2, kernel=3),
                unit(unit(maps, stage, 3), stage, 4, kernel=3),
                unit(pool(maps, (3, 3, 3), (1, 1, 1)), stage, 5),
            ),
            dim=1,
        )

    maps = pool(unit(maps, "Conv3d_1a_7x7", kernel=7, stride=2), (1, 3, 3), (1, 2, 2))
    maps = pool(unit(unit(maps, "Conv3d_2b_1x1"), "Conv3d_2c_3x3", kernel=3), (1, 3, 3), (1, 2, 2))
    for block in MIXED:
        if block == "4b":
            maps = pool(maps, (3, 3, 3), (2, 2, 2))
        if block == "5b":
            maps = pool(maps, (2, 2, 2), (2, 2, 2))
        maps = mixed(maps, block)
    return maps


def saved(tmp_path, state, name="i3d.pt"):
    torch.save(state, tmp_path / name)
    return tmp_path / name


@pytest.fixture(scope="module")
def files(numbers, tmp_path_factory):
    """A file in each spelling."""
    folder = tmp_path_factory.mktemp("kinetics")
    return {s: saved(folder, spelled(numbers, s), f"{s}.pt") for s in SPELLINGS}


@torch.inference_mode()
def run(path, maps, *, epsilon=None, trunk=None):
    trunk = (I3D() if trunk is None else trunk).eval()
    load_kinetics(trunk, read_kinetics(path, epsilon=epsilon))
    return trunk(maps)


def difference(first, second):
    """Largest difference, as a share of the largest answer."""
    return float((first - second).abs().amax() / second.abs().amax())


@pytest.fixture(scope="module", params=[(8, 112, 112), (9, 48, 80)], ids=str)
def clip(request):
    torch.manual_seed(1)
    return torch.rand(1, 3, *request.param) * 2 - 1


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_it_computes_what_the_public_code_computes(numbers, files, spelling, clip):
    if spelling == "hassony2" and clip.shape[2] % 2:
        pytest.skip("its padding departs from TensorFlow's there")
    expected = second_i3d(spelled(numbers, spelling), spelling, EPSILON[spelling], clip)
    answer = run(files[spelling], clip)
    assert expected.abs().amax() > 0.1
    assert difference(answer, expected) < 1e-3


@pytest.mark.parametrize("epsilon", [1e-5, 1e-3])
def test_the_same_weights_in_both_spellings_give_the_same(files, epsilon, clip):
    assert torch.equal(*(run(files[spelling], clip, epsilon=epsilon) for spelling in SPELLINGS))


def test_a_network_moved_to_the_other_epsilon_is_still_the_same(numbers, files, clip, tmp_path):
    """hassony2's numbers, and the same network as piergiaj's code would need it."""
    moved = {
        key: (*rest, variance + EPSILON["hassony2"] - EPSILON["piergiaj"])
        for key, (*rest, variance) in numbers.items()
    }
    first = run(files["hassony2"], clip)
    second = run(saved(tmp_path, spelled(moved, "piergiaj"), "b.pt"), clip)
    assert difference(first, second) < 1e-3


def test_the_epsilon_comes_with_the_file_whatever_the_network_has(files, clip):
    path = files["piergiaj"]
    assert read_kinetics(path).epsilon == 1e-3
    answers = [run(path, clip, trunk=I3D(epsilon=e)) for e in (1e-5, 1e-3)]
    assert difference(*answers) < 1e-3
    wrong = run(path, clip, epsilon=1e-5)
    assert difference(wrong, answers[0]) > 1e-2  # so it does matter


def test_the_first_stages_can_be_loaded_alone(files):
    path = files["hassony2"]
    maps = torch.rand(1, 3, 16, 32, 32)
    whole, part = I3D().eval(), I3D(last="mixed_3c").eval()
    for trunk in (whole, part):
        load_kinetics(trunk, read_kinetics(path))
    with torch.inference_mode():
        assert torch.equal(part(maps), whole(maps, until="mixed_3c"))


def test_wrappings_and_counters_are_no_obstacle(numbers, tmp_path):
    state = {f"module.{key}": value for key, value in spelled(numbers, "piergiaj").items()}
    state["module.Conv3d_1a_7x7.bn.num_batches_tracked"] = torch.tensor(5)
    weights = read_kinetics(saved(tmp_path, {"state_dict": state}))
    assert weights.spelling == "piergiaj"
    load_kinetics(I3D(), weights)


def test_errors_name_keys_shapes_and_where_the_file_is_published(numbers, tmp_path):
    state = spelled(numbers, "hassony2")
    with pytest.raises(
        CheckpointError, match=r"not found; published at https://github.com/hassony2/.*piergiaj"
    ):
        read_kinetics(tmp_path / "model_rgb.pth")
    flow = state | {"conv3d_1a_7x7.conv3d.weight": torch.zeros(64, 2, 7, 7, 7)}
    with pytest.raises(
        CheckpointError, match=r"conv3d_1a_7x7.conv.weight .64 x 2 x 7 x 7 x 7 instead of 64 x 3"
    ):
        run(saved(tmp_path, flow), None)
    del state["mixed_4b.branch_1.1.batch3d.running_var"]
    with pytest.raises(CheckpointError, match=r"mixed_4b.branch_1.1.norm.running_var .missing.*github"):
        run(saved(tmp_path, state), None)
    strange = spelled(numbers, "hassony2") | {"attention.weight": torch.zeros(3)}
    with pytest.raises(CheckpointError, match=r"no stages.attention.weight"):
        run(saved(tmp_path, strange), None)
    with pytest.raises(CheckpointError, match=r"has none of .*, but fc.weight; I3D is published at https"):
        read_kinetics(saved(tmp_path, {"fc.weight": torch.zeros(2)}))
