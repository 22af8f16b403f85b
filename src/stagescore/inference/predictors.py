"""The predictor that fits a model: the one place that knows both kinds."""

from collections.abc import Iterable, Sequence

from stagescore.card_files import weights_hash
from stagescore.data.dive_sources import DiveSource
from stagescore.data.exemplars import choose_exemplars
from stagescore.errors import ConfigError, DataError
from stagescore.inference.direct import DirectPrediction
from stagescore.inference.encoding import encode_dives
from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.inference.prediction import PredictionTask, Predictor
from stagescore.inference.voting import Voting, bank_of
from stagescore.models.base import ActionModel, ContrastiveModel, DirectModel
from stagescore.types import Dive


def predictor_of(model: ActionModel, task: PredictionTask, bank: ExemplarBank | None) -> Predictor:
    """What predicts with a model.

    Args:
        model: Model of either kind.
        task: What is predicted, and by which exemplars.
        bank: Exemplars of a model that compares; not read by others.

    Raises:
        ConfigError: The model compares, and there are no exemplars; or it neither compares nor predicts.
    """
    if isinstance(model, DirectModel):
        return DirectPrediction(model=model, task=task)
    if not isinstance(model, ContrastiveModel):
        raise ConfigError(
            f"{type(model).__name__} neither compares nor predicts",
            todo="make it a ContrastiveModel or a DirectModel",
        )
    if bank is None:
        raise ConfigError("the model compares with exemplars, and there are none", todo="give a bank")
    return Voting(model=model, bank=bank, task=task)


def exemplar_bank(model: ActionModel, source: DiveSource, exemplars: Sequence[Dive]) -> ExemplarBank | None:
    """Encoded exemplars of a model that compares; None for one that predicts without them.

    Args:
        model: Model that encodes.
        source: Source of the exemplars.
        exemplars: Dives of the bank, in the order of its rows.

    Raises:
        DataError: The model compares, and there are no exemplars.
    """
    if not model.compares:
        return None
    if not exemplars:
        raise DataError(
            "there is no exemplar to compare with: no dive number stands twice among the dives",
            todo="take more dives, or more of one number (`weights pack --spare`)",
        )
    encoded = encode_dives(model, source, [dive.dive_id for dive in exemplars])
    return bank_of(encoded, source.dives, weights_hash(model))


def exemplars_of(
    model: ActionModel, queries: Sequence[Dive], pool: Sequence[Dive], tasks: Iterable[PredictionTask]
) -> list[Dive]:
    """The dives that vote on some queries, in the order of their ids; none for a model that predicts without exemplars.

    Args:
        model: Model of either kind.
        queries: Dives that are predicted.
        pool: Dives to choose from.
        tasks: Ways to choose the exemplars.
    """
    if not model.compares:
        return []
    voters = {
        exemplar.dive_id: exemplar
        for task in tasks
        for query in queries
        for exemplar in choose_exemplars(
            query, pool, protocol=task.protocol, num=task.num, seed=task.seed
        ).exemplars
    }
    return [voters[dive_id] for dive_id in sorted(voters)]
