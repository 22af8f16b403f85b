"""From what a network saw of a dive to its score: what the network says, the degree of difficulty, the prior, the interval.

Source: paper, section III-F and eq. 24, for the vote. Ours: where the dive number is not known but the film says how
probable each is, the score is the mean over the numbers. A network that predicts execution (score / difficulty) makes
that easy: execution x mean difficulty is the mean of execution x difficulty, so that the parts of a vote, multiplied by
the mean difficulty, still add up to the score.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType

from stagescore.data.exemplars import Protocol
from stagescore.data.score_prior import Expectation, ScorePrior
from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.inference.intervals import IntervalModel
from stagescore.inference.prediction import PredictedDive, PredictionTask
from stagescore.inference.predictors import predictor_of
from stagescore.inference.unknown_numbers import LIKELY
from stagescore.scoring.blending import Blend, blended, mixed
from stagescore.scoring.dive_number import NUM_LIKELIEST, Hypothesis, recognised_number
from stagescore.scoring.estimate import Estimate
from stagescore.scoring.judging import plausible_judging
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.result_parts import ExemplarVote, Judging, Prior, Reason
from stagescore.scoring.scoring_network import LEAST_FILM_SHARE, ScoringNetwork
from stagescore.scoring.state import ScoringState, Speaker
from stagescore.types import Dive


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NetworkScore:
    """What a network alone says of a dive, in points at a difficulty or in execution.

    Attributes:
        predicted: The dive as the network scores it.
        votes: Vote of each exemplar; none of a network that predicts without exemplars.
    """

    predicted: PredictedDive
    votes: list[ExemplarVote]

    def score(self, factor: float = 1.0) -> float:
        """The score, times a factor."""
        if not self.votes:
            return factor * self.predicted.prediction.score
        values = [factor * vote.vote for vote in self.votes]
        return sum(values) / len(values)

    def interval(self, intervals: IntervalModel, factor: float) -> tuple[float, float]:
        """Interval of the score times a factor."""
        sd = self.predicted.prediction.sd
        values = [factor * vote.vote for vote in self.votes]
        return intervals.interval(self.score(factor), values, None if sd is None else factor * sd)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoreEstimator:
    """One dive before one network.

    Attributes:
        state: What is known of the dive. It is told what the film says of the number, and what speaks against a score.
        speaker: The network whose score is taken.
        table: Table of what the labels alone say.
    """

    state: ScoringState
    speaker: Speaker
    table: ScorePrior

    @property
    def network(self) -> ScoringNetwork:
        """The network whose score is taken."""
        return self.speaker.network

    def estimate(self) -> Estimate:
        """The score of the dive, as far as there is one."""
        state, network = self.state, self.network
        state.flag_for_review(self._unfamiliar(), self._bank_adds_nothing())
        if state.reasons:
            return Estimate(prior=_prior(self.table, [Hypothesis.of(state.options)]))
        self._assume_height()
        # Of half a dive, two divers or a film unlike all others no number is recognised either.
        state.recognised = recognised_number(
            network, self.speaker.encoding, state.told, self.speaker.unfamiliarity
        )
        if state.recognised is not None:
            state.warnings += state.recognised.warnings
        if not network.executes:
            return self._scored([Hypothesis.of(state.known)])
        hypotheses = possible(state)
        unknown = [one for one in hypotheses if one.difficulty is None]
        if math.fsum(one.probability for one in unknown) >= LIKELY:
            state.flag_for_review(_no_difficulty(state, unknown))
            execution = self._network_score(None).score()
            return Estimate(
                execution=self._execution(execution, hypotheses), prior=_prior(self.table, hypotheses)
            )
        return self._scored(_renormalised([one for one in hypotheses if one.difficulty is not None]))

    def _scored(self, hypotheses: Sequence[Hypothesis]) -> Estimate:
        """The mean score over what the dive may be; each of these has its own difficulty and its own prior."""
        single, difficulty = mean_difficulty(hypotheses)
        own = self._network_score(difficulty)
        blend = mixed([(one.probability, self._blend(one, own, difficulty)) for one in hypotheses])
        judging = None if single is None else plausible_judging(blend.score, single)
        _warn(self.state, blend.score, single, judging)
        execution = None if difficulty is None else blend.score / difficulty
        if self.network.executes and difficulty is not None:
            execution = self._execution(own.score() / difficulty, hypotheses)
        return Estimate(
            score=blend.score,
            interval=blend.interval,
            execution=execution,
            difficulty=difficulty if self.network.executes else None,
            prior=_prior(self.table, hypotheses, blend.prior_part),
            predicted=own.predicted,
            votes=own.votes,
            judging=judging,
        )

    def _network_score(self, difficulty: float | None) -> NetworkScore:
        """What the network alone says, in points at a difficulty; in execution where it predicts that and it is None."""
        state, network, views = self.state, self.network, self.speaker.encoding.views
        query = query_of(state.sha256, state.known, difficulty)
        if network.executes and difficulty is None:
            # Execution is the score at difficulty 1; no exemplar is to be chosen by that.
            query = query.with_changes(difficulty=1.0, dive_number=None)
        protocol: Protocol = "w/o DN" if query.dive_number is None else "w/ DN"
        task = PredictionTask(protocol=protocol, num=state.options.exemplars, execution=network.executes)
        predicted = predictor_of(network.model, task, network.bank).predict(query, views)
        if predicted.fallback:
            state.warnings.append(f"{predicted.fallback[:1].upper()}{predicted.fallback[1:]}.")
        votes: list[ExemplarVote] = []
        if network.bank is not None:
            votes = exemplar_votes(
                predicted,
                network.bank,
                execution=network.executes,
                slope=network.slope,
                films={} if network.fit is None else network.fit.films,
            )
        return NetworkScore(predicted=predicted, votes=votes)

    def _blend(self, one: Hypothesis, own: NetworkScore, difficulty: float | None) -> Blend:
        """The score of one thing that the dive may be, moved towards its prior where the network asks for that.

        Args:
            one: What the dive may be.
            own: What the network alone says, in points.
            difficulty: Degree of difficulty that `own` was multiplied by; None where it was not.
        """
        network, media = self.network, self.state.media
        factor = one.difficulty / difficulty if network.executes and one.difficulty and difficulty else 1.0
        score, interval = own.score(factor), None
        content = network.card.score_intervals if network.fit is None else network.fit.score_intervals
        # Intervals were fitted to what is said of films.
        if content and media is not None and media.info.kind != "joints":
            interval = own.interval(IntervalModel.from_json(content), factor)
        expected, far = _expected(self.table, one), self.speaker.unfamiliarity
        if expected is None or far is None or self.speaker.film_share is None:
            return Blend(score=score, interval=interval, prior_part=0.0)
        return blended(score, interval, expected, unfamiliarity=far, scale=network.card.film_scale)

    def _execution(self, own: float, hypotheses: Sequence[Hypothesis]) -> float:
        """Execution, moved towards that of the prior as the score is; it needs no difficulty."""
        share = self.speaker.film_share
        if share is None:
            return own
        usual = math.fsum(
            one.probability * _expected_at(self.table, one.options, 1.0).score for one in hypotheses
        )
        return share * own + (1.0 - share) * usual

    def _assume_height(self) -> None:
        """Where the difficulty depends on a height that nobody gives, take that of the exemplars if they all have the same."""
        options = self.state.options
        heights = {film.height_m for film in self.network.films}
        if options.height_m is not None or (options.dive_number and options.difficulty) or len(heights) != 1:
            return
        height_m = heights.pop()
        if height_m is not None and self.network.executes:
            self.state.assumed_height_m = height_m
            self.state.warnings.append(
                f"No height is given: {height_m:g} m is assumed, the height of all {self._whose}."
            )

    @property
    def _whose(self) -> str:
        return "films of its training" if self.network.bank is None else "exemplars"

    def _unfamiliar(self) -> Reason | None:
        """Why the film is too far from the training films; None where it is not."""
        card, share = self.network.card, self.speaker.film_share
        if self.speaker.unfamiliarity is None or share is None or share >= LEAST_FILM_SHARE:
            return None
        shown_on = card.shown_on.rstrip(".") or card.trained_on.rstrip(".")
        return Reason(
            code="unfamiliar",
            text=f"This film is {self.speaker.unfamiliarity:.1f} times as far from the training films of the network {card.name} "
            f"as the farthest 5 % of the dives held out of its training (known to it: {shown_on}). A score would not come "
            f"from the film.{'' if self.network.bank is None else _OWN_EXEMPLARS}",
        )

    def _bank_adds_nothing(self) -> Reason | None:
        """Why a bank of the user's own makes no score: at slope 0 it would be the same whatever the film shows."""
        fit = self.network.fit
        if fit is None or fit.slope > 0:
            return None
        return Reason(
            code="bank-adds-nothing",
            text=f"What the network sees does not go with the scores of the {fit.validation.num_dives} dives of your bank (slope 0): "
            "a score would be the mean of theirs, whatever this film shows. Check their scores, give more dives, or leave "
            "--bank out.",
        )


