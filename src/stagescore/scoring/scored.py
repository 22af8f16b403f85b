"""A scored dive: the result, and what it was made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.media.source import Media
from stagescore.pose.background_path import BackgroundPath
from stagescore.scoring.poses import Poses
from stagescore.scoring.query_encoding import QueryEncoding
from stagescore.scoring.result import Result
from stagescore.scoring.scoring_network import ScoringNetwork
from stagescore.scoring.state import ScoringState


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scored:
    """A result with what it was made from, for pictures and films of it.

    Attributes:
        result: All that was found out.
        media: The film; None where it cannot be read.
        poses: The joints in the frames that were used; None where the work ended before they were looked for.
        encoding: What the network that speaks made of the film; None where the work ended before.
        bank: Exemplars of the network that speaks, with pictures or skeletons of them; None without a score.
        network: The network that speaks; None where the work ended before.
        background: Place of the background in the frames that were used, in pixels of the film; None where nobody looked.
        encodings: What each network made of the film, by the network's name.
        error: What ended the work, with its traceback: a defect of the program, or what is wrong with the film; None where
            nothing did.
    """

    result: Result
    media: Media | None = None
    poses: Poses | None = None
    encoding: QueryEncoding | None = None
    bank: ExemplarBank | None = None
    network: ScoringNetwork | None = None
    background: BackgroundPath | None = None
    encodings: Mapping[str, QueryEncoding] = field(default_factory=dict)
    error: Exception | None = None

    @classmethod
    def of(cls, state: ScoringState, result: Result, error: Exception | None = None) -> "Scored":
        """What a dive was on its way, with its result.

        Args:
            state: The dive after the last step that it went through.
            result: What was built of it.
            error: What ended the work; None where nothing did.
        """
        speaker = state.speaker
        return cls(
            result=result,
            media=state.media,
            poses=state.poses,
            encoding=None if speaker is None else speaker.encoding,
            bank=None if speaker is None or result.score is None else speaker.network.bank,
            network=None if speaker is None else speaker.network,
            background=state.background,
            encodings={network.card.name: encoding for network, encoding in state.encodings},
            error=error,
        )

    def without_pictures(self) -> "Scored":
        """The same with no picture of the film in memory, for whoever keeps many; the film is decoded again where it is shown."""
        return self if self.media is None else replace(self, media=self.media.released())
