"""From a film to a result: open, check, look for the diver, look with the network, compare, explain.

Source: paper, section III-F and eq. 24, for the score. Departs: a dive that fails a check (`checks`) gets no score.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stagescore.data.score_prior import ScorePrior
from stagescore.errors import DataError, StagescoreError
from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.media.source import Media, open_media
from stagescore.pose.networks import PoseNetworks
from stagescore.scoring import checks
from stagescore.scoring.angles import angles_of
from stagescore.scoring.composing import moved, protocol_words, stage_results, warn
from stagescore.scoring.draft import Draft
from stagescore.scoring.estimating import Estimator
from stagescore.scoring.event_refinement import EventNetworkRefiner, FlightRefiner
from stagescore.scoring.events import Flight, FlightFinder, FreeFall
from stagescore.scoring.finding import cuts_of, find_dive, only_whole_dive
from stagescore.scoring.inputs import name_of, sha256_of
from stagescore.scoring.looking import Look, look
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.poses import (
    Poses,
    estimated_poses,
    given_poses,
    is_joints,
    joints_alone,
    no_poses,
    open_pose_networks,
)
from stagescore.scoring.result import Events, Networks, Reason, Result
from stagescore.scoring.scoring_network import AUTO, ScoringNetwork, load_networks, most_familiar
from stagescore.scoring.watching import Watched, watch_distinct

_MUCH_LONGER = 1.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scored:
    """A result with what it was made from, for pictures and films of it.

    Attributes:
        result: all that was found out.
        media: the film; None where it cannot be read.
        poses: the joints in the frames that were used; None where it was not looked that far.
        look: what the network that speaks made of it; likewise.
        bank: that its exemplars are from, with pictures of them; None without a score.
        network: the network that speaks; None where it was not looked that far.
        looks: what each network made of it, by name.
    """

    result: Result
    media: Media | None = None
    poses: Poses | None = None
    look: Look | None = None
    bank: ExemplarBank | None = None
    network: ScoringNetwork | None = None
    looks: Mapping[str, Look] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observed:
    """What is seen of a dive before the network looks.

    Attributes:
        draft: the film, the frames that are used, and what speaks against a score.
        watched: what moves; None for joints without a film, and where it was not looked that far.
        poses: the joints in the frames that are used; None where it was not looked that far.
        flight: counted from the first frame that is used; None where nobody falls.
    """

    draft: Draft
    watched: Watched | None = None
    poses: Poses | None = None
    flight: Flight | None = None


class Scorer:
    """Scores dives; of several networks the one speaks to whose training films a film is nearest.

    Args:
        scoring_networks: one or more, each with its exemplars.
        networks: that look for the diver and the joints, or why there are none.
        flights: what finds the flight.
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
        bank: Path | None = None,
        device: str = "cpu",
        weights_dir: Path | None = None,
        *,
        event_network: bool = True,
    ) -> "Scorer":
        """Load networks with their exemplars.

        Args:
            weights: `auto` for all that ship, the name of one of them, a file, or several of these.
            bank: exemplars of your own (`stagescore fit-bank`); those beside the weights by default.
            device: of PyTorch.
            weights_dir: a folder to look for networks in before all others.
            event_network: Place take-off and water contact with the network that ships for it.

        Raises:
            CheckpointError: one of them is missing, damaged, or made for another.
        """
        return cls(
            load_networks(weights, bank, device, weights_dir),
            networks=open_pose_networks(weights_dir),
            events=EventNetworkRefiner.load(weights_dir) if event_network else None,
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
            path: a film, or a folder of images.
            options: what is known of the dive.
            name: of the result; the file's name without its ending by default.
            changes: fields of `ScoreOptions`, such as `dive_number="107B"`.

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
        """As `score`, with the film and the joints for whoever draws them."""
        options = ScoreOptions.model_validate({**(options or ScoreOptions()).model_dump(), **changes})
        path = Path(path)
        draft = Draft(path=path, name=name or name_of(path), options=options)
        try:
            return self._scored(draft)
        except StagescoreError as error:
            draft.fail(Reason(code="unreadable", text=_sentence(error)))
        except Exception as error:
            told = f"An error of the program ({type(error).__name__}: {error}); report it as a defect."
            draft.fail(Reason(code="program-error", text=told))
        return Scored(result=draft.result(self._networks(None)), media=draft.media)

    def observe(self, path: str | Path, options: ScoreOptions | None = None) -> Observed:
        """Look for the diver, the joints and the flight, without the network that scores.

        Args:
            path: a film, or a folder of images.
            options: what is known of the dive.

        Raises:
            StagescoreError: the film cannot be read.
        """
        draft = Draft(path=Path(path), name=name_of(Path(path)), options=options or ScoreOptions())
        return self._observed(draft)

    def _observed(self, draft: Draft) -> Observed:
        """What is seen of a dive before the network looks; no poses where it was not looked that far."""
        with draft.timings.step("open"):
            self._open(draft)
        media = draft.media
        if draft.failed or media is None:
            return Observed(draft=draft)
        watched = None
        if media.info.kind != "joints":
            with draft.timings.step("watch"):
                watched = self._watch(draft, media)
            if watched is None:
                return Observed(draft=draft)
        with draft.timings.step("poses"):
            poses = self._poses(draft, media, watched)
        if poses is None:
            return Observed(draft=draft)
        flight = None if watched is None else self._check(draft, watched, poses)
        if flight is not None and self.events is not None:
            with draft.timings.step("events"):
                flight = self.events.refine(media, (draft.start, draft.end), flight)
        return Observed(draft=draft, watched=watched, poses=poses, flight=flight)

    def _scored(self, draft: Draft) -> Scored:
        observed = self._observed(draft)
        media, poses, flight = draft.media, observed.poses, observed.flight
        if media is None or poses is None:
            return Scored(result=draft.result(self._networks(None)), media=media)
        with draft.timings.step("network"):
            looks = self._looks(draft, media, poses, flight)
        if not looks:
            return Scored(result=draft.result(self._networks(poses)), media=media, poses=poses)
        network, looked, unfamiliarity = most_familiar(looks)
        with draft.timings.step("compare"):
            estimate = Estimator(
                draft=draft,
                network=network,
                looked=looked,
                table=self.prior,
                unfamiliarity=unfamiliarity,
            ).estimate()
        events = Events() if flight is None else moved(flight.events(), draft.start)
        contact = events.first_water_contact_frame
        found = {
            "score": estimate.score,
            "interval": estimate.interval,
            "execution": estimate.execution,
            "difficulty": estimate.difficulty,
            "unfamiliarity": unfamiliarity,
            "film_share": network.film_share(unfamiliarity),
            "prior": estimate.prior,
            "modalities": looked.modalities,
            "validated": network.card.validated or network.fit is not None,
            "validation": None if network.fit is None else network.fit.validation,
            "protocol": protocol_words(estimate.voted),
            "stages": stage_results(draft, looked, flight, estimate.votes, network.card),
            "events": events,
            "branches": network.branches,
            "exemplars": estimate.votes,
            "judging": estimate.judging,
            "angles": angles_of(
                poses.track, draft.start, None if contact is None else contact.frame, poses.weak
            )
            if poses.track.known.any()
            else None,
            "poses": poses.shares,
            "attention": None if looked.attention is None else list(looked.attention),
            "attention_frames": None if looked.attention is None else list(looked.frames),
        }
        warn(draft, media, network.card, network.fit)
        result = draft.result(self._networks(poses, network, looks), **found)
        return Scored(
            result=result,
            media=media,
            poses=poses,
            look=looked,
            bank=None if estimate.score is None else network.bank,
            network=network,
            looks={one.card.name: seen for one, seen in looks},
        )

    def _open(self, draft: Draft) -> None:
        options, path = draft.options, draft.path
        if path.is_file() and draft.fail(checks.size_reason(path.stat().st_size, str(path))):
            return
        draft.sha256 = sha256_of(path)
        draft.media = media = self._opened(path, options)
        draft.start, draft.end = media.content.start, media.content.stop
        if media.info.verdict == "partial":
            draft.doubt(
                Reason(
                    code="damaged",
                    text=f"The file is damaged, {media.info.num_lost} frames or more are lost.",
                )
            )
        draft.warnings += media.info.warnings
        if options.start == "auto":
            try:
                start, end = find_dive(media, self.flights)
            except DataError as error:
                draft.fail(Reason(code="no-person", text=_sentence(error)))
                return
            draft.warnings.append(f"The dive was looked for: frames {start} to {end - 1} are used.")
            draft.start, draft.end = start, end
        else:
            last = media.content[-1] if options.end is None else options.end
            first = media.content[0] if options.start is None else options.start
            draft.start = first
            if not 0 <= first <= last < media.num_frames:
                draft.start, draft.end = 0, media.num_frames
                draft.fail(
                    Reason(
                        code="wrong-span",
                        text=f"Frames {first} to {last} are asked for; "
                        f"the clip has 0 to {media.num_frames - 1}.",
                    )
                )
                return
            draft.end = last + 1
        draft.fail(checks.length_reason(draft.end - draft.start))

    @staticmethod
    def _opened(path: Path, options: ScoreOptions) -> Media:
        slowmo, rate = options.slowmo, options.frame_rate
        if not is_joints(path):
            return open_media(path, slowmo=slowmo, frame_rate=rate)
        if options.poses is not None or options.start == "auto":
            raise DataError(
                "these are joints and no film", where=path, todo="leave out --poses, and --start auto"
            )
        return joints_alone(path, options.size_px, slowmo=slowmo, frame_rate=rate)

    def _watch(self, draft: Draft, media: Media) -> Watched | None:
        span = range(draft.start, draft.end)
        watched = watch_distinct(
            lambda frames: (image for _, image in media.frames([span[frame] for frame in frames])), len(span)
        )
        repeats = len(span) - len(watched.distinct)
        if repeats:
            draft.warnings.append(
                f"{repeats} frames repeat the one before: the film was converted from a lower frame rate."
            )
        shot = self._shot(draft, watched)
        left_out = shot.start + watched.num_frames - shot.end
        if left_out:
            frames = (
                "1 frame of another shot was" if left_out == 1 else f"{left_out} frames of another shot were"
            )
            draft.warnings.append(
                f"{frames} left out; "
                f"frames {draft.start + shot.start} to {draft.start + shot.end - 1} are used."
            )
        draft.doubt(checks.cut_reason(shot, draft.start))
        draft.begins_at_cut = 0 < shot.start <= checks.MOST_STRAY_FRAMES
        draft.start, draft.end = draft.start + shot.start, draft.start + shot.end
        num_frames = draft.end - draft.start
        if draft.fail(checks.length_reason(num_frames)):
            return None
        if num_frames < checks.FEW_FRAMES:
            draft.warnings.append(
                f"The clip has {num_frames} frames, fewer than {checks.FEW_FRAMES}: boundaries are coarse."
            )
        return watched.part(shot.start, shot.end)

    def _shot(self, draft: Draft, watched: Watched) -> checks.Shot:
        """The shot with the dive; the whole clip and its cuts where no single shot has it whole, or a shot comes twice."""
        shot = checks.main_shot(watched.num_frames, cuts_of(watched))
        if not shot.cuts or checks.replay_reason(watched.small, draft.start):
            return shot
        inner = [cut - shot.start for cut in shot.cuts]
        dive = only_whole_dive(watched.part(shot.start, shot.end), inner, self.flights)
        return shot if dive is None else checks.Shot(shot.start + dive[0], shot.start + dive[1], ())

    def _poses(self, draft: Draft, media: Media, watched: Watched | None) -> Poses | None:
        given = draft.path if watched is None else draft.options.poses
        if given is not None:
            try:
                return given_poses(given, media, draft.start, draft.end)
            except DataError as error:
                draft.fail(Reason(code="bad-poses", text=_sentence(error)))
                return None
        if watched is not None and isinstance(self.networks, PoseNetworks):
            return estimated_poses(media, draft.start, self.networks, watched)
        draft.warnings.append(
            "The dive is looked at without a skeleton, and two divers cannot be told from one. "
            f"{self.networks}"
        )
        return no_poses(draft.end - draft.start)

    def _check(self, draft: Draft, watched: Watched, poses: Poses) -> Flight | None:
        """Note what speaks against a score; gives the flight."""
        flight = self._flight(watched, poses)
        still = checks.still_reason(watched.small)
        draft.doubt(
            still,
            checks.divers_reason(poses.num_divers),
            checks.replay_reason(watched.small, draft.start),
            None if still else checks.fall_reason(flight),
            checks.partial_reason(flight, draft.start, draft.begins_at_cut),
        )
        draft.warnings += [told for told in poses.warnings if told not in draft.warnings]
        return flight

    def _flight(self, watched: Watched, poses: Poses) -> Flight | None:
        """From the diver's body; from what moves, which may be a splash, where that is seen to fall much longer."""
        diver = watched.choice().diver
        paths = (
            watched.path_of_body(poses.track.joints_px, poses.track.known & ~poses.weak, poses.boxes()),
            None if diver is None else watched.path(diver),
        )
        body, moving = (
            None if path is None else self.flights.find(path, watched.num_frames) for path in paths
        )
        if body is None or (moving is not None and moving.num_frames > _MUCH_LONGER * body.num_frames):
            return moving
        return body

    def _looks(
        self, draft: Draft, media: Media, poses: Poses, flight: Flight | None
    ) -> list[tuple[ScoringNetwork, Look]]:
        """What the networks made of a dive, without those that cannot look at it; none only if all of them cannot."""
        around = () if flight is None else (flight.first, flight.stop)
        span = draft.start, draft.end
        found: list[tuple[ScoringNetwork, Look]] = []
        problems: list[DataError] = []
        for network in self.scoring_networks:
            card = network.card
            try:
                looked = look(
                    network.model,
                    media,
                    poses.track,
                    span,
                    card.preprocessing,
                    around,
                    mirrored=card.mirrored,
                )
            except DataError as error:
                problems.append(error)
                continue
            found.append((network, looked))
        if not found:
            draft.fail(Reason(code="no-weights-fit", text=_sentence(problems[0])))
        return found

    def _networks(
        self,
        poses: Poses | None,
        network: ScoringNetwork | None = None,
        looks: Sequence[tuple[ScoringNetwork, Look]] = (),
    ) -> Networks:
        """Which networks looked; the first scoring network stands for all where none of them did."""
        network = network or self.scoring_networks[0]
        return Networks(
            weights=network.card.name,
            weights_sha256=network.card.weights_hash,
            bank_sha256=network.bank_sha256,
            trained_on=network.card.trained_on,
            shown_on=network.card.shown_on,
            asked={one.card.name: one.unfamiliarity(seen) for one, seen in looks},
            detector=None if poses is None else poses.detector,
            estimator=None if poses is None else poses.estimator,
        )


def _sentence(error: StagescoreError) -> str:
    told = f"{error.what}; {error.todo}" if error.todo else error.what
    return f"{told[:1].upper()}{told[1:]}."
