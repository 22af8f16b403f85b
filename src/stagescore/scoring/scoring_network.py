"""The networks that score: each with its card, its exemplars, and what films it knows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import torch

from stagescore.encoders.inference_copy import made_fast
from stagescore.errors import CheckpointError, DataError
from stagescore.hashing import file_sha256
from stagescore.inference.dive_numbers import NumberCalibration
from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.inference.familiarity import Familiarity, descriptors, film_share
from stagescore.models.base import ActionModel, ContrastiveModel
from stagescore.models.recognition import NumberedFilm
from stagescore.scoring.bank_fit import BankFit
from stagescore.scoring.query_encoding import QueryEncoding
from stagescore.weights.checkpoint import Card, CheckpointWeights, load_weights
from stagescore.weights.named import named_weights
from stagescore.weights.registry import shipped_scorers

AUTO = "auto"
"""All networks that ship: the film itself decides which of them speaks."""
STRANGE = 1.2
"""Distance beyond which a network without a prior is not asked, where another is. To `nano` 16 new simulated dives were at
0.53 to 0.86, and 14 real films at 1.31 to 2.97 (docs/log.md)."""
LEAST_FILM_SHARE = 0.2
"""Share of the film below which there is no score. Set by hand: such a number would not come from the film."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoringNetwork:
    """One network with everything that a score needs.

    Attributes:
        card: Card of the weights.
        model: The model, optimised for inference.
        bank: Exemplars that vote; None for a model that predicts without them.
        fit: Fit of the bank on the user's own dives; None for the bank that came with the weights.
        bank_sha256: SHA-256 of the bank's file, in hexadecimal; None without one.
        familiarity: Measure of how unlike its training dives a dive is; None where too little is known of them.
    """

    card: Card
    model: ActionModel
    bank: ExemplarBank | None = None
    fit: BankFit | None = None
    bank_sha256: str | None = None
    familiarity: Familiarity | None = None

    def __post_init__(self) -> None:
        if self.bank is not None:
            self.bank.check(self.card.weights_hash)
        elif self.model.compares:
            raise CheckpointError(
                "the network compares with exemplars, and there are none",
                where=self.card.name,
                todo="name a bank, or pack the weights again",
            )

    @classmethod
    def load(cls, own: CheckpointWeights, bank: Path | None = None, device: str = "cpu") -> "ScoringNetwork":
        """Make a network ready.

        Args:
            own: The weights with their card; their model is changed for inference (`made_fast`).
            bank: File with exemplars of the user's own; those beside the weights by default.
            device: PyTorch device, such as `cpu` or `cuda`.

        Raises:
            CheckpointError: The bank is missing, damaged, made for other weights, or given to weights that use none; or there is no
                such device.
        """
        path = own.path.with_name(f"{own.path.stem}-bank.safetensors") if bank is None else bank
        exemplars = None
        if own.model.compares:
            exemplars = ExemplarBank.load(path)
            exemplars.check(own.card.weights_hash)
            _check_compared(cast(ContrastiveModel, own.model), exemplars, path)
        elif bank is not None:
            raise CheckpointError(
                f"the weights {own.card.name} predict without exemplars",
                where=bank,
                todo="leave the bank out",
            )
        familiarity = own.familiarity
        if familiarity is not None and exemplars is not None:
            _check_described(familiarity, exemplars, own.path)
        if familiarity is None and bank is None and exemplars is not None:
            familiarity = Familiarity.of_bank(exemplars)
        try:
            own.model.to(device)
        except (RuntimeError, AssertionError) as error:
            raise CheckpointError(
                f"the device cannot be used ({str(error).splitlines()[0][:100]})",
                where=device,
                todo="choose cpu, or cuda where PyTorch has it",
            ) from None
        return cls(
            card=own.card,
            model=made_fast(own.model),
            bank=None if exemplars is None else replace(exemplars, stages=exemplars.stages.to(device)),
            fit=None if exemplars is None else BankFit.beside(path, own.card.weights_hash),
            bank_sha256=None if exemplars is None else file_sha256(path),
            familiarity=familiarity,
        )

    def check_compares(self) -> None:
        """Refuse a network that has no differences between dives.

        Raises:
            DataError: The network predicts scores without comparing dives.
        """
        if not self.model.compares:
            raise DataError(
                f"the network {self.card.name} predicts scores without comparing dives",
                todo="name weights that compare, such as nano",
            )

    @property
    def contrastive(self) -> ContrastiveModel:
        """The model, of a network that passes `check_compares`."""
        self.check_compares()
        return cast(ContrastiveModel, self.model)

    @property
    def exemplars(self) -> ExemplarBank:
        """The exemplars, of a network that passes `check_compares`."""
        self.check_compares()
        return cast(ExemplarBank, self.bank)

    @property
    def films(self) -> Sequence[NumberedFilm]:
        """Films of its training whose dive numbers it may recognise: those of its bank, or of its card without one."""
        return self.card.films if self.bank is None else self.bank.dives

    @property
    def executes(self) -> bool:
        """Whether it predicts score / difficulty."""
        return self.card.target == "execution"

    @property
    def number_calibration(self) -> NumberCalibration | None:
        """How sure it may be of a dive number; None where that was not measured, or it recognises none."""
        content = self.card.number_recognition
        return NumberCalibration.from_json(content) if content else None

    @property
    def slope(self) -> float:
        """What its differences are multiplied by, fitted on the user's own dives."""
        return 1.0 if self.fit is None else self.fit.slope

    @property
    def branches(self) -> list[str]:
        """Names of the branches whose differences are added."""
        return list(self.model.branches)

    def unfamiliarity(self, encoding: QueryEncoding) -> float | None:
        """Distance of a dive from the training dives, 1 being as far as the farthest 5 % of the held-out ones.

        None where it is not known: nothing was fitted, or the network has not seen a film.
        """
        if self.familiarity is None or "video" not in encoding.modalities:
            return None
        return float(self.familiarity.distances(descriptors(*encoding.views))[0])

    def film_share(self, unfamiliarity: float | None) -> float | None:
        """How much of the score comes from the film; None where the score is never mixed with a prior.

        Whoever gave exemplars of their own has measured the error on films like theirs: their scores are not mixed.
        """
        if unfamiliarity is None or not self.card.blends_with_prior or self.fit is not None:
            return None
        return film_share(unfamiliarity, self.card.film_scale)


