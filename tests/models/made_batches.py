"""Films and batches of made-up dives, as every model of the registry takes them."""

import torch

from stagescore.batch import Batch, DiveLabels
from stagescore.diving import NumberClasses
from stagescore.losses.contrast import stage_contrast
from stagescore.losses.segmentation import segmentation_losses
from stagescore.models.base import LossFunctions
from stagescore.models.base_settings import BaseModelSettings
from stagescore.segmentation.stages import num_stages
from stagescore.tensors import DiveInputs

FRAMES = 24
FUNCTIONS = LossFunctions(segmentation=segmentation_losses, contrast=stage_contrast)


def seen(count: int, seed: int = 1) -> DiveInputs:
    random = torch.Generator().manual_seed(seed)
    return DiveInputs(
        frames=torch.randint(0, 256, (count, FRAMES, 3, 32, 48), generator=random, dtype=torch.uint8),
        joints=torch.rand(count, FRAMES, 16, 3, generator=random) - 0.5,
        has_video=torch.ones(count, dtype=torch.bool),
        has_skeleton=torch.ones(count, dtype=torch.bool),
    )


def batch_of(settings: BaseModelSettings, dives: DiveInputs, scores: list[float]) -> Batch:
    """A batch as training makes it: one group of all dives, or every dive by itself for a model that compares nothing."""
    stages, count = num_stages(settings.cut), len(scores)
    pairs = torch.combinations(torch.arange(count)) if settings.compares else torch.zeros(0, 2).long()
    groups = torch.zeros(count).long() if settings.compares else torch.arange(count)
    return Batch(
        seen=dives,
        labels=DiveLabels(
            dive_ids=tuple(f"dive/{row}" for row in range(count)),
            edges=torch.linspace(0, FRAMES, stages + 1).long().expand(count, -1),
            has_edges=torch.ones(count, dtype=torch.bool),
            scores=torch.tensor(scores),
            difficulties=torch.full((count,), torch.nan),
            targets=torch.tensor(scores),
            numbers=torch.tensor([NumberClasses.of("107B")]).expand(count, -1),
        ),
        pairs=pairs,
        pair_groups=torch.zeros(len(pairs)).long(),
        members=torch.stack([torch.arange(count), groups], 1),
        num_groups=int(groups.max()) + 1,
    )
