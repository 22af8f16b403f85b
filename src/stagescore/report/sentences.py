"""What a report says: every sentence is made from named fields of the result, and from nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from stagescore.report.balance import Balance, mean, mean_of_branch, sum_of_stage
from stagescore.report.moments import (
    heaviest_frame,
    nearest_exemplar,
    seconds_at,
    shown_edges,
    smallest,
    telling_stage,
    whole_edges,
)
from stagescore.scoring.result import Result

UNSURE = 0.6
"""Confidence below which a stage or an event is called unsure."""
_NOTHING = 0.05
_MANY_DOUBTFUL = 0.1

TIMES = ("stages[].start_frame", "stages[].end_frame", "stages[].start_s", "stages[].end_s")
"""The fields that say when a frame is shown."""
_STATUS = {"ok": "Scored", "needs_review": "Needs review", "failed": "Failed"}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, and the fields of the result that it was made from.

    Attributes:
        text: in plain words.
        fields: such as `stages[2].difference`; `exemplars[].score` means that field of all of them.
    """

    text: str
    fields: tuple[str, ...]

    @property
    def data_field(self) -> str:
        """The fields as the attribute `data-field` has them."""
        return " ".join(self.fields)


def points(value: float, digits: int = 2) -> str:
    """A number of points.

    >>> points(68.7), points(-3.006, 1)
    ('68.70', '−3.0')
    """
    return f"{value:.{digits}f}".replace("-", "−")


def signed(value: float, digits: int = 2) -> str:
    """A difference with its sign; none where nothing is left after rounding.

    >>> signed(0.3), signed(-3.6), signed(-0.001)
    ('+0.30', '−3.60', '0.00')
    """
    text = f"{value:+.{digits}f}".replace("-", "−")
    return text if any(digit in "123456789" for digit in text) else text[1:]


def counted(count: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "exemplar"), counted(10, "exemplar")
    ('1 exemplar', '10 exemplars')
    """
    return f"{count} {noun if count == 1 else noun + 's'}"


def listed(parts: Sequence[str]) -> str:
    """Parts as one enumeration.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def moment(result: Result, frame: int) -> str:
    """A frame with its time where that is known."""
    time = seconds_at(result, frame)
    return f"frame {frame}" if time is None else f"{time:.2f}\u00a0s (frame {frame})"


def status(result: Result) -> Sentence:
    """One or two words."""
    return Sentence(_STATUS[result.status], ("status",))


def words(result: Result) -> Sentence | None:
    """The dive in words."""
    if result.words:
        number = f" ({result.dive_number})" if result.dive_number else ""
        return Sentence(f"{result.words[:1].upper()}{result.words[1:]}{number}", ("words", "dive_number"))
    if result.dive_number:
        return Sentence(f"Dive {result.dive_number}", ("dive_number",))
    return None


def height(result: Result) -> Sentence | None:
    """Of the board."""
    return None if result.height_m is None else Sentence(f"{result.height_m:g} m", ("height_m",))


def interval(result: Result) -> Sentence | None:
    """How sure the score is."""
    if result.score is not None and result.modalities == ["skeleton"] and result.interval is None:
        return Sentence(
            "It comes from the joints alone, without the film: how far it may be off is not known.",
            ("score", "modalities", "interval"),
        )
    if result.interval is None:
        return None
    low, high = result.interval
    among = "" if _error_is_known(result) else ", if this dive is like those the weights were trained on"
    return Sentence(
        f"In 90 of 100 cases its score would lie between {points(low, 1)} and {points(high, 1)}{among}.",
        ("interval", "validated", "unfamiliarity"),
    )


def _error_is_known(result: Result) -> bool:
    """Whether such scores were checked on real dives, in films like this one."""
    return result.validated and (result.unfamiliarity is None or result.unfamiliarity <= 1)


def trust(result: Result) -> Sentence:
    """Whether the error on real dives is known."""
    if known := result.validation:
        return Sentence(
            f"Checked on {counted(known.num_dives, 'dive')} of your own: the mean error is {points(known.mean_absolute_error)} points.",
            ("validation.num_dives", "validation.mean_absolute_error"),
        )
    if result.validated and result.recognised and result.dive_number is None:
        return Sentence(
            "The error is known from real dives whose number was given; of this one the number is not known, and such scores are "
            "farther off.",
            ("validated", "recognised", "dive_number"),
        )
    if _error_is_known(result):
        return Sentence("The error of such scores is known from real dives.", ("validated", "unfamiliarity"))
    if result.validated:
        return Sentence(
            "The error of such scores is known from real dives, but in films that this one is unlike.",
            ("validated", "unfamiliarity"),
        )
    if result.networks is None:
        return Sentence("Not validated on real dives.", ("validated",))
    trained_on = result.networks.trained_on.rstrip(".")
    return Sentence(
        f"Not validated on real dives. The weights were trained on: {trained_on}.",
        ("validated", "networks.trained_on"),
    )


