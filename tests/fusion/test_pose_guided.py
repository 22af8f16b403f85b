import math

import pytest
import torch

from stagescore.errors import ConfigError
from stagescore.fusion.missing_modality import VideoImputer
from stagescore.fusion.pose_guided import PoseGuidedFusion
from stagescore.tensors import Features


def fusion(mode: str = "weighted", skeleton_width: int | None = 5) -> PoseGuidedFusion:
    torch.manual_seed(0)
    return PoseGuidedFusion(visual_width=6, skeleton_width=skeleton_width, num_heads=2, mode=mode).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["weighted", "addition", "dot-product"])
def test_attention_is_equation_8(mode: str) -> None:
    module = fusion(mode)
    if module.alpha is not None:
        module.alpha.data.fill_(0.7)
    visual, skeleton = torch.randn(2, 3, 4, 6), torch.randn(2, 3, 4, 5)
    attention = module.attention(visual, skeleton)
    weight, bias = module.visual_qkv.weight, module.visual_qkv.bias
    assert module.skeleton_qk is not None
    guide_weight, guide_bias = module.skeleton_qk.weight, module.skeleton_qk.bias
    for dive in range(2):
        for stage in range(3):
            for head in range(2):
                own = slice(3 * head, 3 * head + 3)
                v, s = visual[dive, stage], skeleton[dive, stage]
                q, k = v @ weight[:6].T + bias[:6], v @ weight[6:12].T + bias[6:12]
                sq, sk = s @ guide_weight[:6].T + guide_bias[:6], s @ guide_weight[6:].T + guide_bias[6:]
                seen = q[:, own] @ k[:, own].T / math.sqrt(3)
                guide = sq[:, own] @ sk[:, own].T / math.sqrt(3)
                total = {
                    "weighted": seen + 0.7 * guide,
                    "addition": seen + guide,
                    "dot-product": seen * guide,
                }[mode]
                torch.testing.assert_close(attention[dive, stage, head], total.softmax(-1))


def test_output_is_equations_9_to_11() -> None:
    module = fusion()
    visual, skeleton = torch.randn(1, 1, 4, 6), torch.randn(1, 1, 4, 5)
    attention = module.attention(visual, skeleton)[0, 0]
    values = module.visual_qkv(visual)[0, 0, :, 12:]
    z = torch.cat([attention[head] @ values[:, 3 * head : 3 * head + 3] for head in range(2)], dim=-1)
    z = module.norm_attended(z + visual[0, 0])
    expected = module.norm_out(z + module.feed_forward(z))
    torch.testing.assert_close(module(visual, skeleton)[0, 0], expected)


def test_the_skeleton_can_be_attended_to_as_well() -> None:
    torch.manual_seed(0)
    module = PoseGuidedFusion(visual_width=6, skeleton_width=5, skeleton_values=True).eval()
    visual, skeleton = torch.randn(2, 1, 4, 6), torch.randn(2, 1, 4, 5)
    plain = fusion()
    plain.load_state_dict({k: v for k, v in module.state_dict().items() if k != "skeleton_value.weight"})
    torch.testing.assert_close(module(visual, skeleton), plain(visual, skeleton))  # zero to begin with
    assert module.skeleton_value is not None
    torch.nn.init.normal_(module.skeleton_value.weight)
    attention = module.attention(visual, skeleton)[0, 0]
    values = module.visual_qkv(visual)[0, 0, :, 12:] + skeleton[0, 0] @ module.skeleton_value.weight.T
    z = torch.cat([attention[head] @ values[:, 3 * head : 3 * head + 3] for head in range(2)], dim=-1)
    z = module.norm_attended(z + visual[0, 0])
    torch.testing.assert_close(module(visual, skeleton)[0, 0], module.norm_out(z + module.feed_forward(z)))
    both = module(visual, skeleton, torch.tensor([True, False]))
    torch.testing.assert_close(both[1], module(visual)[1])


def test_a_missing_skeleton_leaves_plain_self_attention() -> None:
    module = fusion()
    visual, skeleton = torch.randn(2, 3, 4, 6), torch.randn(2, 3, 4, 5)
    both = module(visual, skeleton, torch.tensor([True, False]))
    torch.testing.assert_close(both[0], module(visual, skeleton)[0])
    torch.testing.assert_close(both[1], module(visual)[1])
    assert not torch.allclose(both[1], module(visual, skeleton)[1])


def test_only_weighted_addition_learns_alpha() -> None:
    assert fusion("weighted").alpha is not None
    assert fusion("addition").alpha is None
    assert fusion(skeleton_width=None).alpha is None


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ConfigError, match="4 heads do not divide a width of 6"):
        PoseGuidedFusion(visual_width=6, skeleton_width=5, num_heads=4)


def test_stand_ins_replace_only_what_is_missing() -> None:
    torch.manual_seed(0)
    stand_ins = VideoImputer(skeleton_width=3, dynamic_width=4, static_width=5)
    features = Features(
        static=torch.randn(2, 7, 5),
        dynamic=torch.randn(2, 7, 4),
        skeleton=torch.randn(2, 7, 3),
        has_video=torch.tensor([True, False]),
        has_skeleton=torch.tensor([True, True]),
    )
    filled = stand_ins(features)
    assert features.static is not None and filled.static is not None and filled.dynamic is not None
    assert torch.equal(filled.static[0], features.static[0])
    assert features.skeleton is not None and stand_ins.static is not None
    assert torch.equal(filled.static[1], stand_ins.static(features.skeleton)[1])
    assert not torch.equal(filled.static[1], features.static[1])


def test_without_any_video_all_visual_features_come_from_the_skeleton() -> None:
    stand_ins = VideoImputer(skeleton_width=3, dynamic_width=4, static_width=5)
    unseen = Features(
        skeleton=torch.randn(2, 7, 3), has_video=torch.zeros(2).bool(), has_skeleton=torch.ones(2).bool()
    )
    filled = stand_ins(unseen)
    assert filled.static is not None and filled.static.shape == (2, 7, 5)
    assert filled.dynamic is not None and filled.dynamic.shape == (2, 7, 4)
