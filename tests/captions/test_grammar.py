"""What is said is read back: every fact, in every form, and nothing else."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from stagescore import captions
from stagescore.captions.facts import SIGNED, Change, Fact, Happened, RuleTakes, StageLost
from stagescore.captions.grammar import Grammar, say_all, told_value
from stagescore.errors import DataError

LANGUAGES = sorted(path.stem for path in (Path(captions.__file__).parent / "languages").glob("*.yaml"))


def drawn_facts(grammar: Grammar, seed: int) -> list[Fact]:
    """Facts of every kind with numbers by chance."""
    rng = np.random.default_rng(seed)
    facts: list[Fact] = []
    for measure in sorted(grammar.measures):
        first = int(rng.integers(0, 500))
        value = told_value(measure, float(rng.uniform(0.01, 120)))
        side = [None, "more", "less"][rng.integers(3)]
        facts.append(
            Happened(
                measure=measure,
                value=-value if measure in SIGNED and rng.random() < 0.5 else value,
                frames=(first, first + int(rng.integers(0, 9))),
                percent=None if side is None else int(rng.integers(0, 101)),
                side=side,
            )
        )
    facts += [RuleTakes(least=0.5, most=float(rng.integers(1, 5)) / 2)]
    facts += [
        StageLost(stage=stage, points=round(float(rng.uniform(0.1, 40)), 1))
        for stage in ("take-off", "flight", "entry")
    ]
    for measure in sorted(grammar.advised):
        facts.append(Change(measure=measure, sign="+-"[rng.integers(2)] if measure in SIGNED else None))
    return [facts[k] for k in rng.permutation(len(facts))]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("seed", range(20))
def test_a_text_is_read_back_to_the_facts_that_it_was_made_from(language: str, seed: int) -> None:
    grammar = Grammar.of(language)
    facts = drawn_facts(grammar, seed)
    for fact in facts:
        assert grammar.read(grammar.say(fact)) == (fact,)
    assert grammar.read(say_all(grammar, facts)) == tuple(facts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_of_a_sentence_is_a_number_of_its_fact(language: str) -> None:
    grammar = Grammar.of(language)
    for fact in drawn_facts(grammar, 3):
        told = {float(n.replace(",", ".")) for n in re.findall(r"\d+(?:[.,]\d+)?", grammar.say(fact))}
        held = set()
        for name in fact.__slots__:
            value = getattr(fact, name)
            for one in value if isinstance(value, tuple) else (value,):
                if isinstance(one, int | float):
                    held.add(abs(float(one)))
        assert told <= held, grammar.say(fact)


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_words_for_all_that_is_measured_and_no_advice_on_what_is_not(language: str) -> None:
    grammar = Grammar.of(language)
    assert grammar.advised <= grammar.measures
    assert grammar.measures == Grammar.of("en").measures and grammar.advised == Grammar.of("en").advised


@pytest.mark.parametrize(
    "text",
    ["The dive was good.", "For such a fault a judge takes off 0.5 to points.", "The entry. The flight."],
)
def test_what_the_grammar_did_not_say_is_not_read(text: str) -> None:
    with pytest.raises(DataError, match="is no sentence of this language"):
        Grammar.of("en").read(text)


def test_what_there_are_no_words_for_is_told() -> None:
    with pytest.raises(DataError, match="no words for salto"):
        Grammar.of("en").say(Change(measure="salto"))
    with pytest.raises(DataError, match="no language 'xx'"):
        Grammar.of("xx")


def test_two_sentences_of_one_form_are_refused() -> None:
    words = yaml.safe_load((Path(captions.__file__).parent / "languages" / "en.yaml").read_text())
    words["change"]["leg_split"] = words["change"]["knee_bend"]
    with pytest.raises(DataError, match="the same form"):
        Grammar(words)
    del words["rule"]
    with pytest.raises(DataError, match="lacks 'rule'"):
        Grammar(words)
