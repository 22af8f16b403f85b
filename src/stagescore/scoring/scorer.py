"""Scoring one dive: `Scorer.load(weights, bank).score(path, dive_number=...)`. How it goes: `pipeline`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stagescore.data.score_prior import ScorePrior
from stagescore.errors import StagescoreError
from stagescore.pose.networks import PoseNetworks
from stagescore.scoring.event_refinement import EventNetworkRefiner, FlightRefiner
from stagescore.scoring.events import FlightFinder, FreeFall
from stagescore.scoring.first_look import ComingLook
from stagescore.scoring.inputs import name_of
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.pipeline import SEEING, STEPS, Step, Tools, open_film, run, sentence
from stagescore.scoring.poses import open_pose_networks
from stagescore.scoring.result import Result
from stagescore.scoring.result_builder import build_result
from stagescore.scoring.result_parts import Reason
from stagescore.scoring.scored import Scored
from stagescore.scoring.scoring_network import AUTO, ScoringNetwork, load_networks
from stagescore.scoring.sessions.dive_span import DiveSpan
from stagescore.scoring.sessions.tools import source_of
from stagescore.scoring.several_dives import DiveOfFilm, dives_of, numbered
from stagescore.scoring.state import ScoringState, Timings
from stagescore.shortages import shortage_of


class Scorer:
    """Scores dives; of several networks the one speaks to whose training films a film is nearest.

    Args:
        scoring_networks: One or more, each with its exemplars.
        networks: Networks that look for the diver and the joints, or why there are none.
        flights: What finds the flight.
        events: Moves the ends of the flight to where they are seen; None to leave them as the fall tells.
    """

    def __init__(
        self,
        scoring_networks: Sequence[ScoringNetwork],
        *,
        networks: PoseNetworks | str = "No pose networks were asked for.",
        flights: FlightFinder | None = None,
        events: FlightRefiner | None = None,
    ) -> None:
        self.scoring_networks = tuple(scoring_networks)
        self.networks = networks
        self.flights = FreeFall() if flights is None else flights
        self.events = events
        self.prior = ScorePrior.shipped()

    @classmethod
    def load(
        cls,
        weights: str | Path | Sequence[str | Path] = AUTO,
        bank: str | Path | None = None,
        device: str = "cpu",
        weights_dir: str | Path | None = None,
        *,
        event_network: bool = True,
    ) -> "Scorer":
        """Load networks with their exemplars.

        Args:
            weights: `auto` for all that ship, the name of one of them, a file, or several of these.
            bank: Exemplars of your own (`stagescore fit-bank`); those beside the weights by default.
            device: PyTorch device: `cpu` or `cuda`.
            weights_dir: A folder to look for networks in before all others.
            event_network: Place take-off and water contact with the network that ships for it.

        Raises:
            CheckpointError: One of them is missing, damaged, or made for another.
        """
        bank = None if bank is None else Path(bank)
        weights_dir = None if weights_dir is None else Path(weights_dir)
        return cls(
            load_networks(weights, bank, device, weights_dir),
            networks=open_pose_networks(weights_dir),
            events=EventNetworkRefiner.load(weights_dir) if event_network else None,
        )

    @property
    def tools(self) -> Tools:
        """What the steps of scoring work with."""
        return Tools(
            scoring_networks=self.scoring_networks,
            pose_networks=self.networks,
            flights=self.flights,
            events=self.events,
            prior=self.prior,
        )

    @property
    def made_of(self) -> list[str]:
        """Names and hashes of networks and exemplars: records of one scorer are not those of another."""
        return [
            f"{one.card.name} {one.card.weights_hash} {one.bank_sha256 or ''}".strip()
            for one in self.scoring_networks
        ]

    def score(
        self,
        path: str | Path,
        options: ScoreOptions | None = None,
        *,
        name: str | None = None,
        **changes: Any,
    ) -> Result:
        """Score one dive; whatever is wrong with the input is in the result.

        Args:
            path: A film, or a folder of images.
            options: What is known of the dive.
            name: Name of the result; the file's name without its ending by default.
            changes: Fields of `ScoreOptions`, such as `dive_number="107B"`.

        >>> Scorer.load().score("dive.mp4", dive_number="107B").table()  # doctest: +SKIP
        """
        return self.scored(path, options, name=name, **changes).result

    def scored(
        self,
        path: str | Path,
        options: ScoreOptions | None = None,
        *,
        name: str | None = None,
        **changes: Any,
    ) -> Scored:
        """As `score`, with the film and the joints for whoever draws them, and what ended the work with its traceback."""
        options = ScoreOptions.model_validate({**(options or ScoreOptions()).model_dump(), **changes})
        state = ScoringState(path=Path(path), name=name or name_of(Path(path)), options=options)
        return self._scored(state, STEPS)

    def scored_dives(
        self,
        path: str | Path,
        options: ScoreOptions | None = None,
        *,
        name: str | None = None,
        named: Callable[[str, int], Sequence[str]] = numbered,
        coming: ComingLook | None = None,
    ) -> Iterator[tuple[Scored, DiveOfFilm | None]]:
        """As `scored`, for a film that may show several dives: each of them by itself, `NAME-1`, `NAME-2`, and so on.

        A film with one dive is scored as by `scored`; so is one of which frames, edges or joints are given. One that is too long for a
        single dive is looked through for its dives.

        Args:
            path: A film, or a folder of images.
            options: What is known of each of the dives.
            name: Name of the result; the file's name without its ending by default.
            named: Makes the names of some dives from the film's name and their number.
            coming: A first look at the film that is under way; None to look here.

        Yields:
            Each dive, and which one of how many it is; None for the only one of a film.
        """
        options = options or ScoreOptions()
        state = ScoringState(path=Path(path), name=name or name_of(Path(path)), options=options)
        state.first_look = None if coming is None else coming.take()
        dives: list[DiveSpan] = []

        def opened(state: ScoringState, tools: Tools) -> None:
            open_film(state, tools)
            if not state.aborted:
                dives.extend(dives_of(state, source_of(self.events)))

        # The film is opened once for all of its dives; one that cannot be read has a result that says so.
        without = self._scored(state, [("open", opened)])
        if state.aborted:
            yield without, None
            return
        if not dives:
            yield self._scored(state, STEPS[1:]), None
            return
        names = [state.name] if len(dives) == 1 else named(state.name, len(dives))
        for number, (dive, own) in enumerate(zip(dives, names, strict=True), start=1):
            which = DiveOfFilm(number=number, of=len(dives), begin=dive.begin, end=dive.end)
            given = options.model_copy(update={"start": dive.begin, "end": dive.end - 1})
            one = replace(
                state,
                name=own,
                options=given,
                reasons=list(state.reasons),
                warnings=[*state.warnings, which.sentence],
                encodings=[],
                timings=Timings(dict(state.timings.seconds)),
            )
            yield self._scored(one, STEPS[1:]), (which if len(dives) > 1 else None)

    def _scored(self, state: ScoringState, steps: Sequence[tuple[str, Step]]) -> Scored:
        """Take a dive through some steps, and say what came out, or what went wrong."""
        failure: Exception | None = None
        try:
            run(state, self.tools, steps)
            result = build_result(state, self.scoring_networks)
        except StagescoreError as error:
            state, result = self._failed(state, Reason(code="unreadable", text=sentence(error)))
            failure = error
        except Exception as error:
            short = shortage_of(error)
            told = f"Internal error ({type(error).__name__}: {error}). Please report this bug."
            told = told if short is None else sentence(short)
            state, result = self._failed(state, Reason(code="program-error", text=told))
            failure = error
        return Scored.of(state, result, failure)

    def _failed(self, state: ScoringState, reason: Reason) -> tuple[ScoringState, Result]:
        """A dive that raised an error, without what was found in it: that may be what the error is about."""
        state.abort(reason)
        bare = replace(
            state,
            poses=None,
            flight=None,
            encodings=[],
            speaker=None,
            recognised=None,
            estimate=None,
            measures=[],
        )
        return bare, build_result(bare, self.scoring_networks)

    def observe(self, path: str | Path, options: ScoreOptions | None = None) -> ScoringState:
        """Look for the diver, the joints and the flight, without the networks that score.

        Args:
            path: A film, or a folder of images.
            options: What is known of the dive.

        Raises:
            StagescoreError: The film cannot be read.
        """
        path = Path(path)
        state = ScoringState(path=path, name=name_of(path), options=options or ScoreOptions())
        return run(state, self.tools, SEEING)
