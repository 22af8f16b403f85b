"""Dive numbers from the attributes that a network sees."""

import math

import makers
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stagescore.diving import NUM_NUMBER_CLASSES, DiveNumber, NumberClasses, usual_difficulties
from stagescore.errors import DataError
from stagescore.losses.dive_number import dive_number_losses
from stagescore.models.recognition import (
    NumberRecognition,
    candidate_numbers,
    mean_number_logits,
    number_log_probabilities,
    number_scores,
)
from stagescore.tensors import StageFeatures

CODES = sorted({code for code, _ in usual_difficulties()})
some_codes = st.lists(st.sampled_from(CODES), min_size=1, max_size=12, unique=True)
seeds = st.integers(0, 2**20)


def logits_of(seed: int, dives: int = 2) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(dives, sum(NUM_NUMBER_CLASSES), generator=random, dtype=torch.float64)


def by_hand(logits: list[float], code: str) -> float:
    """The sum of the log-probabilities of a number's attributes, from lists."""
    number, start, total = DiveNumber.parse(code), 0, 0.0
    classes = (
        int(number.armstand),
        ("forward", "back", "reverse", "inward").index(number.direction),
        min(number.half_somersaults, 9),
        number.half_twists,
        ("straight", "pike", "tuck", "free").index(number.position),
    )
    for size, k in zip((2, 4, 10, 10, 4), classes, strict=True):
        part = logits[start : start + size]
        total += part[k] - math.log(sum(math.exp(value) for value in part))
        start += size
    return total


@settings(max_examples=25, deadline=None)
@given(seed=seeds, codes=some_codes, temperature=st.floats(0.2, 5))
def test_probabilities_are_those_of_a_plain_loop(seed: int, codes: list[str], temperature: float) -> None:
    logits = logits_of(seed)
    found = number_log_probabilities(logits, codes, temperature).exp()
    for row, probabilities in zip(logits.tolist(), found.tolist(), strict=True):
        weights = [math.exp(by_hand(row, code) / temperature) for code in codes]
        assert probabilities == pytest.approx([w / sum(weights) for w in weights], rel=1e-6, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, codes=some_codes, temperature=st.floats(0.2, 5))
def test_dividing_every_logit_by_the_temperature_is_the_same(
    seed: int, codes: list[str], temperature: float
) -> None:
    logits = logits_of(seed)
    torch.testing.assert_close(
        number_log_probabilities(logits, codes, temperature),
        number_log_probabilities(logits / temperature, codes),
    )


def test_a_number_is_no_likelier_for_an_attribute_that_all_candidates_share() -> None:
    logits = logits_of(0)
    other = logits.clone()
    other[:, 0] += 7.0  # not from a handstand, as both are
    codes = ["107B", "207C"]
    torch.testing.assert_close(
        number_log_probabilities(other, codes), number_log_probabilities(logits, codes)
    )


def test_senseless_candidates_are_refused() -> None:
    with pytest.raises(DataError, match="no dive number to choose from"):
        number_scores(logits_of(0), [])
    with pytest.raises(DataError, match="'999Z' is no dive number"):
        number_scores(logits_of(0), ["107B", "999Z"])


def test_every_usual_number_has_classes_of_its_own() -> None:
    classes = {NumberClasses.of(code) for code in CODES}
    assert len(classes) == len(CODES)
    for of_number in classes:
        assert all(0 <= k < size for k, size in zip(of_number, NUM_NUMBER_CLASSES, strict=True))
    unknown = NumberClasses(-1, -1, -1, -1, -1)
    assert NumberClasses.of(None) == NumberClasses.of("") == NumberClasses.of("999Z") == unknown
    assert NumberClasses.of("1011C").half_somersaults == NumberClasses.of("109C").half_somersaults == 9
    assert NumberClasses.of("113B") == NumberClasses.of("103B")