def shown_on(result: Result) -> Sentence | None:
    """The kind of film that the network has been shown to work on."""
    if result.networks is None or not result.networks.shown_on:
        return None
    return Sentence(
        f"Its network {result.networks.weights} has been shown to work on: {result.networks.shown_on.rstrip('.')}.",
        ("networks.weights", "networks.shown_on"),
    )


def familiarity(result: Result) -> Sentence | None:
    """How unlike the training films this film is."""
    if result.unfamiliarity is None:
        return None
    far = result.unfamiliarity
    fields = ("unfamiliarity",)
    if far <= 1:
        return Sentence(
            f"This film is like those that the network was trained on: distance {far:.2f}, where 95 of 100 dives held "
            "out of the training stay below 1.",
            fields,
        )
    return Sentence(
        f"This film is unlike those that the network was trained on: distance {far:.2f}, where 95 of 100 dives held out "
        "of the training stay below 1.",
        fields,
    )


def prior(result: Result) -> list[Sentence]:
    """What the labels alone say of the score, and how much of the score that is."""
    if result.prior is None or result.film_share is None:
        return []
    known = result.prior
    rests_on = f", from {counted(known.num_dives, 'dive')}" if known.num_dives else ""
    found = [
        Sentence(
            f"Without the film, {points(known.score, 1)} points are to be expected "
            f"(standard deviation {points(known.sd, 1)}; {known.group}{rests_on}).",
            ("prior.score", "prior.sd", "prior.group", "prior.num_dives"),
        )
    ]
    if result.score is None:
        return found
    share = Sentence(
        f"{result.film_share:.0%} of the score comes from the film, {1 - result.film_share:.0%} from what is to be expected "
        "without it.",
        ("film_share", "score"),
    )
    return [share, *found]


def standing(result: Result) -> Sentence | None:
    """Where the score stands among the exemplars'."""
    if result.score is None or not result.exemplars:
        return None
    scores = [vote.score for vote in result.exemplars]
    below = sum(score < result.score for score in scores)
    return Sentence(
        f"Above {below} of the {counted(len(scores), 'exemplar')} it was compared with; "
        f"theirs go from {points(min(scores), 1)} to {points(max(scores), 1)}, mean {points(mean(scores), 1)}.",
        ("score", "exemplars[].score"),
    )


def telling(result: Result) -> Sentence | None:
    """The stage that lost or won most."""
    stage = telling_stage(result)
    if stage is None:
        return None
    name, difference = result.stages[stage].name, result.stages[stage].difference or 0.0
    fields = tuple(f"stages[{k}].difference" for k in range(len(result.stages)))
    if abs(difference) < _NOTHING:
        return Sentence("No stage stands out: each is as good as the mean exemplar's.", fields)
    what = "cost most" if difference < 0 else "won most"
    than = "fewer" if difference < 0 else "more"
    return Sentence(
        f"The {name} {what}: {points(abs(difference))} points {than} than the mean exemplar.", fields
    )


def telling_pictures(result: Result, stage: int, frames: Sequence[int]) -> Sentence:
    """How the pictures of that stage were chosen."""
    name = result.stages[stage].name
    shown = ", ".join(f"{frame}" for frame in frames)
    span = tuple(f"stages[{stage}].{key}" for key in ("name", "start_frame", "end_frame"))
    if result.attention:
        text = f"The {name}: of each third, the frame with most attention (frames {shown})."
        return Sentence(text, (*span, "attention", "attention_frames"))
    return Sentence(f"The {name}: the middle of each third (frames {shown}).", span)


def stage_times(result: Result) -> Sentence:
    """How long the stages last."""
    spans = [f"{stage.name} {stage.end_s - stage.start_s:.2f}\u00a0s" for stage in result.stages]
    names = ("start_s", "end_s")
    fields = tuple(f"stages[{k}].{name}" for k in range(len(spans)) for name in names)
    text = listed(spans)
    return Sentence(
        f"{text[:1].upper()}{text[1:]}. The entry begins when the body opens, before the hands touch the water.",
        fields,
    )


