"""How unlike its training dives a dive is to a network, measured in the network's own features.

Source: the Mahalanobis distance of features (Lee et al., "A Simple Unified Framework for Detecting
Out-of-Distribution Samples", NeurIPS 2018) under the covariance of probabilistic PCA (Tipping and Bishop, 1999): the
largest principal components have their own variances, all other directions share one, so that a dive which leaves the
plane of the training dives is far from them too, and a few hundred dives are enough. Not part of the paper.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from stagescore.errors import CheckpointError, DataError
from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.tensors import Representation

NUM_COMPONENTS = 24
"""Largest number of principal components that have a variance of their own. Set by hand."""
LEAST_DIVES = 20
"""Fewer dives show neither how dives vary nor how far the farthest 5 % of them are."""
FAR_SHARE = 0.95
"""Share of the held-out dives that are nearer than distance 1. Set by hand."""
_FOLDS = 10
"""Number of parts in which training dives are held out in turn. Set by hand."""
_ROUNDED = 1e-9
"""Share of all variance up to which a direction has none but that of rounding."""
FAMILIARITY = "familiarity."
"""What the names of its tensors begin with, in a file that holds the network's own as well."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Familiarity:
    """Mean and covariance of the training dives' features, and how far held-out dives are from them.

    Attributes:
        mean: Mean of the descriptors (`descriptors`).
        axes: Principal components of the descriptors, each divided by the standard deviation along it.
        rest_sd: Standard deviation of the descriptors along every direction that is no component.
        far: Raw distance that `FAR_SHARE` of the held-out dives stay below; the unit of `distances`.
        num_dives: Number of training dives.
        num_held_out: Number of held-out dives; 0 where the training dives were held out in turn.
    """

    mean: Float[Tensor, " width"]
    axes: Float[Tensor, "components width"]
    rest_sd: float
    far: float
    num_dives: int
    num_held_out: int

    @classmethod
    def fit(
        cls,
        training: Float[Tensor, "dives width"],
        held_out: Float[Tensor, "other_dives width"] | None = None,
        *,
        num_components: int = NUM_COMPONENTS,
    ) -> "Familiarity":
        """Fit on training dives.

        Args:
            training: Descriptors of dives that the network was trained on.
            held_out: Descriptors of dives that the network was not trained on; without them the training dives are held
                out of the fit in turn, which does not see how much the network has learned them by heart.
            num_components: Largest number of principal components with a variance of their own; fewer where there are
                few dives.

        Raises:
            DataError: Fewer than `LEAST_DIVES` training dives, or no held-out dive.
        """
        count = len(training)
        if count < LEAST_DIVES or (held_out is not None and not len(held_out)):
            raise DataError(
                f"{count} training dives cannot show which films are familiar",
                todo=f"give at least {LEAST_DIVES}, and held-out dives",
            )
        training = training.double()
        mean, axes, rest = _components(training, num_components)
        if held_out is not None:
            raw = _raw_distances(held_out.double(), mean, axes, rest)
        else:
            # By row, so that the result depends on the order of the dives alone.
            raw = torch.empty(count, dtype=torch.float64)
            for fold in range(_FOLDS):
                inside = torch.arange(count) % _FOLDS == fold
                raw[inside] = _raw_distances(
                    training[inside], *_components(training[~inside], num_components)
                )
        return cls(
            mean=mean.float(),
            axes=axes.float(),
            rest_sd=rest,
            far=max(float(torch.quantile(raw, FAR_SHARE)), 1e-6),
            num_dives=count,
            num_held_out=0 if held_out is None else len(held_out),
        )

    @classmethod
    def of_bank(cls, bank: ExemplarBank) -> "Familiarity | None":
        """Familiarity with the exemplars of weights that were packed without one; None where they are too few."""
        return cls.fit(descriptors(bank.stages)) if len(bank) >= LEAST_DIVES else None

    def distances(self, dives: Float[Tensor, "dives width"]) -> Float[Tensor, " dives"]:
        """How unlike the training dives some dives are; 1 is as far as the farthest 5 % of the held-out dives.

        Args:
            dives: Descriptors of the dives (`descriptors`).
        """
        raw = _raw_distances(dives.double().cpu(), self.mean.double(), self.axes.double(), self.rest_sd)
        return (raw / self.far).float()

    def tensors(self) -> dict[str, Tensor]:
        """What a file of weights holds beside the network's own tensors."""
        return {f"{FAMILIARITY}mean": self.mean.contiguous(), f"{FAMILIARITY}axes": self.axes.contiguous()}

    def as_json(self) -> dict[str, float]:
        """Its numbers by name, for the card of the weights."""
        return {
            "rest_sd": self.rest_sd,
            "far": self.far,
            "num_dives": self.num_dives,
            "num_held_out": self.num_held_out,
        }

    @classmethod
    def taken_from(cls, tensors: dict[str, Tensor], content: Mapping[str, float]) -> "Familiarity | None":
        """Take its tensors out of those of a file of weights; None where there are none.

        Args:
            tensors: Tensors of the file, from which those of familiarity are taken; what is left belongs to the
                network.
            content: Numbers of familiarity in the card.

        Raises:
            CheckpointError: The file has half of it.
        """
        mean, axes = (tensors.pop(f"{FAMILIARITY}{name}", None) for name in ("mean", "axes"))
        if mean is None and axes is None and not content:
            return None
        if mean is None or axes is None or not _fit(mean, axes) or not _whole(content):
            raise CheckpointError(
                "what is known of the familiarity of films is not whole",
                where="card of the weights",
                todo="pack the weights again",
            )
        return cls(
            mean=mean.float(),
            axes=axes.float(),
            rest_sd=content["rest_sd"],
            far=content["far"],
            num_dives=int(content["num_dives"]),
            num_held_out=int(content["num_held_out"]),
        )


