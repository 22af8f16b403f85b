"""From what `score` knows of a dive to what measures are taken on (`measures.facts`)."""

import numpy as np
from jaxtyping import Float

from stagescore.diving import DiveNumber
from stagescore.measures.facts import DiveFacts
from stagescore.measures.measure import Measure
from stagescore.measures.measuring import measure
from stagescore.measures.reference import Reference
from stagescore.measures.water import with_splash
from stagescore.pose.tracking import camera_path
from stagescore.scoring.motion_scan import MotionScan
from stagescore.scoring.state import ScoringState


def measured(state: ScoringState) -> list[Measure]:
    """All measures of a dive; none where nobody is seen to fall, joints are unknown, or two divers fall.

    Raises:
        DataError: The film cannot be read any more.
    """
    facts = dive_facts(state)
    if facts is None:
        return []
    if state.working is not None and state.scan is not None:
        facts = with_splash(facts, state.working)
    reference = Reference.shipped()
    return measure(facts, reference if reference.covers(state.options.height_m) else None)


def dive_facts(state: ScoringState) -> DiveFacts | None:
    """What is known of a dive, but for the water; None where nobody is seen to fall, joints are unknown, or two divers fall."""
    media, poses, flight = state.working, state.poses, state.flight
    if (
        media is None
        or poses is None
        or flight is None
        or poses.num_divers == 2
        or not poses.track.known.any()
    ):
        return None
    poses = poses.scaled(media.scale)
    number = state.known.number
    return DiveFacts(
        track=poses.track,
        believed=poses.track.known & ~poses.weak,
        times_s=media.times_s[state.start : state.end] / media.info.slowmo,
        start_frame=state.start,
        takeoff=None if flight.starts_in_air else flight.first,
        contact=None if flight.ends_in_air or flight.stop >= state.num_frames else flight.stop,
        to_common=None if state.scan is None else camera_of(state.scan),
        number=None if number is None else DiveNumber.parse(number.code),
    )


def camera_of(scan: MotionScan) -> Float[np.ndarray, "frames 3 3"]:
    """The map of each frame's pixels to those of the first, from what was seen of the background."""
    return np.asarray(np.stack(camera_path(scan.views))[scan.rows - scan.rows[0]])