def possible(state: ScoringState) -> tuple[Hypothesis, ...]:
    """What a dive may be: what the user says, or every number that the film may show."""
    return (Hypothesis.of(state.told),) if state.recognised is None else state.recognised.hypotheses


def mean_difficulty(hypotheses: Sequence[Hypothesis]) -> tuple[float | None, float | None]:
    """The single difficulty of what a dive may be, None where there are several, and their mean by probability.

    Both are None where one is not known.
    """
    known = [(one.probability, one.difficulty) for one in hypotheses if one.difficulty is not None]
    if len(known) < len(hypotheses):
        return None, None
    if len({value for _, value in known}) == 1:
        return known[0][1], known[0][1]
    return None, math.fsum(p * value for p, value in known)


def query_of(sha256: str, options: ScoreOptions, difficulty: float | None) -> Dive:
    """The dive as exemplars are chosen for it; its choice depends on the input's bytes alone.

    Args:
        sha256: SHA-256 of the input, in hexadecimal.
        options: What is known of the dive.
        difficulty: Degree of difficulty; None where it is not known.
    """
    number = options.number
    return Dive(
        dataset="query",
        event=f"query-{sha256[:16]}",
        number=0,
        recording=f"sha256:{sha256}",
        split="test",
        score=0.0,
        difficulty=difficulty,
        dive_number=None if number is None else number.code,
        height_m=options.height_m,
    )