def stage_confidence(result: Result) -> Sentence:
    """How sure the edges of the stages are."""
    sure = listed([f"{stage.name} {stage.confidence:.2f}" for stage in result.stages])
    return Sentence(
        f"Confidence that these edges are right, from 0 to 1: {sure}.",
        tuple(f"stages[{k}].confidence" for k in range(len(result.stages))),
    )


def events(result: Result) -> list[Sentence]:
    """When the diver leaves the board and touches the water."""
    found = []
    for name, what in (
        ("first_airborne_frame", "leaves the board"),
        ("first_water_contact_frame", "touches the water"),
    ):
        event = getattr(result.events, name)
        field = f"events.{name}"
        if event is None:
            found.append(Sentence(f"When the diver {what} was not seen in this clip.", (field,)))
        else:
            sure = f"confidence {event.confidence:.2f}"
            fields = (f"{field}.frame", f"{field}.confidence", *TIMES)
            found.append(Sentence(f"The diver {what} at {moment(result, event.frame)}, {sure}.", fields))
    return found


def sum_of_parts(balance: Balance, num_exemplars: int) -> Sentence:
    """The score as a sum."""
    start, *stages = balance.printed
    parts = ", ".join(
        f"{name.lower()} {signed(float(v))}" for name, v in zip(balance.names[1:], stages, strict=True)
    )
    whose = "The exemplar has" if num_exemplars == 1 else f"The {num_exemplars} exemplars have"
    mean_of = "" if num_exemplars == 1 else " on average"
    tail = f"; {signed(float(balance.rounding))} is rounding" if balance.rounding else ""
    return Sentence(
        f"{whose} {points(float(start))} points{mean_of}. With {parts} that makes {balance.printed_total}{tail}.",
        balance.fields,
    )


def branches(result: Result) -> Sentence | None:
    """What each branch of the network says."""
    if len(result.branches) < 2 or not result.exemplars:
        return None
    stages = range(len(result.stages))
    sums = [sum(mean_of_branch(result, k, b) for k in stages) for b in range(len(result.branches))]
    parts = [f"the {name} branch {signed(value)}" for name, value in zip(result.branches, sums, strict=True)]
    text = listed(parts)
    return Sentence(
        f"{text[:1].upper()}{text[1:]} points, all stages together.", ("branches", "exemplars[].stage_deltas")
    )


def spread(result: Result) -> Sentence:
    """How far the votes lie apart."""
    votes = [vote.vote for vote in result.exemplars]
    return Sentence(
        f"{counted(len(votes), 'vote')}, from {points(min(votes))} to {points(max(votes))}; their mean is {points(mean(votes))}.",
        ("exemplars[].score", "exemplars[].delta"),
    )


def nearest(result: Result) -> Sentence | None:
    """The exemplar that is shown beside the query."""
    index = nearest_exemplar(result)
    if index is None:
        return None
    vote, where = result.exemplars[index], f"exemplars[{index}]"
    number = f" ({vote.dive_number})" if vote.dive_number else ""
    return Sentence(
        f"The exemplar that differs least, stage by stage, is {vote.dive_id}{number}: "
        f"{points(vote.score)} points; it votes for {points(vote.vote)}.",
        (
            f"{where}.dive_id",
            f"{where}.dive_number",
            f"{where}.score",
            f"{where}.delta",
            "exemplars[].stage_deltas",
        ),
    )


def against(result: Result, index: int) -> Sentence:
    """This dive against one exemplar, by stage."""
    vote = result.exemplars[index]
    parts = [f"{stage.name} {signed(sum_of_stage(vote, k))}" for k, stage in enumerate(result.stages)]
    return Sentence(
        f"Against it, in points: {listed(parts)}; together {signed(vote.delta)}.",
        (f"exemplars[{index}].stage_deltas", f"exemplars[{index}].delta"),
    )


def shown_part(result: Result) -> Sentence | None:
    """Which part of the dive stands beside the exemplar; None where it is the whole."""
    shown, whole = shown_edges(result.stages), whole_edges(result.stages)
    if not shown or (shown[0], shown[-1]) == (whole[0], whole[-1]):
        return None
    return Sentence(
        f"Of this dive the network was shown {moment(result, shown[0])} to {moment(result, shown[-1] - 1)}, and of the "
        "exemplar the part around its flight likewise; bars and pictures side by side are of these parts.",
        ("stages[].shown_frames", *TIMES),
    )


