"""Results with made-up differences, and pictures with a made-up diver: for tests and for looking at pages."""

import math
import random
from itertools import pairwise

import numpy as np

from stagescore.captions.advice import Correction
from stagescore.measures.measure import Measure, Percentile
from stagescore.measures.rules import RULES
from stagescore.report.pictures import Pictures
from stagescore.report.strobe import Strobe, flight_span
from stagescore.scoring.compare import DiveComparison, Moment, StageDifference
from stagescore.scoring.result import Result
from stagescore.scoring.result_parts import (
    Angles,
    EventResult,
    Events,
    ExemplarVote,
    FilmGain,
    InputFile,
    Judging,
    LikelyNumber,
    Networks,
    PoseShares,
    Prior,
    Reason,
    StageResult,
    Validation,
)
from stagescore.types import PoseTrack

NUM_FRAMES = 98
NAMES = ("take-off", "flight", "entry")


def made_validation(error, points):
    """A bank of twelve dives: its error, and the points of accuracy that the film adds, give or take two."""
    gain = FilmGain(
        over="mean of the scores",
        mean_absolute_error=error + points,
        points=points,
        interval=(points - 2.0, points + 2.0),
    )
    return Validation(num_dives=12, mean_absolute_error=error, slope=0.9, gains=[gain])


def made_correction(edges):
    """One thing to change, in sentences of the grammar."""
    return Correction(
        measure="splash_area",
        stage="entry",
        frames=(edges[2], edges[2] + 9),
        frame=edges[2] + 5,
        confidence=0.8,
        happened=f"The splash covered 0.21 squared body lengths (frames {edges[2]} to {edges[2] + 8}), more than in 91 % of measured "
        "dives.",
        costs="The entry as a whole lies 3.4 points below the exemplars.",
        change="Go in straight and narrow, flat hands first.",
    )


def made_measures(edges):
    """Three measures: one that goes with marks, one with a curve, and one that is not told."""
    start, end = edges[1], edges[2]
    among = Percentile(
        value=71.4, num_dives=22, group="22 of 107B, 60 forward pike, 300 of all numbers; made-up dives"
    )
    known = {"confidence": 0.8, "percentile": among}
    return [
        Measure(
            name="rotation_speed",
            title="fastest rotation",
            value=1040.0,
            unit="degrees per second",
            stage="flight",
            frames=(start, end),
            frame=(start + end) // 2,
            curve=[600.0 + 440.0 * k / (end - start) for k in range(end - start)],
            **known,
        ),
        Measure(
            name="knee_bend",
            title="bend of the knees after the opening",
            value=None,
            unit="degrees",
            stage="flight",
            why_unknown="The legs are known in too few frames in which the body is open.",
            rule=RULES["knees"],
        ),
        Measure(
            name="splash_area",
            title="area of the splash",
            value=0.21,
            unit="squared body lengths",
            stage="entry",
            frames=(end, end + 12),
            frame=end + 6,
            usable=True,
            worse="higher",
            rule=RULES["splash"],
            **known,
        ),
    ]