def descriptors(*views: Representation) -> Float[Tensor, "dives width"]:
    """One vector of each dive: the mean over the steps of each stage, stage after stage, in the static branch.

    Models without a static branch give their fused features.

    Args:
        views: Representations of the same dives, seen plain and, where the network does so, mirrored; the mean is
            taken.
    """
    return torch.stack([view.described.float().cpu() for view in views]).mean(dim=0)


def film_share(distance: float, scale: float = 1.0) -> float:
    """How much of the score comes from the film: 1 up to distance 1, then falling to 0.

    Args:
        distance: Distance from the training dives (`Familiarity.distances`).
        scale: Distance beyond 1 at which the share has fallen to one half.

    >>> film_share(0.7), film_share(2.0), round(film_share(3.0), 9)
    (1.0, 0.5, 0.2)
    """
    # The scale of 1 is set by hand and not fitted.
    beyond = max(distance - 1.0, 0.0)
    return 1.0 / (1.0 + (beyond / scale) ** 2)


def _components(
    dives: Float[Tensor, "dives width"], num_components: int
) -> tuple[Float[Tensor, " width"], Float[Tensor, "components width"], float]:
    """Mean, scaled principal components, and the standard deviation along all other directions."""
    count, width = dives.shape
    mean = dives.mean(dim=0)
    centred = dives - mean
    # Of the products of the dives with each other: a quarter of the time of singular values, for the same few directions.
    squares, turns = torch.linalg.eigh(centred @ centred.T)
    variances = squares.flip(0)[: min(count, width)].clamp(min=0.0) / (count - 1)
    total = float(variances.sum())
    # At least four dives for each component: set by hand. Where dives repeat each other, some directions have no variance but rounding.
    real = int((variances > _ROUNDED * total).sum())
    kept = max(min(num_components, count // 4, width - 1, real), 1)
    # The other directions share what variance is left; never none, or rounding would be infinitely far.
    rest = max(float(variances[kept:].sum()) / max(width - kept, 1), _ROUNDED * total, 1e-12)
    # A component never counts for less than the directions that were left out.
    sds = variances[:kept].clamp(min=rest).sqrt()
    directions = functional.normalize(turns.flip(1)[:, :kept].T @ centred, dim=1)
    return mean, directions / sds[:, None], rest**0.5


def _raw_distances(
    dives: Float[Tensor, "dives width"],
    mean: Float[Tensor, " width"],
    axes: Float[Tensor, "components width"],
    rest_sd: float,
) -> Float[Tensor, " dives"]:
    away = dives - mean
    along = away @ axes.T
    lengths = axes.norm(dim=1).clamp(
        min=torch.finfo(axes.dtype).tiny
    )  # dives that are all alike have no direction
    inside = (along / lengths).square().sum(dim=1)
    outside = (away.square().sum(dim=1) - inside).clamp(min=0.0)
    return (along.square().sum(dim=1) + outside / rest_sd**2).sqrt()


def _fit(mean: Tensor, axes: Tensor) -> bool:
    """Whether there is a direction or more for each number, none of them empty."""
    fits = mean.ndim == 1 and axes.ndim == 2 and axes.shape[1:] == mean.shape and axes.numel() > 0
    return fits and bool((axes.float().norm(dim=1) > 0).all())


def _whole(content: Mapping[str, float]) -> bool:
    names = ("rest_sd", "far", "num_dives", "num_held_out")
    return all(name in content for name in names) and content["rest_sd"] > 0 and content["far"] > 0