_OWN_EXEMPLARS = " Exemplars of your own (`stagescore fit-bank`) make such films scorable."


def exemplar_votes(
    predicted: PredictedDive,
    bank: ExemplarBank,
    *,
    execution: bool = False,
    slope: float = 1.0,
    films: Mapping[str, str] = MappingProxyType({}),
) -> list[ExemplarVote]:
    """Each exemplar's say, with its parts.

    Args:
        predicted: The dive and its differences to the exemplars.
        bank: Bank that the exemplars are from.
        execution: Whether the network predicts score / difficulty. Its differences are in points already; the
            exemplars' scores are brought to the query's difficulty.
        slope: Factor by which the differences are multiplied, fitted on the user's own dives.
        films: Names of the exemplars' films, by dive id, where they are known.
    """
    rows = dict(zip((dive.dive_id for dive in bank.dives), range(len(bank)), strict=True))
    factor = predicted.dive.difficulty if execution else None
    votes = []
    for dive_id, parts in zip(
        predicted.prediction.exemplar_ids, predicted.stage_deltas.double().tolist(), strict=True
    ):
        exemplar = bank.dives[rows[dive_id]]
        base = exemplar.score
        if factor is not None and exemplar.difficulty is not None:
            base = factor * exemplar.score / exemplar.difficulty
        deltas = [[slope * part for part in stage] for stage in parts]
        votes.append(
            ExemplarVote(
                dive_id=dive_id,
                dive_number=exemplar.dive_number,
                score=base,
                delta=sum(map(sum, deltas)),
                stage_deltas=deltas,
                edges=bank.edges[rows[dive_id]].tolist(),
                film=films.get(dive_id),
            )
        )
    return votes


def _expected_at(table: ScorePrior, options: ScoreOptions, difficulty: float) -> Expectation:
    number = options.number
    return table.expect(
        difficulty=difficulty,
        dive_number=None if number is None else number.code,
        height_m=options.height_m,
        sex=options.sex,
    )


def _expected(table: ScorePrior, one: Hypothesis) -> Expectation | None:
    """What the labels alone say of a dive; None without a difficulty."""
    return None if one.difficulty is None else _expected_at(table, one.options, one.difficulty)


def _prior(table: ScorePrior, hypotheses: Sequence[Hypothesis], part: float = 0.0) -> Prior | None:
    """What the labels alone say, over all that the dive may be; None where a difficulty is not known."""
    found = [(one.probability, expected) for one in hypotheses if (expected := _expected(table, one))]
    if len(found) < len(hypotheses):
        return None
    if len(found) == 1:
        return Prior(**asdict(found[0][1]), part=part)
    score = math.fsum(p * one.score for p, one in found)
    variance = math.fsum(p * (one.sd**2 + (one.score - score) ** 2) for p, one in found)
    return Prior(
        score=score,
        sd=math.sqrt(variance),
        num_dives=0,
        group=f"mean over {len(found)} dive numbers by their probability",
        part=part,
    )


def _renormalised(hypotheses: Sequence[Hypothesis]) -> tuple[Hypothesis, ...]:
    if len(hypotheses) == 1:
        return (Hypothesis.of(hypotheses[0].options),)
    total = math.fsum(one.probability for one in hypotheses)
    return tuple(Hypothesis.of(one.options, one.probability / total) for one in hypotheses)


def _no_difficulty(state: ScoringState, unknown: Sequence[Hypothesis]) -> Reason:
    """Why execution is all that can be said."""
    if state.recognised is None or state.options.dive_number is not None:
        return Reason(
            code="no-difficulty",
            text="These weights predict execution: give --difficulty, or --dive-number and --height.",
        )
    codes = [one.options.dive_number or "" for one in unknown]
    named = " or ".join([*codes[:NUM_LIKELIEST], *(["another"] if len(codes) > NUM_LIKELIEST else [])])
    option = "--difficulty" if state.told.height_m else "--height or --difficulty"
    return Reason(
        code="unknown-difficulty",
        text=f"The film may show {named}, whose difficulty is not known here: give {option}. "
        "Execution is given, and no score.",
    )


def _warn(state: ScoringState, score: float, difficulty: float | None, judging: Judging | None) -> None:
    """Note what no judges could have given."""
    if difficulty is not None and judging is None:
        state.warnings.append(f"No judges' marks reach {score:.2f} points at difficulty {difficulty:g}.")
    elif score < 0:
        state.warnings.append("No dive gets less than 0: this one is unlike all that the network has seen.")