def made_result(
    seed=1, *, edges=(0, 24, 60, 98), lean=(0.4, 0.9, -3.4), num_exemplars=10, **changes
) -> Result:
    """A scored dive whose numbers belong together; `lean` is about what each stage wins or loses."""
    draw = random.Random(seed)
    exemplars = []
    for number in range(num_exemplars):
        deltas = [[draw.gauss(mean * share, 0.7) for share in (0.7, 0.3)] for mean in lean]
        exemplars.append(
            ExemplarVote(
                dive_id=f"Simulated_r{draw.randrange(40):04d}/{number + 1}",
                dive_number="107B",
                score=round(draw.uniform(58, 86) * 2) / 2,
                delta=math.fsum(math.fsum(stage) for stage in deltas),
                stage_deltas=deltas,
                edges=[0, 20 + draw.randrange(8), 58 + draw.randrange(8), 96],
            )
        )
    score = math.fsum(vote.vote for vote in exemplars) / num_exemplars
    differences = [
        math.fsum(math.fsum(v.stage_deltas[k]) for v in exemplars) / num_exemplars for k in range(3)
    ]
    rate = 25.0
    last = edges[-1]
    frames = list(range(edges[0], last))
    share = [(f - edges[1]) / (edges[2] - edges[1]) for f in frames]
    tuck = [math.exp(-(((s - 0.45) / 0.3) ** 2)) for s in share]
    sampled = sorted({round(edges[0] + k * (last - 1 - edges[0]) / 95) for k in range(96)})
    weights = [1 + 4 * math.exp(-(((f - edges[2] - 14) / 5) ** 2)) + draw.random() for f in sampled]
    for start, end in pairwise(edges):
        rows = [k for k, f in enumerate(sampled) if start <= f < end]
        total = math.fsum(weights[k] for k in rows)
        for k in rows:
            weights[k] /= total
    mark = score / 3.1 / 3
    kept = [round(2 * mark) / 2] * 3
    marks = [kept[0] - 0.5, kept[0], kept[1], kept[0] + 0.5, kept[2], kept[0] + 0.5, kept[0] - 0.5]
    fields = {
        "status": "ok",
        "score": score,
        "interval": (score - 7.4, score + 7.4),
        "protocol": "10 exemplars of the same dive number, chosen by hash",
        "dive_number": "107B",
        "words": "forward three and a half somersaults in pike position",
        "height_m": 10.0,
        "input": InputFile(
            name="dive",
            path="videos/dive.mp4",
            sha256="ab" * 32,
            num_frames=max(NUM_FRAMES, last),
            width_px=256,
            height_px=144,
            duration_s=max(NUM_FRAMES, last) / rate,
            frame_rate=rate,
            condition="ok",
            start_frame=edges[0],
            end_frame=last,
        ),
        "networks": Networks(
            weights="nano",
            weights_sha256="cd" * 32,
            bank_sha256="ef" * 32,
            trained_on="2,000 simulated dives",
            detector="detector-s",
            estimator="pose-s",
        ),
        "stages": [
            StageResult(
                name=name,
                start_frame=start,
                end_frame=end,
                start_s=start / rate,
                end_s=end / rate,
                confidence=confidence,
                difference=difference,
            )
            for name, start, end, confidence, difference in zip(
                NAMES, edges[:-1], edges[1:], (0.93, 0.88, 0.81), differences, strict=True
            )
        ],
        "events": Events(
            first_airborne_frame=EventResult(frame=edges[1] - 2, confidence=0.91),
            first_water_contact_frame=EventResult(frame=edges[2] + 8, confidence=0.87),
        ),
        "branches": ["fused", "static"],
        "exemplars": exemplars,
        "judging": Judging(
            difficulty=3.1,
            execution=score / 3.1,
            marks=marks,
            dropped=[0, 3, 5, 6],
            total=math.fsum(kept),
            score=math.fsum(kept) * 3.1,
        ),
        "angles": Angles(
            frames=frames,
            knee=[176 - 12 * t - 3 * draw.random() for t in tuck],
            hip=[174 - 128 * t - 4 * draw.random() for t in tuck],
            trunk=[abs(180 - abs((6.3 * max(min(s, 1.1), 0)) * 180 + 180) % 360) for s in share],
            trunk_at_entry=9.6,
        ),
        "measures": made_measures(edges),
        "corrections": [made_correction(edges)],
        "poses": PoseShares(source="estimated", measured=0.84, filled=0.13, doubtful=0.03),
        "attention": weights,
        "attention_frames": sampled,
        "timings": {"poses": 3.1, "score": 0.4},
    }
    return Result(**{**fields, **changes})


def windowed(result: Result, shown: tuple[int, int]) -> Result:
    """The same dive by a network that was shown a part of it only."""
    first, stop = shown
    spans = [(max(stage.start_frame, first), min(stage.end_frame, stop)) for stage in result.stages]
    stages = [
        stage.model_copy(update={"shown_frames": span})
        for stage, span in zip(result.stages, spans, strict=True)
    ]
    return result.model_copy(update={"stages": stages})


def refused(
    status="needs_review", *, code="two-divers", text="two people fall at the same time", **changes
) -> Result:
    """A dive that was not scored."""
    base = made_result()
    fields = {
        "status": status,
        "reasons": [Reason(code=code, text=text, start_frame=30, end_frame=61)],
        "input": base.input,
        "networks": base.networks,
        "warnings": ["the file ends within the dive"],
    }
    return Result(**{**fields, **changes})


def partial() -> Result:
    """A dive of which only flight and entry were seen, and which was not scored."""
    result = made_result()
    stages = [stage.model_copy(update={"difference": None}) for stage in result.stages[1:]]
    kept = ("angles", "poses", "events", "input", "networks")
    return refused(**{key: getattr(result, key) for key in kept}, stages=stages)


def broken() -> Result:
    """A file that holds no film."""
    nothing = {"num_frames": 0, "width_px": 0, "height_px": 0, "start_frame": 0, "end_frame": 0}
    film = InputFile(
        name="broken",
        path="broken.mp4",
        sha256="00" * 32,
        duration_s=None,
        frame_rate=None,
        condition="unreadable",
        **nothing,
    )
    return Result(status="failed", reasons=refused(text="the file holds no film").reasons, input=film)


LIKELY = [
    LikelyNumber(dive_number=code, probability=probability, difficulty=difficulty)
    for code, probability, difficulty in (("107B", 0.61, 3.0), ("107C", 0.3, 2.7), ("109C", 0.05, None))
]
_UNSURE = {"dive_number": None, "words": None, "recognised": LIKELY}
_PRIOR = Prior(score=70.2, sd=8.4, num_dives=12, group="107B, 10 m, men")