def _check_compared(model: ContrastiveModel, bank: ExemplarBank, path: Path) -> None:
    """Refuse exemplars that the network cannot compare, by comparing the first one with itself.

    Raises:
        CheckpointError: Stages or widths are others than the network's, or the difference is no number.
    """
    try:
        first = bank.stages.select(torch.tensor([0]))
        with torch.inference_mode():
            compared = model.compare(first, first, torch.tensor([bank.dives[0].score]))
        if not bool(compared.delta.isfinite().all()):
            raise ValueError("the difference of two exemplars is not a number")
        if compared.stage_deltas.shape[1] != bank.edges.shape[1] - 1:
            raise ValueError(f"it has {bank.edges.shape[1] - 1} stages, not {compared.stage_deltas.shape[1]}")
    except (RuntimeError, ValueError, LookupError, TypeError, AttributeError, DataError) as error:
        raise CheckpointError(
            f"the network cannot compare its exemplars ({' '.join(str(error).split())[:100]})",
            where=path,
            todo="build the bank again with these weights",
        ) from None


def _check_described(familiarity: Familiarity, bank: ExemplarBank, path: Path) -> None:
    width = descriptors(bank.stages.select(torch.tensor([0]))).shape[1]
    if len(familiarity.mean) != width:
        raise CheckpointError(
            f"the familiarity of films is measured in {len(familiarity.mean)} numbers, and its exemplars have {width}",
            where=path,
            todo="get the file again",
        )


def load_networks(
    weights: str | Path | Sequence[str | Path] = AUTO,
    bank: Path | None = None,
    device: str = "cpu",
    weights_dir: Path | None = None,
) -> tuple[ScoringNetwork, ...]:
    """Networks with their exemplars.

    Args:
        weights: Networks that are wanted: `auto` for all that ship, a name, a file, or several of these.
        bank: File with exemplars of the user's own, or the name of a bank that ships; the networks that did not encode
            them are left out then.
        device: PyTorch device, such as `cpu` or `cuda`.
        weights_dir: Folder to look for networks in before all others.

    Raises:
        CheckpointError: One of them is missing, damaged, or made for another.
    """
    if weights == AUTO:
        asked: Sequence[str | Path] = shipped_scorers(weights_dir)
    else:
        asked = [weights] if isinstance(weights, str | Path) else weights
    found = [load_weights(one, weights_dir) for one in asked]
    # Weights that compare nothing say so, whatever the bank is.
    if bank is not None and any(own.model.compares for own in found):
        bank = named_weights(bank, "exemplars", weights_dir=weights_dir)
    if not found:
        raise CheckpointError("no network that scores is named", todo="name one, such as nano")
    if bank is not None and len(found) > 1:
        wanted = ExemplarBank.load(bank).weights_hash
        # Where none fits, the first one says so.
        found = [own for own in found if own.card.weights_hash == wanted] or found[:1]
    return tuple(ScoringNetwork.load(own, bank, device) for own in found)


def most_familiar(
    encodings: Sequence[tuple[ScoringNetwork, QueryEncoding]],
) -> tuple[ScoringNetwork, QueryEncoding, float | None]:
    """The network to whose training dives a dive is nearest, what it made of it, and how far it is.

    A network of which that is not known speaks only where it is known of none; the first one among equals. One whose score
    does not move towards the prior speaks of films like its own only (`STRANGE`), where another can: its score of
    anything else would be made up.

    Args:
        encodings: Networks, at least one, each with what it made of the dive.
    """
    rated = [(network, encoding, network.unfamiliarity(encoding)) for network, encoding in encodings]

    def order(one: tuple[ScoringNetwork, QueryEncoding, float | None]) -> tuple[bool, float]:
        network, _, distance = one
        if distance is None:
            return True, float("inf")
        return distance > STRANGE and not network.card.blends_with_prior, distance

    return min(rated, key=order)
