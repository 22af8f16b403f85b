"""The head for dive numbers, learned anew once all else of a run is trained.

A backbone is fine-tuned in a few passes over a few hundred dives; a head with random weights needs more, and all the while
the maps that it reads change. So when they are final each dive is described once, plain and mirrored, and the head alone
goes on over the stored descriptions: minutes of one core (docs/log.md).
Departs: not part of the paper.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float16, Int
from torch import Tensor
from torch.optim.lr_scheduler import OneCycleLR

from stagescore.data.preprocessing import View
from stagescore.data.samples import Samples
from stagescore.hashing import hash_u64
from stagescore.losses.dive_number import dive_number_losses
from stagescore.models.base import ActionModel
from stagescore.models.recognition import NumberRecognition

Progress = Callable[[int, int], None]

_DIVES_AT_ONCE = 8
"""Number of dives in a batch. Set by hand."""
_RATE, _WEIGHT_DECAY, _SMOOTHING = 1e-3, 0.1, 0.05
"""Learning rate, weight decay and label smoothing with which a temporal head named 92 % of the dives of a fold
(docs/log.md, 29 November)."""
_MOST_FRAMES = 2
"""Largest shift of a dive in time, either way. Set by hand: flights are placed within about a frame of what is
shown."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DescribedDives:
    """What a finished backbone says of dives, and their numbers.

    Attributes:
        dive_ids: Ids of the dives, in the order of the rows.
        frames: Descriptions of each frame, of the plain and of the mirrored view.
        numbers: Attributes of the dive numbers as class indices (`NumberClasses`); -1 where unknown.
    """

    dive_ids: tuple[str, ...]
    frames: Float16[Tensor, "views dives frames described"]
    numbers: Int[Tensor, "dives 5"]

    def batch(self, rows: Sequence[int], seed: int, epoch: int) -> Tensor:
        """The dives of some rows as an epoch sees them: mirrored or not, and shifted by up to `_MOST_FRAMES`."""
        shown = []
        for row in rows:
            drawn = hash_u64(seed, "number view", epoch, self.dive_ids[row])
            shift = (drawn // 2) % (2 * _MOST_FRAMES + 1) - _MOST_FRAMES
            frames = self.frames[drawn % 2, row]
            places = (torch.arange(len(frames)) + shift).clamp(0, len(frames) - 1)
            shown.append(frames[places])
        return torch.stack(shown).float()


@torch.no_grad()
def describe_dives(
    model: ActionModel,
    samples: Samples,
    dive_ids: Sequence[str],
    *,
    progress: Progress = lambda done, total: None,
) -> DescribedDives:
    """Describe dives as evaluation sees them, and mirrored.

    Args:
        model: Model whose head for dive numbers will be trained; its mode is left as it was.
        samples: Samples of the dives.
        dive_ids: Ids of the dives, in the order of the rows.
        progress: Called as (done, total) after every dive.

    Raises:
        ConfigError: The model has no static branch.
    """
    training = model.training
    model.eval()
    said = []
    for done, dive_id in enumerate(dive_ids, start=1):
        both = [View.plain(), View(flip=True)]
        frames = samples.inputs([dive_id] * len(both), both).frames
        said.append(model.describe_frames(torch.as_tensor(frames).to(model.device)).half().cpu())
        progress(done, len(dive_ids))
    model.train(training)
    return DescribedDives(
        dive_ids=tuple(dive_ids),
        frames=torch.stack(said, dim=1),
        numbers=samples.labels(dive_ids).numbers,
    )


def learn_numbers(
    head: NumberRecognition,
    dives: DescribedDives,
    *,
    epochs: int,
    seed: int,
    progress: Progress = lambda done, total: None,
) -> None:
    """Train a head; the same dives, epochs and seed give the same head from the same weights.

    Args:
        head: Head for dive numbers, which is changed and left in eval mode.
        dives: Described dives to learn from.
        epochs: Number of epochs, in each of which every dive is seen once.
        seed: Seed of order, views and dropout.
        progress: Called as (done, total) after every epoch.
    """
    device = next(head.parameters()).device
    optimiser = torch.optim.AdamW(head.parameters(), _RATE, weight_decay=_WEIGHT_DECAY)
    steps = epochs * -(-len(dives.dive_ids) // _DIVES_AT_ONCE)
    schedule = OneCycleLR(optimiser, _RATE, total_steps=steps)
    head.train()
    for epoch in range(epochs):
        torch.manual_seed(hash_u64(seed, "number dropout", epoch) >> 1)
        order = sorted(
            range(len(dives.dive_ids)),
            key=lambda row: hash_u64(seed, "number order", epoch, dives.dive_ids[row]),
        )
        for first in range(0, len(order), _DIVES_AT_ONCE):
            rows = order[first : first + _DIVES_AT_ONCE]
            losses, known = dive_number_losses(
                head(dives.batch(rows, seed, epoch).to(device)),
                dives.numbers[rows].to(device),
                smoothing=_SMOOTHING,
            )
            loss = losses.sum() / known.sum().clamp(min=1)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        progress(epoch + 1, epochs)
    head.eval()
