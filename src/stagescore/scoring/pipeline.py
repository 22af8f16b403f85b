"""How one dive is scored, from the file to the score: a list of steps on one state (`ScoringState`).

    open -> span -> watch -> poses -> flight -> events -> dive -> limbs -> review -> network -> speaker -> compare -> measures

Each step reads what earlier ones found and adds its own; a step that aborts ends the work, and whatever was known until then
stands in the result (`result_builder`). Source: paper, section III-F and eq. 24, for the score. Departs: a dive that fails a
check (`checks`) gets no score.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int

from stagescore.data.score_prior import ScorePrior
from stagescore.errors import DataError, StagescoreError
from stagescore.media.held import HeldMedia
from stagescore.media.info import DEFAULT_FRAME_RATE
from stagescore.media.source import Media, open_media
from stagescore.pose.annotation import ENDS_IN_AIR, STARTS_IN_AIR
from stagescore.pose.networks import PoseNetworks
from stagescore.pose.plausibility import impossible
from stagescore.pose.tracking import NobodyThereError, Pointed
from stagescore.scoring import checks
from stagescore.scoring.estimating import ScoreEstimator
from stagescore.scoring.event_refinement import EventNetworkRefiner, FlightRefiner
from stagescore.scoring.events import Flight, FlightFinder, FreeFall
from stagescore.scoring.inputs import name_of, sha256_of
from stagescore.scoring.localization import cuts_of, localize_action, only_whole_dive
from stagescore.scoring.measured import measured
from stagescore.scoring.motion_scan import MotionScan, scan_of_span
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.poses import (
    estimated_poses,
    given_poses,
    is_joints,
    joints_alone,
    no_poses,
    open_pose_networks,
)
from stagescore.scoring.query_encoding import encode_query
from stagescore.scoring.result_parts import Reason
from stagescore.scoring.scoring_network import ScoringNetwork, most_familiar
from stagescore.scoring.state import ScoringState, Speaker

_MUCH_LONGER = 1.2
"""Times as long as the body's fall that what moves must be seen to fall, to be believed instead. Not fitted."""
_BEFORE_S, _AFTER_S, _LEAST_LEFT_OUT_S = 5.0, 3.0, 2.0
"""Seconds before the take-off and after the contact that belong to a dive (an approach or an armstand, and the splash), and how much must
lie outside of them for a film to be cut. Set by hand."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tools:
    """What the steps work with.

    Attributes:
        scoring_networks: Networks that score, each with its exemplars; one or more.
        pose_networks: Networks that look for the diver and the joints, or why there are none.
        flights: What finds the flight.
        events: What moves the ends of the flight to where they are seen; None to leave them as the fall tells.
        prior: What the labels of a dive alone say of its score.
    """

    scoring_networks: Sequence[ScoringNetwork]
    pose_networks: PoseNetworks | str
    flights: FlightFinder
    events: FlightRefiner | None
    prior: ScorePrior


Step = Callable[[ScoringState, Tools], None]


def looking_tools(weights_dir: Path | None = None) -> Tools:
    """What the steps need that look for shots and divers: no network that scores, and none that places events.

    Args:
        weights_dir: Folder to look for networks in before all others.
    """
    return Tools(
        scoring_networks=(),
        pose_networks=open_pose_networks(weights_dir),
        flights=FreeFall(),
        events=None,
        prior=ScorePrior.shipped(),
    )


def looked_at(path: Path, weights_dir: Path | None = None) -> ScoringState:
    """What is seen of a dive without any network that scores: diver, joints, flight and its ends.

    Args:
        path: A film, or a folder of images.
        weights_dir: Folder to look for networks in before all others.

    Raises:
        StagescoreError: The film cannot be read, or a network is damaged.
    """
    tools = replace(looking_tools(weights_dir), events=EventNetworkRefiner.load(weights_dir))
    return run(ScoringState(path=path, name=name_of(path), options=ScoreOptions()), tools, SEEING)


def open_film(state: ScoringState, tools: Tools) -> None:
    """Open the film, or the joints; hash it; say what is damaged."""
    path = state.path
    if path.is_file() and state.abort(checks.size_reason(path.stat().st_size, str(path))):
        return
    try:
        look = state.first_look
        media = HeldMedia.of(_opened(path, state.options)) if look is None else look.media
    except DataError:
        state.sha256 = sha256_of(path)
        raise
    state.media, state.sha256 = media, media.info.sha256 or sha256_of(path)
    state.start, state.end = media.content.start, media.content.stop
    if media.info.verdict == "partial":
        text = f"The file is damaged, {media.info.num_lost} frames or more are lost."
        state.flag_for_review(Reason(code="damaged", text=text))
    state.warnings += media.info.warnings


def choose_span(state: ScoringState, tools: Tools) -> None:
    """Choose the frames that are used: those asked for, or those around the dive that is found."""
    media, options = _media(state), state.options
    if options.start == "auto":
        try:
            state.start, state.end = localize_action(media, tools.flights)
        except DataError as error:
            state.abort(Reason(code="no-person", text=sentence(error)))
            return
        state.warnings.append(f"Detected the dive in frames {state.start} to {state.end - 1}.")
    else:
        first = media.content[0] if options.start is None else options.start
        last = media.content[-1] if options.end is None else options.end
        if not 0 <= first <= last < media.num_frames:
            state.start, state.end = 0, media.num_frames
            text = f"Frames {first} to {last} are asked for; the clip has 0 to {media.num_frames - 1}."
            state.abort(Reason(code="wrong-span", text=text))
            return
        state.start, state.end = first, last + 1
    state.working = HeldMedia.of(media, range(state.start, state.end))
    state.abort(checks.length_reason(state.num_frames))


def scan_for_motion(state: ScoringState, tools: Tools) -> None:
    """See what moves, and leave frames of another shot out; joints without a film have none."""
    media = _working(state)
    if media.info.kind == "joints":
        return
    span = range(state.start, state.end)
    look = state.first_look
    scan = look.scan if look is not None and look.span == span else scan_of_span(media, span)
    repeats = len(span) - len(scan.distinct)
    if repeats:
        state.warnings.append(
            f"{repeats} frames repeat the one before: the film was converted from a lower frame rate."
        )
    shot = shot_with_dive(scan, state.start, tools.flights)
    left_out = shot.start + scan.num_frames - shot.end
    if left_out:
        frames = "1 frame of another shot was" if left_out == 1 else f"{left_out} frames of another shot were"
        state.warnings.append(
            f"{frames} left out; frames {state.start + shot.start} to {state.start + shot.end - 1} are used."
        )
    state.flag_for_review(checks.cut_reason(shot, state.start))
    state.begins_at_cut = shot.start > 0 and not shot.whole
    state.start, state.end = state.start + shot.start, state.start + shot.end
    if state.abort(checks.length_reason(state.num_frames)):
        return
    if state.num_frames < checks.FEW_FRAMES:
        state.warnings.append(
            f"The clip has {state.num_frames} frames, fewer than {checks.FEW_FRAMES}: boundaries are coarse."
        )
    state.scan = scan.part(shot.start, shot.end)


def find_joints(state: ScoringState, tools: Tools) -> None:
    """Find the diver and the joints, or take those that are given."""
    media, scan = _working(state), state.scan
    given = state.path if scan is None else state.options.poses
    if given is not None and state.options.diver is not None:
        state.abort(
            Reason(code="wrong-diver", text="There is no film in which you could point at the diver.")
        )
    elif given is not None:
        try:
            state.poses = given_poses(
                given, media, state.start, state.end, skeleton=state.options.skeleton_of_poses
            )
        except DataError as error:
            state.abort(Reason(code="bad-poses", text=sentence(error)))
    elif scan is not None and isinstance(tools.pose_networks, PoseNetworks):
        try:
            found = estimated_poses(media, state.start, tools.pose_networks, scan, _pointed_at(state, media))
        except NobodyThereError as error:
            state.abort(Reason(code="wrong-diver", text=sentence(error)))
            return
        state.poses = found.scaled(1 / media.scale)
    elif state.options.diver is not None:
        text = f"You point at the diver, and nobody can be followed. {tools.pose_networks}"
        state.abort(Reason(code="wrong-diver", text=text))
    else:
        state.warnings.append(
            "The dive is looked at without a skeleton, and two divers cannot be told from one. "
            f"{tools.pose_networks}"
        )
        state.poses = no_poses(state.num_frames)


def find_flight(state: ScoringState, tools: Tools) -> None:
    """Find the flight by the diver's body; by what moves, which may be a splash, where that is seen to fall much longer."""
    scan, poses = state.scan, state.poses
    if scan is None or poses is None:
        return
    poses = poses.scaled(_working(state).scale)
    boxes = poses.boxes()
    curves = (
        scan.heights_of_body(poses.track.joints_px, poses.track.known & ~poses.weak, boxes),
        scan.heights_of_motion(boxes),
    )
    body, moving = (None if curve is None else tools.flights.find(curve, scan.num_frames) for curve in curves)
    state.flight = body
    if body is None or (moving is not None and moving.num_frames > _MUCH_LONGER * body.num_frames):
        state.flight = moving


