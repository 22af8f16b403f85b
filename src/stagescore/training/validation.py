"""How good a model is while it is trained, on the validation split."""

from dataclasses import dataclass

import numpy as np

from stagescore.data.dive_sources import DiveSource
from stagescore.data.manifest import Manifest
from stagescore.hashing import hash_u64
from stagescore.inference.encoding import encode_dives
from stagescore.inference.prediction import PredictionTask
from stagescore.inference.predictors import exemplar_bank, predictor_of
from stagescore.models.base import ActionModel
from stagescore.types import Dive


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelValidation:
    """Looks at the model as it stands, on the validation split.

    Attributes:
        model: Model of the run.
        source: Source of the dives.
        manifest: Dives with their splits.
        task: What is predicted, and by which exemplars.
        test: Whether the test split is looked at as well.
    """

    model: ActionModel
    source: DiveSource
    manifest: Manifest
    task: PredictionTask
    test: bool = False

    def __call__(self) -> dict[str, float]:
        """SRCC by split; higher is better."""
        dives = self.source.dives
        pool = [dive for dive in self.manifest.select("fit") if dive.dive_id in dives]
        kept = bank_dives(pool, per_number=self.task.num, seed=self.task.seed)
        predictor = predictor_of(self.model, self.task, exemplar_bank(self.model, self.source, kept))
        figures = {}
        for part in ("val", "test") if self.test else ("val",):
            ids = [d.dive_id for d in self.manifest.select(part) if d.dive_id in dives]
            if len(ids) < 2:
                continue
            found = predictor.predict_all([encode_dives(self.model, self.source, ids)], dives)
            truth = np.array([one.dive.score for one in found])
            predicted = np.array([one.prediction.score for one in found])
            spread = float(np.ptp(truth)) or 1.0
            figures[f"{part}_srcc"] = _rank_correlation(truth, predicted)
            figures[f"{part}_minus_rl2x100"] = -100 * float(np.mean(((truth - predicted) / spread) ** 2))
        return figures


def bank_dives(pool: list[Dive], *, per_number: int, seed: int) -> list[Dive]:
    """Exemplars chosen by hash.

    Args:
        pool: Dives to choose from.
        per_number: Largest number of dives of each dive number.
        seed: Seed of the hash.
    """
    kept: dict[str | None, int] = {}
    chosen = []
    for dive in sorted(pool, key=lambda d: (hash_u64(seed, "bank", d.dive_id), d.dive_id)):
        kept[dive.dive_number] = kept.get(dive.dive_number, 0) + 1
        if kept[dive.dive_number] <= per_number:
            chosen.append(dive)
    return sorted(chosen, key=lambda d: d.dive_id)


def _rank_correlation(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Spearman's, ties by their order: good enough to choose among epochs; `evaluate` prints the real one."""
    ranks = [np.argsort(np.argsort(values, kind="stable")) for values in (truth, predicted)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
