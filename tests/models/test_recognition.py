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


def test_the_head_reads_mean_and_maximum_of_the_static_features_where_there_are_any() -> None:
    torch.manual_seed(0)
    head = NumberRecognition(in_width=4, num_stages=3, dropout=0.5).eval()
    static, fused = torch.randn(2, 3, 5, 4), torch.randn(2, 3, 5, 4)
    found = head(StageFeatures(static=static, fused=fused))
    assert torch.equal(found, head(StageFeatures(static=static)))
    assert not torch.equal(found, head(StageFeatures(fused=fused)))
    read = []
    for stage in range(3):
        steps = static[1, stage]
        both = [sum(steps[:, c].tolist()) / 5 for c in range(4)] + [
            max(steps[:, c].tolist()) for c in range(4)
        ]
        mean = sum(both) / 8
        deviation = math.sqrt(sum((value - mean) ** 2 for value in both) / 8 + 1e-5)
        read += [(value - mean) / deviation for value in both]
    linear = head.classify[-1]
    assert isinstance(linear, torch.nn.Linear)
    torch.testing.assert_close(found[1], linear(torch.tensor(read)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("width", [0, 16])
def test_a_number_that_no_film_shows_is_recognised_by_its_attributes(width: int) -> None:
    """Features that say each attribute: the head learns most numbers and knows the others."""
    torch.manual_seed(0)
    random = torch.Generator().manual_seed(1)
    sizes = sum(NUM_NUMBER_CLASSES)
    mixing = torch.randn(sizes, 48, generator=random)
    held_out = ["107C", "207B", "407C"]
    assert set(held_out) <= set(CODES)

    def features(codes: list[str]) -> StageFeatures:
        shown = torch.cat(
            [
                torch.nn.functional.one_hot(torch.tensor([NumberClasses.of(c)[k] for c in codes]), size)
                for k, size in enumerate(NUM_NUMBER_CLASSES)
            ],
            dim=1,
        ).float()
        steps = (shown @ mixing)[:, None, None].expand(-1, 3, 5, -1)
        return StageFeatures(static=steps + 0.1 * torch.randn(steps.shape, generator=random))

    head = NumberRecognition(in_width=48, num_stages=3, width=width)
    optimiser = torch.optim.Adam(head.parameters(), lr=0.01)
    shown = [code for code in CODES if code not in held_out] * 2
    targets = torch.tensor([NumberClasses.of(code) for code in shown])
    for _ in range(150):
        loss = dive_number_losses(head(features(shown)), targets)[0].mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        for codes, least in ((shown, 0.95), (held_out, 0.6)):
            best = number_log_probabilities(head(features(codes)), CODES).argmax(1).tolist()
            assert sum(CODES[k] == c for k, c in zip(best, codes, strict=True)) >= least * len(codes)