def place_events(state: ScoringState, tools: Tools) -> None:
    """Move the ends of the flight to where take-off and water contact are seen; a clip may show too little of one to see a fall."""
    span = state.start, state.end
    if state.flight is not None and tools.events is not None:
        state.flight = tools.events.refine(_working(state), span, state.flight)
    elif (
        state.scan is not None and tools.events is not None and checks.still_reason(state.scan.small) is None
    ):
        state.flight = tools.events.cut_off_flight(_working(state), span)
    if state.flight is not None and state.media is not None:
        state.warnings += _doubts_of_flight(state.media, state.start, state.flight, state.options.height_m)


def keep_the_dive(state: ScoringState, tools: Tools) -> None:
    """Leave out what is long before and after the dive, unless the user says which frames to use."""
    scan, flight, media = state.scan, state.flight, state.media
    told = state.options.start is not None or state.options.end is not None
    if told or scan is None or flight is None or media is None or flight.starts_in_air or flight.ends_in_air:
        return
    rate = (media.info.frame_rate or DEFAULT_FRAME_RATE) * media.info.slowmo
    start = max(flight.first - round(_BEFORE_S * rate), 0)
    end = min(flight.stop + round(_AFTER_S * rate), scan.num_frames)
    left_out = start + scan.num_frames - end
    if left_out < _LEAST_LEFT_OUT_S * rate:
        return
    first = state.start + start
    state.warnings.append(
        f"The dive was found in frames {first} to {state.start + end - 1}; {left_out} frames before and after it were left out."
    )
    state.start, state.end = first, state.start + end
    state.scan = scan.part(start, end)
    state.poses = None if state.poses is None else state.poses.part(start, end)
    state.flight = flight.earlier(start)


