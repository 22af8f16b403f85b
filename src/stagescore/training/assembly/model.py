"""The model of a run and its losses."""

from functools import partial

import torch

from stagescore.losses.contrast import ContrastLoss, info_nce, stage_contrast, triplet
from stagescore.losses.segmentation import segmentation_losses, smoothed_segmentation_losses
from stagescore.models import build
from stagescore.models.base import ActionModel, LossFunctions, SegmentationLoss
from stagescore.models.base_settings import BaseModelSettings
from stagescore.training.objective import Objective
from stagescore.training.settings import ObjectiveSettings


def make_model(settings: BaseModelSettings, *, seed: int) -> ActionModel:
    """A model with random weights, which the seed alone decides.

    Args:
        settings: Settings of the model.
        seed: Seed of the random weights (`RunSettings.begins_with`).
    """
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    model = build(settings)
    torch.set_rng_state(state)
    return model


def make_objective(model: ActionModel, settings: ObjectiveSettings) -> Objective:
    """The model together with its losses.

    Args:
        model: Model that is trained.
        settings: Weights of the losses, and which contrast and segmentation losses there are.
    """
    everything = settings.weights.model_dump()
    contrast: ContrastLoss
    if settings.contrast == "triplet":
        contrast = partial(triplet, margin=settings.margin, normalisation=settings.normalisation)
    else:
        loss = stage_contrast if settings.contrast == "stage" else info_nce
        contrast = partial(loss, temperature=settings.temperature, normalisation=settings.normalisation)
    segmentation: SegmentationLoss = segmentation_losses
    if settings.smoothing_frames:
        segmentation = partial(smoothed_segmentation_losses, width_frames=settings.smoothing_frames)
    return Objective(
        model=model,
        functions=LossFunctions(segmentation=segmentation, contrast=contrast),
        weights={name: everything[name] for name in model.loss_names},
    )