def no_exemplar_pictures(index: int) -> Sentence:
    """Why only one dive is shown."""
    return Sentence(
        "No pictures of the exemplar are at hand, so its stages and numbers are shown without them.",
        (f"exemplars[{index}].edges",),
    )


def joints(result: Result) -> Sentence:
    """Where the joints come from and how far they can be trusted."""
    poses = result.poses
    if poses.source == "none":
        return Sentence("No joints are known of this dive.", ("poses.source",))
    origin = "were given by you" if poses.source == "given" else "were found by a network"
    return Sentence(
        f"The joints {origin}: {poses.measured:.0%} seen, {poses.filled:.0%} filled in between frames, "
        f"{poses.doubtful:.0%} doubtful.",
        ("poses.source", "poses.measured", "poses.filled", "poses.doubtful"),
    )


def angles(result: Result) -> list[Sentence]:
    """The moments of the curves that matter."""
    found: list[Sentence] = []
    if result.angles is None:
        return found
    flight = next((k for k, stage in enumerate(result.stages) if stage.name == "flight"), None)
    if flight is not None:
        start, end = result.stages[flight].start_frame, result.stages[flight].end_frame
        for name, what in (("hip", "The hips close"), ("knee", "The knees bend")):
            low = smallest(getattr(result.angles, name), result.angles.frames, start, end)
            if low is not None:
                frame, degrees = low
                found.append(
                    Sentence(
                        f"{what} furthest in flight at {moment(result, frame)}: {degrees:.0f}°, 180° is stretched.",
                        (f"angles.{name}", "angles.frames", *TIMES),
                    )
                )
    if result.angles.trunk_at_entry is not None:
        text = f"At the first touch of the water the trunk is {abs(result.angles.trunk_at_entry):.0f}° from the vertical; 0° is a straight entry."
        found.append(Sentence(text, ("angles.trunk_at_entry",)))
    return found


def attention(result: Result) -> list[Sentence]:
    """Where the fusion looked most."""
    found = []
    for k, stage in enumerate(result.stages):
        frame = heaviest_frame(result, k)
        if frame is not None:
            text = f"In the {stage.name} the network looked most at {moment(result, frame)}."
            found.append(Sentence(text, ("attention", "attention_frames", f"stages[{k}].name", *TIMES)))
    return found


def even_attention() -> Sentence:
    """How the bars are to be read."""
    return Sentence(
        "Each stage by itself: the line marks an even look at all of its frames.",
        ("attention", "attention_frames"),
    )


def judging(result: Result) -> list[Sentence]:
    """How a panel could have arrived there."""
    if result.judging is None or result.score is None:
        return []
    panel = result.judging
    return [
        Sentence(
            f"{points(panel.total, 1)} × {panel.difficulty:g} = {points(panel.score)}, near the predicted {points(result.score)}.",
            ("judging.total", "judging.difficulty", "judging.score", "score"),
        ),
        Sentence(
            f"The score divided by the difficulty {panel.difficulty:g} is {points(panel.execution)} of 30.",
            ("judging.execution", "judging.difficulty"),
        ),
    ]


def reasons(result: Result) -> list[Sentence]:
    """Why there is no score, or why to look first."""
    found = []
    for k, reason in enumerate(result.reasons):
        fields: tuple[str, ...] = (f"reasons[{k}].text",)
        where = ""
        if reason.start_frame is not None:
            last = (
                reason.start_frame
                if reason.end_frame is None
                else max(reason.end_frame - 1, reason.start_frame)
            )
            where = (
                f" Frames {reason.start_frame} to {last}."
                if last > reason.start_frame
                else f" Frame {reason.start_frame}."
            )
            fields = (*fields, f"reasons[{k}].start_frame", f"reasons[{k}].end_frame")
        found.append(Sentence(f"{_whole(reason.text)}{where}", fields))
    return found


def warnings(result: Result) -> list[Sentence]:
    """What to know even so."""
    return [Sentence(_whole(text), (f"warnings[{k}]",)) for k, text in enumerate(result.warnings)]


