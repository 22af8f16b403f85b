"""A network for the two physical events of a dive: the first airborne frame and the first frame of water contact.

An image network with ImageNet weights, which stays as it is, describes every frame around a rough flight; a small
temporal network over these descriptions says for each frame how probable it is that the event is there.
Source: ours. Temporal convolutions with growing dilation as in Bai et al. 2018 ("An empirical evaluation of generic
convolutional and recurrent networks for sequence modeling"). Figures: docs/log.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, Num
from torch import Tensor, nn
from torch.nn import functional

from stagescore.encoders.backbones import MOBILENET_V2, ImageBackbone, mean_and_maximum, stage_channels
from stagescore.layers.dilated import DilatedConvolutions

EVENTS = ("first airborne frame", "first water contact")
"""What `EventNetwork` places, in this order."""
PICTURE_PX = (144, 112)
"""Width and height of the pictures that it sees; proportions are not kept. Set by hand."""
PHASES = ("before the flight", "in the air", "in the water")
"""What a picture may show, in the order of the logits of `EventNetwork.phase_head`."""
STEPS_PER_FLIGHT = 43
"""Pictures of a flight: as many as the median flight of the training films has frames, at 25 a second."""
_PICTURES_PER_S = 25.0
"""Pictures of a second where no flight says how far apart they lie; see `STEPS_PER_FLIGHT`."""
_BEFORE, _AFTER = 1.0, 0.8
"""Lengths of the rough flight that are looked at before and after it. Set by hand."""
_TAPS = (2, 4)
"""Stages of the image network whose maps describe a frame: at 1/8 and at 1/16 of its size."""
_DILATIONS = (1, 2, 4, 8)
_KERNEL = 5
"""With these a picture hears of thirty on either side of it, two thirds of a flight. Set by hand."""
_AT_ONCE = 16
"""Number of pictures described together. Set by hand: it bounds the memory that describing takes."""
_LEAST_SURE = 0.6
"""Confidence from which on the network is believed: 95 % of films that it was not trained on, from the pool of the
training films, are above 0.8, and half of the events of simulated films are below 0.4 for a network that knows none."""
_FARTHEST = 0.5
"""Lengths of the flight that an event may be moved by: of the rough one, or of the one that the network is sure of, whichever
is longer. Where the body was followed only through a part of its fall, the rough flight is too short to measure by."""
_TIMES_LOOKED = 2
"""Once around the rough flight, once around the flight found there, whose pictures lie at the right distances. Of 298 films with
hand marks, by networks that had not seen them, flights more than six frames off fell from 6 to 3; a third look changes nothing."""
_NEAR = 3
"""Number of pictures on either side of the most probable one that belong to the same peak. Set by hand; it is twice the
standard deviation by which training spreads the labels."""


def pictured_frames(
    flight: Sequence[float], num_frames: int, *, stretch: float = 1.0
) -> Int[np.ndarray, " pictures"]:
    """The frames around a rough flight that the network sees: `STEPS_PER_FLIGHT` a flight, whatever the frame rate.

    Args:
        flight: First airborne frame and first frame of water contact, roughly.
        num_frames: Frames of the clip. Frames outside of it are left out.
        stretch: Factor of the distance between pictures, for training views.

    >>> pictured_frames((43, 86), 200)[[0, 43, -1]].tolist()
    [0, 43, 120]
    """
    first, stop = flight
    length = max(stop - first, 1.0)
    step = length / STEPS_PER_FLIGHT * stretch
    wanted = np.arange(first - _BEFORE * length, stop + _AFTER * length, step)
    frames = np.floor(wanted + 0.5).astype(int)
    return np.asarray(frames[(frames >= 0) & (frames < num_frames)])


def frames_at_usual_distances(num_frames: int, rate: float) -> Int[np.ndarray, " pictures"]:
    """Frames of a whole clip with both ends, about as far apart as those of a flight of the training films.

    Args:
        num_frames: Frames of the clip.
        rate: Frames per second of the dive, not of slow motion.

    >>> frames_at_usual_distances(8, 50.0).tolist(), frames_at_usual_distances(1, 50.0).tolist()
    ([0, 2, 4, 5, 7], [0])
    """
    num_steps = round((num_frames - 1) / max(rate / _PICTURES_PER_S, 1.0))
    return np.floor(np.linspace(0, num_frames - 1, max(num_steps + 1, min(num_frames, 2))) + 0.5).astype(int)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedEvents:
    """Where the network puts the two events.

    Attributes:
        frames: Frame of each event of `EVENTS`, with a fraction.
        confidence: Probability of each that lies within three pictures of that frame, 0 to 1.
    """

    frames: tuple[float, float]
    confidence: tuple[float, float]


def settled(rough: tuple[int, int], placed: PlacedEvents) -> tuple[int, int]:
    """The flight: each event where the network puts it if it is sure and not far from the rough one, else as it was.

    Args:
        rough: First airborne frame and first frame of water contact from the fall of the body.
        placed: Events as the network places them.

    >>> settled((20, 60), PlacedEvents(frames=(22.6, 61.2), confidence=(0.9, 0.3)))
    (23, 60)
    """
    length: float = rough[1] - rough[0]
    if min(placed.confidence) >= _LEAST_SURE:
        length = max(length, placed.frames[1] - placed.frames[0])
    far = _FARTHEST * length
    first, stop = (
        int(np.floor(there + 0.5)) if sure >= _LEAST_SURE and abs(there - here) <= far else here
        for here, there, sure in zip(rough, placed.frames, placed.confidence, strict=True)
    )
    return (first, stop) if first < stop else rough


def place_flight(
    rough: tuple[int, int],
    num_frames: int,
    place: Callable[[Int[np.ndarray, " pictures"]], PlacedEvents],
) -> tuple[int, int]:
    """The flight, looked for around a rough one and once more around what was found.

    Args:
        rough: First airborne frame and first frame of water contact from the fall of the body.
        num_frames: Frames of the clip.
        place: Function that says where the network puts the events in some frames of the clip, which may come twice.
    """
    flight = rough
    for _ in range(_TIMES_LOOKED):
        frames = pictured_frames(flight, num_frames)
        if not len(frames):
            break
        flight = settled(flight, place(frames))
    return flight


class TemporalHead(nn.Module):
    """A small network over the descriptions of the pictures of a clip.

    Args:
        described: Number of values that describe a picture.
        num_logits: Logits that it gives for each picture.
        width: Channels inside.
        dropout: Probability with which an input of a layer is dropped in training.
    """

    def __init__(self, described: int, num_logits: int, *, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(described)
        self.entry = nn.Linear(described, width)
        self.drop = nn.Dropout(dropout)
        self.convolutions = DilatedConvolutions(
            width=width, kernel=_KERNEL, dilations=_DILATIONS, dropout=dropout
        )
        self.exit = nn.Conv1d(width, num_logits, 1)

    def forward(
        self, described: Float[Tensor, "clips pictures described"]
    ) -> Float[Tensor, "clips logits pictures"]:
        """Logits for each picture.

        Args:
            described: Descriptions of the pictures, in the order of time.
        """
        hidden = self.entry(self.drop(self.norm(described))).transpose(1, 2)
        hidden = self.convolutions(hidden)
        logits: Tensor = self.exit(functional.gelu(hidden))
        return logits


class EventNetwork(nn.Module):
    """Descriptions of frames by a frozen image network, and two temporal networks over them.

    One places the events; it knows whole dives only, and so puts a take-off into every clip. The other tells which phase each
    picture shows, of clips that may begin or end in the air.

    Args:
        width: Channels of each temporal network.
        dropout: Probability with which an input of a layer is dropped in training.
    """

    def __init__(self, *, width: int = 64, dropout: float = 0.3) -> None:
        # Set by hand: a width of 64 gives each temporal network 0.1 million weights (docs/log.md, 29 November).
        super().__init__()
        backbone = ImageBackbone(name=MOBILENET_V2, merged=True)
        self.normalise = backbone.normalise()
        net = backbone.net
        self.stem = nn.Sequential(net.conv_stem, net.bn1)
        self.stages = nn.ModuleList(net.blocks[: max(_TAPS) + 1])
        self.requires_grad_(False)
        described = 2 * sum(stage_channels(self.stages[tap]) for tap in _TAPS)
        self.event_head = TemporalHead(described, len(EVENTS), width=width, dropout=dropout)
        self.phase_head = TemporalHead(described, len(PHASES), width=width, dropout=dropout)

    @property
    def described(self) -> int:
        """Number of values that describe a frame."""
        return int(self.event_head.entry.in_features)

    def take_trunk(self, backbone: ImageBackbone) -> None:
        """Take over the weights of an image network.

        Args:
            backbone: MobileNetV2 with merged batch norms.
        """
        net = backbone.net
        self.stem.load_state_dict(nn.Sequential(net.conv_stem, net.bn1).state_dict())
        for own, theirs in zip(self.stages, net.blocks, strict=False):
            own.load_state_dict(theirs.state_dict())

    @torch.no_grad()
    def describe(
        self, pictures: Num[np.ndarray, "pictures height width 3"]
    ) -> Float[Tensor, "pictures {self.described}"]:
        """Mean and maximum of the maps of some stages, for each picture.

        Args:
            pictures: RGB, 0 to 255, of `PICTURE_PX`.
        """
        found = []
        for part in torch.from_numpy(np.ascontiguousarray(pictures)).split(_AT_ONCE):
            maps = self.stem(self.normalise(part.permute(0, 3, 1, 2)))
            numbers = []
            for place, stage in enumerate(self.stages):
                maps = stage(maps)
                if place in _TAPS:
                    numbers.append(mean_and_maximum(maps))
            found.append(torch.cat(numbers, dim=1))
        return torch.cat(found)

    def forward(
        self, described: Float[Tensor, "clips pictures {self.described}"]
    ) -> Float[Tensor, "clips events pictures"]:
        """Logits over the pictures for each event.

        Args:
            described: Descriptions of the pictures, in the order of time.
        """
        logits: Tensor = self.event_head(described)
        return logits

    @torch.no_grad()
    def place(
        self,
        described: Float[Tensor, "pictures {self.described}"],
        frames: Int[np.ndarray, " pictures"],
    ) -> PlacedEvents:
        """Where the events are.

        Args:
            described: Descriptions of the pictures, as `describe` gives them; the network is in eval mode.
            frames: Frame of the clip that each picture shows.
        """
        probabilities = self(described[None].float())[0].softmax(-1).double().numpy()
        places, sure = zip(*(_peak(row, frames) for row in probabilities), strict=True)
        return PlacedEvents(frames=(places[0], places[1]), confidence=(sure[0], sure[1]))

    @torch.no_grad()
    def phases(
        self, described: Float[Tensor, "pictures {self.described}"]
    ) -> Float[Tensor, "phases pictures"]:
        """Probability of each of `PHASES` in every picture.

        Args:
            described: Descriptions of the pictures, as `describe` gives them; the network is in eval mode.
        """
        found: Tensor = self.phase_head(described[None].float())[0].softmax(0)
        return found

    def seen_in_air(
        self,
        described: Float[Tensor, "pictures {self.described}"],
        frames: Int[np.ndarray, " pictures"],
        num_frames: int,
    ) -> tuple[float, float]:
        """Probabilities that the first frame of a clip shows the diver in the air, and that the last does.

        Args:
            described: Descriptions of the pictures, as `describe` gives them; the network is in eval mode.
            frames: Frame of the clip that each picture shows, increasing.
            num_frames: Number of frames of the clip. Ends that no picture shows are far from the flight: 0.
        """
        in_air = self.phases(described)[PHASES.index("in the air")].tolist()
        return in_air[0] if frames[0] == 0 else 0.0, in_air[-1] if frames[-1] == num_frames - 1 else 0.0


def _peak(
    probabilities: Float[np.ndarray, " pictures"], frames: Int[np.ndarray, " pictures"]
) -> tuple[float, float]:
    """The mean frame of the peak with most probability, and that probability."""
    padded = np.concatenate([np.zeros(_NEAR), probabilities, np.zeros(_NEAR)])
    mass = np.convolve(padded, np.ones(2 * _NEAR + 1), "valid")
    best = int(mass.argmax())
    part = slice(max(best - _NEAR, 0), best + _NEAR + 1)
    return float((probabilities[part] * frames[part]).sum() / probabilities[part].sum()), float(mass[best])