def test_candidates_are_the_usual_numbers_of_the_height_and_those_of_the_dives() -> None:
    low = {code for code, height_m in usual_difficulties() if height_m == 3.0}
    assert set(candidate_numbers(3.0)) == low
    assert set(candidate_numbers(None)) == set(CODES)
    dives = [
        makers.dive(1, dive_number="101A", height_m=3.0),
        makers.dive(2, dive_number="101C", height_m=10.0),
        makers.dive(3, dive_number="201A", height_m=None),
        makers.dive(4, dive_number=None),
    ]
    found = candidate_numbers(3.0, dives)
    assert set(found) == low | {"101A", "201A"} and list(found) == sorted(found)
    assert set(candidate_numbers(1.0, dives)) == {"201A"}
    assert set(candidate_numbers(1.0)) == set(CODES)  # better any number than none


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_the_loss_is_that_of_a_plain_loop(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    logits = logits_of(seed, 6)
    targets = torch.stack(
        [torch.randint(-1, size, (6,), generator=random) for size in NUM_NUMBER_CLASSES], dim=1
    )
    targets[0] = -1
    losses, known = dive_number_losses(logits, targets)
    for row in range(6):
        start, each = 0, []
        for size, k in zip(NUM_NUMBER_CLASSES, targets[row].tolist(), strict=True):
            part = logits[row, start : start + size].tolist()
            if k >= 0:
                each.append(math.log(sum(map(math.exp, part))) - part[k])
            start += size
        assert bool(known[row]) == bool(each)
        assert float(losses[row]) == pytest.approx(sum(each) / len(each) if each else 0.0)


@settings(max_examples=10, deadline=None)
@given(seed=seeds, frames=st.integers(4, 9))
def test_the_head_is_that_of_plain_loops(seed: int, frames: int) -> None:
    torch.manual_seed(seed)
    head = NumberRecognition(in_width=3, width=2, dropout=0.5).eval().double()
    described = torch.randn(1, frames, 3, dtype=torch.float64)

    def normed(values: list[float], norm: torch.nn.LayerNorm) -> list[float]:
        mean = sum(values) / len(values)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values) + 1e-5)
        weight, bias = norm.weight.tolist(), norm.bias.tolist()
        return [(v - mean) / deviation * w + b for v, w, b in zip(values, weight, bias, strict=True)]

    def product(layer: torch.nn.Linear, values: list[float]) -> list[float]:
        rows = zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
        return [sum(w * v for w, v in zip(row, values, strict=True)) + b for row, b in rows]

    hidden = []
    for place, frame in enumerate(described[0].tolist()):
        turn = 2 * math.pi * place / (frames - 1)
        clock = [math.sin(turn), math.cos(turn), math.cos(turn / 2), math.cos(2 * turn)]
        said = product(head.entry, normed(frame, head.norm))
        hidden.append([a + b for a, b in zip(said, product(head.when, clock), strict=True)])
    for convolution, dilation in zip(head.convolutions, (1, 2, 4), strict=True):
        assert isinstance(convolution, torch.nn.Conv1d)
        weight, bias = convolution.weight.tolist(), torch.as_tensor(convolution.bias).tolist()
        active = [[v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in row] for row in hidden]
        hidden = [
            [
                hidden[t][c] + bias[c] + sum(
                    weight[c][other][k] * active[t + (k - 2) * dilation][other]
                    for k in range(5) for other in range(2) if 0 <= t + (k - 2) * dilation < frames
                )
                for c in range(2)
            ]
            for t in range(frames)
        ]  # fmt: skip
    hidden = [normed(row, head.exit_norm) for row in hidden]
    seen, start = [], 0
    for part in range(4):
        length = frames // 4 + (part < frames % 4)
        rows = hidden[start : start + length]
        seen += [sum(row[c] for row in rows) / length for c in range(2)]
        seen += [max(row[c] for row in rows) for c in range(2)]
        start += length
    torch.testing.assert_close(head(described)[0].tolist(), product(head.classify, seen))


def test_the_mean_over_views_is_that_of_their_logits() -> None:
    plain, flipped = (
        StageFeatures(static=torch.zeros(2, 3, 5, 4), number_logits=logits_of(seed).float())
        for seed in (1, 2)
    )
    mean = mean_number_logits([plain, flipped])
    assert mean is not None and torch.allclose(mean, (logits_of(1) + logits_of(2)).float() / 2)
    assert mean_number_logits([StageFeatures(static=torch.zeros(2, 3, 5, 4))]) is None


def dives_of(codes: list[str], mixing: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Frames that say the attributes, except that the direction shows only in what comes first."""
    shown = []
    for code in codes:
        classes = NumberClasses.of(code)
        parts = [
            torch.nn.functional.one_hot(torch.tensor(k), size).float()
            for k, size in zip(classes, NUM_NUMBER_CLASSES, strict=True)
        ]
        place = torch.zeros(16, 4)
        first = torch.arange(16) < 8
        # Forward and back, reverse and inward: the same pictures in the other order.
        place[first, (classes[1] // 2) * 2] = 1.0 - classes[1] % 2
        place[~first, (classes[1] // 2) * 2] = float(classes[1] % 2)
        still = torch.cat([parts[0], parts[2], parts[3], parts[4]]).expand(16, -1)
        shown.append(torch.cat([place, still], dim=1))
    steps = torch.stack(shown)
    return steps @ mixing + 0.1 * torch.randn(len(codes), 16, mixing.shape[1], generator=random)


@pytest.mark.slow
def test_a_number_that_no_film_shows_is_recognised_by_its_attributes_and_the_order_of_frames() -> None:
    """The head learns most numbers and knows the others; played backwards it takes them for others."""
    torch.manual_seed(0)
    random = torch.Generator().manual_seed(1)
    mixing = torch.randn(30, 48, generator=random)
    held_out = ["107C", "207B", "407C"]
    assert set(held_out) <= set(CODES)
    head = NumberRecognition(in_width=48, width=16)
    optimiser = torch.optim.Adam(head.parameters(), lr=0.01)
    shown = [code for code in CODES if code not in held_out] * 2
    targets = torch.tensor([NumberClasses.of(code) for code in shown])
    for _ in range(150):
        loss = dive_number_losses(head(dives_of(shown, mixing, random)), targets)[0].mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    head.eval()

    def share_right(codes: list[str], *, backwards: bool = False) -> float:
        frames = dives_of(codes, mixing, random)
        with torch.no_grad():
            logits = head(frames.flip(1) if backwards else frames)
        best = number_log_probabilities(logits, CODES).argmax(1).tolist()
        return sum(CODES[k] == c for k, c in zip(best, codes, strict=True)) / len(codes)

    assert share_right(shown) >= 0.95 and share_right(held_out) >= 0.6
    assert share_right(shown, backwards=True) < 0.3