def doubt_limbs(state: ScoringState, tools: Tools) -> None:
    """Mark joints that cannot be those of the diver: limbs folded as none can be, and those on somebody else during the flight."""
    scan, poses, flight = state.scan, state.poses, state.flight
    if poses is None:
        return
    doubtful = impossible(poses.track.joints_px)
    # Of a pair the joints may well be the other one's, and what moves may be another than the one pointed at.
    found = poses.num_divers != 2 and poses.shares.diver == "found"
    if scan is not None and flight is not None and found:
        boxes = poses.scaled(_working(state).scale).boxes()
        strays = scan.strays(boxes, flight.first, min(flight.stop, scan.num_frames))
        if len(strays):
            doubtful[strays] = True
            state.warnings.append(_stray_warning(state.start + strays))
    state.poses = poses.doubting(doubtful)


def review(state: ScoringState, tools: Tools) -> None:
    """Note what speaks against a score."""
    scan, poses, flight = state.scan, state.poses, state.flight
    if scan is None or poses is None:
        return
    still = checks.still_reason(scan.small)
    partial = checks.partial_reason(flight, state.start, state.begins_at_cut)
    state.flag_for_review(
        still,
        checks.divers_reason(poses.num_divers),
        checks.replay_reason(scan.small, state.start),
        None if still else checks.fall_reason(flight),
        partial,
    )
    told = poses.warnings
    if flight is not None:
        # Where the diver is in the air is found once: what the path of a box seems to say does not stand beside the flight.
        told = tuple(one for one in told if one not in (STARTS_IN_AIR, ENDS_IN_AIR))
        if flight.starts_in_air and partial is None:
            told += (
                "The first frame that is used shows the diver in the air: the take-off itself is not seen.",
            )
    state.warnings += [one for one in told if one not in state.warnings]


def encode(state: ScoringState, tools: Tools) -> None:
    """Show the dive to every network that scores; those that cannot look at it are left out."""
    media, poses = _working(state), state.poses
    if poses is None:
        return
    track = poses.scaled(media.scale).track
    given = state.options.edges
    if given is not None and not state.start < given[0] < given[1] < state.end:
        text = f"Edges {given[0]} and {given[1]} are given; the frames used are {state.start} to {state.end - 1}."
        state.abort(Reason(code="wrong-edges", text=text))
        return
    around = () if state.flight is None else (state.flight.first, state.flight.stop)
    problems: list[DataError] = []
    for network in tools.scoring_networks:
        card = network.card
        try:
            encoding = encode_query(
                network.model,
                media,
                track,
                (state.start, state.end),
                card.preprocessing,
                around,
                mirrored=card.mirrored,
                given=given,
            )
        except DataError as error:
            problems.append(error)
            continue
        state.encodings.append((network, encoding))
    if not state.encodings:
        state.abort(Reason(code="no-weights-fit", text=sentence(problems[0])))


def choose_speaker(state: ScoringState, tools: Tools) -> None:
    """Take the network to whose training films the film is nearest."""
    network, encoding, unfamiliarity = most_familiar(state.encodings)
    state.speaker = Speaker(network=network, encoding=encoding, unfamiliarity=unfamiliarity)


