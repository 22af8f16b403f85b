"""Speed figures: what is counted, and what the command prints."""

import json

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from stagescore.cli.main import app
from stagescore.evaluation import encoder_speed
from stagescore.evaluation.encoder_speed import (
    MeasuredEncoder,
    measure_speed,
    product_rate,
    published_encoders,
)


@pytest.fixture
def tiny():
    return MeasuredEncoder(name="tiny", encoder=nn.Conv2d(3, 8, 3, padding=1), given=torch.rand(2, 3, 10, 12))


def test_a_multiply_add_is_two_operations(tiny):
    assert tiny.gflop() == pytest.approx(2 * (3 * 9) * 8 * 2 * 10 * 12 / 1e9)


def test_the_published_encoders_cost_what_is_known_of_them():
    # Method, and 4.1 GMAC at 224 x 224 for ResNet-50: a quarter of it for each of 96 frames.
    # 0.30 GMAC at 224 x 224 for MobileNetV2 without its classifier.
    i3d, resnet, mobilenet = (item.gflop() for item in published_encoders())
    assert i3d == pytest.approx(126, rel=0.01)
    assert resnet == pytest.approx(206, rel=0.01)
    assert mobilenet == pytest.approx(2 * 96 * 0.30 * (144 * 112) / 224**2, rel=0.1)


def test_shares_and_seconds_belong_together(tiny):
    (speed,), rate = measure_speed([tiny], rounds=1)
    assert speed.share == pytest.approx(speed.gflop / speed.seconds / rate)
    assert speed.plain_share == pytest.approx(speed.gflop / speed.plain_seconds / rate)
    assert product_rate(side=64, seconds=0.01) > 0


def test_the_command_prints_one_document(monkeypatch, tiny):
    monkeypatch.setattr(encoder_speed, "published_encoders", lambda: [tiny])
    monkeypatch.setattr(encoder_speed, "small_encoders", lambda: [])
    monkeypatch.setattr(encoder_speed, "_PRODUCT_SECONDS", 0.0)
    done = CliRunner().invoke(app, ["bench", "encoders", "--rounds", "1", "--json", "--quiet"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert [row["name"] for row in document["encoders"]] == ["tiny"]
    assert set(document["encoders"][0]) == {
        "name", "size", "gflop", "seconds", "share", "plain_seconds", "plain_share",
    }  # fmt: skip
    assert document["product_gflop_per_second"] > 0