def made_dives() -> dict[str, Result]:
    """Dives of every kind that a report has to tell of."""
    scored, joints_given = made_result(), PoseShares(source="given", measured=0.9, doubtful=0.1)
    return {
        "scored": made_result(warnings=["the film is short"]),
        "recognised": made_result(dive_number_source="recognised", recognised=LIKELY),
        "given": made_result(dive_number_source="given", recognised=LIKELY),
        "contradicted": made_result(
            dive_number="205B", dive_number_source="given", recognised=LIKELY, disagrees=True
        ),
        "unsure": made_result(**_UNSURE, difficulty=2.88, judging=None),
        "execution alone": refused(
            code="unknown-difficulty", **_UNSURE, execution=22.414, prior=_PRIOR, film_share=0.6
        ),
        "doubtful": made_result(5, poses=PoseShares(source="given", measured=0.7, filled=0.1, doubtful=0.2)),
        "joints alone": made_result(modalities=["skeleton"], interval=None, poses=joints_given),
        "in review": made_result(status="needs_review", reasons=refused().reasons),
        "refused": refused(),
        "partial": partial(),
        "broken": broken(),
        "seen in part": windowed(scored, (14, 85)),
        "without attention": made_result(attention=None, attention_frames=None),
        "known error": made_result(validated=True, unfamiliarity=0.7),
        "unlike films": made_result(
            validated=True,
            unfamiliarity=1.7,
            prior=_PRIOR,
            film_share=0.6,
            networks=scored.networks.model_copy(update={"shown_on": "broadcast films of one pool"}),
        ),
        "known error of given numbers": made_result(
            **_UNSURE, difficulty=2.88, judging=None, validated=True, unfamiliarity=0.7
        ),
        "nothing to change": made_result(corrections=[]),
        "pointed at": made_result(poses=PoseShares(source="estimated", measured=0.8, diver="given")),
        "checked": made_result(validated=True, validation=made_validation(4.2, 2.5)),
    }


def made_pictures(result: Result, frames: list[int], exemplar: bool = False) -> Pictures:
    """A grey pool, and a stick of a diver who falls."""
    size = (result.input.height_px, result.input.width_px, 3)
    rows = range(result.input.num_frames)
    if not rows:
        return Pictures()
    joints = np.stack(
        [np.stack([np.full(16, 130.0), np.linspace(0, 30, 16) + 15 + 0.8 * f], -1) for f in rows]
    )
    images = {}
    for frame in frames:
        image = np.full(size, (190, 210, 220), np.uint8)
        image[110:] = (60, 130, 160)
        top = round(15 + 0.8 * frame)
        image[top : top + 30, 127:133] = (150, 90, 70)
        images[frame] = image
    span = flight_span(result)
    copies = () if span is None else tuple(span[::12])
    strobe = Strobe(
        picture=np.full((60, 20, 3), 128, np.uint8),
        frames=copies,
        times_s=tuple((frame - copies[0]) / 25 for frame in copies),
        hidden=0.1,
    )
    return Pictures(
        strobe=strobe if copies else None,
        query=images,
        track=PoseTrack(joints_px=joints, confidence=np.ones(joints.shape[:2])),
        track_frames=list(rows),
        exemplar={k: np.full(size, 128, np.uint8) for k in range(96)} if exemplar else {},
    )


def made_comparison(differences, *, joints=True, exemplar=False) -> DiveComparison:
    """Two made results, with these points a stage; against an exemplar without a film if asked for."""
    first, second = made_result(1), made_result(2, edges=(0, 30, 61, 98))

    def angles(result, frame):
        if not joints:
            return None, None, None
        return result.angles.knee[frame], result.angles.hip[frame], result.angles.trunk[frame]

    moments = []
    for number, (one, two) in enumerate(zip(first.stages, second.stages, strict=True)):
        for share in (0.0, 0.25, 0.5, 0.75):
            mine, theirs = (s.start_frame + int(share * (s.end_frame - s.start_frame)) for s in (one, two))
            moments.append(
                Moment(
                    time=number + share,
                    first_frame=mine,
                    second_frame=None if exemplar else theirs,
                    first_angles=angles(first, mine),
                    second_angles=(None, None, None) if exemplar else angles(second, theirs),
                )
            )
    return DiveComparison(
        first=first,
        second=None if exemplar else second,
        exemplar="simulated/r0001/3" if exemplar else None,
        exemplar_score=71.5 if exemplar else None,
        exemplar_edges=[0, 28, 60, 96] if exemplar else None,
        branches=["fused", "static"],
        difference=math.fsum(differences),
        stages=[
            StageDifference(name=name, difference=value, by_branch=[0.75 * value, 0.25 * value])
            for name, value in zip(NAMES, differences, strict=True)
        ],
        moments=moments,
    )