def compare(state: ScoringState, tools: Tools) -> None:
    """Let the exemplars vote, weigh the prior, and say how far the score may be off."""
    if state.speaker is not None:
        state.estimate = ScoreEstimator(state=state, speaker=state.speaker, table=tools.prior).estimate()


def take_measures(state: ScoringState, tools: Tools) -> None:
    """Measure the dive; after the score, since the film may have said which number it is."""
    state.measures = measured(state)


SEEING: tuple[tuple[str, Step], ...] = (
    ("open", open_film),
    ("span", choose_span),
    ("watch", scan_for_motion),
    ("poses", find_joints),
    ("flight", find_flight),
    ("events", place_events),
    ("dive", keep_the_dive),
    ("limbs", doubt_limbs),
    ("review", review),
)
"""What is seen of a dive before the networks that score look at it."""
STEPS: tuple[tuple[str, Step], ...] = (
    *SEEING,
    ("network", encode),
    ("speaker", choose_speaker),
    ("compare", compare),
    ("measures", take_measures),
)
"""All steps, with their names in the timings of the result."""


def run(state: ScoringState, tools: Tools, steps: Sequence[tuple[str, Step]] = STEPS) -> ScoringState:
    """Take a dive through some steps, up to the one that aborts.

    Args:
        state: The dive; each step adds what it finds.
        tools: What the steps work with.
        steps: Names and functions of the steps, in their order.

    Returns:
        The state that was given, with what the steps found.

    Raises:
        StagescoreError: The film cannot be read.
    """
    for name, step in steps:
        if state.aborted:
            break
        with state.timings.step(name):
            step(state, tools)
    return state


def sentence(error: StagescoreError) -> str:
    """What is wrong and what to do, as a sentence."""
    told = f"{error.what}; {error.todo}" if error.todo else error.what
    return f"{told[:1].upper()}{told[1:]}."


def _media(state: ScoringState) -> Media:
    if state.media is None:
        raise DataError("the film is not open", where=state.path, todo="open it before any other step")
    return state.media


def _working(state: ScoringState) -> Media:
    if state.working is None:
        raise DataError(
            "it is not known which frames are used",
            where=state.path,
            todo="choose the span before any other step",
        )
    return state.working


def _pointed_at(state: ScoringState, media: Media) -> Pointed | None:
    """Where the user points, in frames and pixels of what is looked at.

    Raises:
        NobodyThereError: That frame is not used.
    """
    pointed = state.options.pointed
    if pointed is None:
        return None
    if not state.start <= pointed.frame < state.end:
        raise NobodyThereError(
            f"you point at the diver in frame {pointed.frame}, and frames {state.start} to {state.end - 1} are used",
            todo="point in one of these",
        )
    return replace(
        pointed, frame=pointed.frame - state.start, box_px=pointed.box_px * np.tile(media.scale, 2)
    )


def _stray_warning(frames: Int[np.ndarray, " strays"]) -> str:
    if len(frames) == 1:
        return f"In frame {frames[0]} the limbs that were found are not on the diver; they are doubtful."
    return f"In {len(frames)} frames from {frames[0]} to {frames[-1]} the limbs that were found are not on the diver; they are doubtful."


def _doubts_of_flight(media: Media, start: int, flight: Flight, height_m: float | None) -> list[str]:
    if flight.starts_in_air or flight.ends_in_air:
        return []
    times = media.times_s / media.info.slowmo
    seconds = float(times[start + flight.stop] - times[start + flight.first])
    told = checks.short_fall_warning(seconds, height_m)
    return [] if told is None else [told]


def _opened(path: Path, options: ScoreOptions) -> Media:
    slowmo, rate = options.slowmo, options.frame_rate
    if not is_joints(path):
        return open_media(path, slowmo=slowmo, frame_rate=rate)
    if options.poses is not None or options.start == "auto":
        raise DataError(
            "these are joints and no film", where=path, todo="leave out --poses, and --start auto"
        )
    return joints_alone(path, options.size_px, slowmo=slowmo, frame_rate=rate)


def shot_with_dive(scan: MotionScan, offset: int, flights: FlightFinder) -> checks.Shot:
    """The shot with the dive; the whole clip and its cuts where no single shot has it whole, or a shot comes twice.

    Args:
        scan: What moves in the clip.
        offset: Frame of the input that frame 0 of the clip is.
        flights: What finds a fall.
    """
    cuts = cuts_of(scan)
    shot = checks.main_shot(scan.num_frames, cuts, checks.still_shots(scan.small, cuts))
    if not shot.cuts or checks.replay_reason(scan.small, offset):
        return shot
    inner = [cut - shot.start for cut in shot.cuts]
    dive = only_whole_dive(scan.part(shot.start, shot.end), inner, flights)
    return shot if dive is None else checks.Shot(shot.start + dive[0], shot.start + dive[1], (), whole=True)