def measured(result: Result) -> list[Sentence]:
    """What was read from the file and computed from it without a guess."""
    film = result.input
    if not film.num_frames:
        return [Sentence("No frame could be read.", ("input.num_frames",))]
    found = [
        Sentence(
            f"{counted(film.num_frames, 'frame')} of {film.width_px} × {film.height_px} pixels could be read.",
            ("input.num_frames", "input.width_px", "input.height_px"),
        )
    ]
    if film.frame_rate is not None and film.duration_s is not None:
        text = f"{film.duration_s:.2f} s at {film.frame_rate:.4g} frames a second, as the file says."
        found.append(Sentence(text, ("input.duration_s", "input.frame_rate")))
    if film.end_frame > film.start_frame:
        text = f"Frames {film.start_frame} to {film.end_frame - 1} were used."
        found.append(Sentence(text, ("input.start_frame", "input.end_frame")))
    if result.poses.source == "given":
        found.append(Sentence("The joints are those that you gave.", ("poses.source",)))
    if result.exemplars:
        found.append(
            Sentence("The exemplars' scores are known: they stand in the bank.", ("exemplars[].score",))
        )
    return found


def estimated(result: Result) -> list[Sentence]:
    """What networks or formulas say."""
    found = []
    if result.stages:
        found.append(
            Sentence(
                "Where the stages begin and end, and when board and water are left and touched.",
                ("stages", "events"),
            )
        )
    if result.poses.source == "estimated":
        found.append(joints(result))
    if result.angles is not None:
        found.append(Sentence("Angles are those of the picture, not of the body in space.", ("angles",)))
    if result.score is not None:
        found.append(
            Sentence("Score, differences and interval.", ("score", "interval", "stages[].difference"))
            if result.exemplars
            else Sentence("Score and interval.", ("score", "interval"))
        )
        found += prior(result)
        if result.protocol:
            found.append(Sentence(f"Exemplars: {result.protocol.rstrip('.')}.", ("protocol",)))
    return found or [Sentence("Nothing.", ("stages", "angles", "score", "poses.source"))]


def doubtful(result: Result) -> list[Sentence]:
    """What not to trust; without a score the warnings stand at the top of the page, and are not said twice."""
    found = [
        Sentence(
            f"The edges of the {stage.name} are unsure: confidence {stage.confidence:.2f}.",
            (f"stages[{k}].confidence",),
        )
        for k, stage in enumerate(result.stages)
        if stage.confidence < UNSURE
    ]
    if result.input.condition != "ok":
        what = "damaged: some of it is missing" if result.input.condition == "partial" else "unreadable"
        found.append(Sentence(f"The file is {what}.", ("input.condition",)))
    if result.poses.doubtful > _MANY_DOUBTFUL:
        found.append(
            Sentence(
                f"{result.poses.doubtful:.0%} of the joints are doubtful, and the angles with them.",
                ("poses.doubtful",),
            )
        )
    if result.judging is not None:
        found.append(
            Sentence(
                "The judges' marks are one panel among many that would give about this score.",
                ("judging.marks",),
            )
        )
    if result.unfamiliarity is not None and result.unfamiliarity > 1 and (told := familiarity(result)):
        found.append(told)
    if result.attention:
        found.append(
            Sentence("Attention shows where the network looked, not why points were lost.", ("attention",))
        )
    if result.score is None:
        return found
    return [*found, *warnings(result)] or [
        Sentence(
            "Nothing in particular.",
            ("score", "warnings", "input.condition", "stages[].confidence", "poses.doubtful"),
        )
    ]


def provenance(result: Result) -> list[Sentence]:
    """What the result was made from, for whoever wants to make it again."""
    hashed = f", SHA-256 {result.input.sha256}" if result.input.sha256 else ""
    found = [Sentence(f"Input {result.input.path}{hashed}.", ("input.path", "input.sha256"))]
    if nets := result.networks:
        found.append(
            Sentence(
                f"Weights {nets.weights}, hash {nets.weights_sha256}.",
                ("networks.weights", "networks.weights_sha256"),
            )
        )
        if nets.bank_sha256:
            found.append(Sentence(f"Exemplar bank, hash {nets.bank_sha256}.", ("networks.bank_sha256",)))
        if nets.detector or nets.estimator:
            names = " and ".join(name for name in (nets.detector, nets.estimator) if name)
            found.append(Sentence(f"Joints: {names}.", ("networks.detector", "networks.estimator")))
    return [*found, Sentence(f"Form of result.json: version {result.schema_version}.", ("schema_version",))]


def _whole(text: str) -> str:
    """As a sentence.

    >>> _whole("two people fall")
    'Two people fall.'
    """
    text = text.strip()
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
