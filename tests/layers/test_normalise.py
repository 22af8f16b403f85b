"""Input ranges: the numbers of the published networks, and that they travel with the weights."""

import torch

from stagescore.layers.normalise import Normalise


def test_imagenet_range_is_that_of_the_published_recipe():
    pixels = torch.full((2, 3, 4, 5), 128, dtype=torch.uint8)
    answer = Normalise()(pixels)
    for channel, (mean, std) in enumerate(((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))):
        torch.testing.assert_close(answer[:, channel], torch.full((2, 4, 5), (128 / 255 - mean) / std))


def test_bytes_and_floats_of_the_same_picture_agree():
    pixels = torch.randint(0, 256, (1, 2, 3, 4, 5), dtype=torch.uint8)
    torch.testing.assert_close(Normalise.symmetric()(pixels), pixels.float() / 127.5 - 1)
    torch.testing.assert_close(Normalise.symmetric()(pixels.float()), pixels.float() / 127.5 - 1)


def test_the_range_is_loaded_with_the_weights():
    other = Normalise()
    other.load_state_dict(Normalise.symmetric().state_dict())
    pixels = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    assert other(pixels).flatten(1).tolist() == [[-1.0] * 3, [1.0] * 3]
