"""Joints as heat maps and back: Gaussian targets, their loss, and places finer than a cell.

A map's cell covers `stride` x `stride` pixels of the crop; places are counted from the crop's corner, so the middle
of the first cell lies at `stride / 2`.
Source: F. Zhang et al., "Distribution-Aware Coordinate Representation for Human Pose Estimation" (DARK), CVPR 2020.
Departs: second differences of the nearest cells (exact for a Gaussian as well).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

STRIDE = 4
"""Pixels of the crop in a cell, along each edge: the finest features of HRNet have a quarter of the resolution."""
MOST_PEAKS = 4
"""Places of a joint's map that are told. Set by hand."""
_LEAST_PEAK = 0.04
"""Least height of such a place. Set by hand."""
_LEAST = 1e-6
_FARTHEST = 1.0
"""Cells; the refined place is no farther from the highest cell. Set by hand."""


def gaussian_maps(
    points_px: Float[Tensor, "crops points 2"],
    shown: Bool[Tensor, "crops points"],
    size_px: tuple[int, int],
    sigma: float,
) -> Float[Tensor, "crops points rows columns"]:
    """A Gaussian of height 1 around each point.

    Args:
        points_px: Places of the points (x, y), in pixels of the crop.
        shown: True for points that have a Gaussian; the maps of others are zero everywhere.
        size_px: Width and height of the crop, in pixels.
        sigma: Sigma of the Gaussian, in cells.
    """
    columns, rows = size_px[0] // STRIDE, size_px[1] // STRIDE
    across, down = (torch.arange(n, device=points_px.device) + 0.5 for n in (columns, rows))
    cells = torch.where(shown[..., None], points_px / STRIDE, -1e3)
    x = torch.exp(-((across - cells[..., :1]) ** 2) / (2 * sigma**2))
    y = torch.exp(-((down - cells[..., 1:]) ** 2) / (2 * sigma**2))
    return y[..., :, None] * x[..., None, :]


def map_loss(
    maps: Float[Tensor, "crops points rows columns"],
    wanted: Float[Tensor, "crops points rows columns"],
    known: Bool[Tensor, "crops points"],
    sigma: float,
) -> Float[Tensor, ""]:
    """Mean squared error of the maps that are known, in shares of a Gaussian's own square.

    An empty map in place of a Gaussian costs 1.
    """
    errors = (maps - wanted).square().sum((-2, -1)) / (torch.pi * sigma**2)
    return (errors * known).sum() / known.sum().clamp(min=1)


def joints_of_maps(
    maps: Float[Tensor, "crops points rows columns"], sigma: float
) -> Float[Tensor, "crops points 3"]:
    """Where each map is highest, by a Taylor step on the logarithm of the blurred map.

    Args:
        maps: Heat maps as a network gives them.
        sigma: Sigma of the Gaussians that the network was trained with, in cells; the blur is half as wide.

    Returns:
        Place of each joint (x, y) in pixels of the crop, and the map's height there, 0 to 1.
    """
    rows, columns = maps.shape[-2:]
    smooth = _blurred(maps.clamp(min=0), sigma / 2).flatten(2)
    highest = smooth.argmax(-1)
    # The step needs neighbours; at the rim they are those of the next cell inside.
    row = (highest // columns).clamp(1, rows - 2)
    column = (highest % columns).clamp(1, columns - 2)
    around = [down * columns + across for down in (-1, 0, 1) for across in (-1, 0, 1)]
    places = (row * columns + column)[..., None] + torch.tensor(around, device=maps.device)
    logs = smooth.gather(-1, places).clamp(min=_LEAST).log()
    upper_left, upper, upper_right, left, here, right, lower_left, lower, lower_right = logs.unbind(-1)
    slope_x, slope_y = (right - left) / 2, (lower - upper) / 2
    bend_x = right - 2 * here + left
    bend_y = lower - 2 * here + upper
    bend_xy = (lower_right - lower_left - upper_right + upper_left) / 4
    volume = bend_x * bend_y - bend_xy**2
    is_peak = (bend_x < 0) & (volume > _LEAST)
    safe = torch.where(is_peak, volume, 1.0)
    step_x = (bend_xy * slope_y - bend_y * slope_x) / safe
    step_y = (bend_xy * slope_x - bend_x * slope_y) / safe
    # From the clamped cell a rim place is up to a cell farther away.
    steps = [
        torch.where(is_peak, step, 0.0).clamp(-2 * _FARTHEST, 2 * _FARTHEST) for step in (step_x, step_y)
    ]
    refined = torch.stack((column + 0.5 + steps[0], row + 0.5 + steps[1]), dim=-1) * STRIDE
    height = maps.flatten(2).gather(-1, highest[..., None])[..., 0].clamp(0, 1)
    return torch.cat((refined, height[..., None]), dim=-1)


def peaks_of_maps(
    maps: Float[Tensor, "crops points rows columns"], sigma: float
) -> Float[Tensor, "crops points places 3"]:
    """The highest places of each map, as the middles of their cells.

    Args:
        maps: Heat maps as a network gives them.
        sigma: Sigma of the Gaussians that the network was trained with, in cells; the blur is half as wide.

    Returns:
        Place (x, y) in pixels of the crop and height, 0 to 1, the highest first; height 0 where there are fewer.
    """
    columns = maps.shape[-1]
    smooth = _blurred(maps.clamp(min=0), sigma / 2)
    is_peak = (functional.max_pool2d(smooth, 3, 1, 1) == smooth) & (smooth >= _LEAST_PEAK)
    height, cell = torch.where(is_peak, smooth, 0.0).flatten(2).topk(MOST_PEAKS, dim=-1)
    x, y = ((axis + 0.5) * STRIDE for axis in (cell % columns, cell // columns))
    return torch.stack((x, y, height.clamp(0, 1)), dim=-1)


def _blurred(maps: Tensor, sigma: float) -> Tensor:
    reach = max(round(3 * sigma), 1)
    weights = torch.exp(-(torch.arange(-reach, reach + 1, device=maps.device) ** 2) / (2 * sigma**2))
    weights = (weights / weights.sum()).to(maps.dtype)
    flat = maps.flatten(0, 1)[:, None]
    flat = functional.conv2d(flat, weights.view(1, 1, 1, -1), padding=(0, reach))
    flat = functional.conv2d(flat, weights.view(1, 1, -1, 1), padding=(reach, 0))
    return flat.view(maps.shape)
