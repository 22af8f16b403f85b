"""The sentences of a language: facts are said, and what was said is read back.

A language is a file in `captions/languages`. Every sentence is a template with places for numbers and names, and the same template,
made a regular expression, reads the sentence. So a sentence holds its facts and nothing else.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml

from stagescore.captions.facts import Change, Fact, Happened, RuleTakes, Side, Sign, StageLost
from stagescore.errors import DataError

_PLACE = re.compile(r"\{(\w+)\}")
_DIGITS = {
    "jump_height": 2,
    "board_distance": 2,
    "somersaults": 1,
    "twists": 1,
    "tightness": 2,
    "opening_time": 2,
    "splash_width": 2,
    "splash_height": 2,
    "splash_area": 2,
}
"""Digits after the decimal point with which a measure is told; angles have none."""
_SIDES: tuple[Side, ...] = ("more", "less")


def told_value(measure: str, value: float) -> float:
    """A value of a measure, rounded as it is told.

    Args:
        measure: Name of the measure.
        value: Value of the measure.

    >>> told_value("knee_bend", 24.6), told_value("opening_time", 0.4567)
    (25.0, 0.46)
    """
    return round(float(value), _DIGITS.get(measure, 0)) + 0.0


@dataclass(frozen=True, slots=True)
class _Form:
    """One kind of sentence: its template, and the words and the fact that are fixed by it."""

    template: str
    pattern: "re.Pattern[str]"
    kind: str
    measure: str = ""
    sign: Sign | None = None
    side: Side | None = None


class Grammar:
    """The sentences of one language.

    Args:
        words: Content of the language's file.

    Raises:
        DataError: It lacks a part, or two sentences have the same form.
    """

    def __init__(self, words: Mapping[str, Any]) -> None:
        try:
            self._decimal = str(words["decimal"])
            self._stages: dict[str, str] = dict(words["stages"])
            self._frames: dict[str, str] = dict(words["frames"])
            self._forms = [*self._happened(words), *self._others(words)]
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"the language lacks {error}", todo="compare it with en.yaml") from None
        if len({form.pattern.pattern for form in self._forms}) < len(self._forms):
            raise DataError("two sentences of the language have the same form", todo="word one otherwise")

    @classmethod
    @lru_cache(maxsize=8)
    def of(cls, language: str) -> "Grammar":
        """The grammar of a language that ships.

        Args:
            language: Name of the language, such as `en`.

        Raises:
            DataError: There is none.
        """
        folder = resources.files("stagescore.captions") / "languages"
        known = sorted(file.name.removesuffix(".yaml") for file in folder.iterdir())
        if language not in known:
            raise DataError(f"there is no language {language!r}", todo=f"choose among {', '.join(known)}")
        return cls(yaml.safe_load((folder / f"{language}.yaml").read_text(encoding="utf-8")))

    @property
    def measures(self) -> frozenset[str]:
        """Names of the measures that there are words for."""
        return frozenset(form.measure for form in self._forms if form.kind == "happened")

    @property
    def advised(self) -> frozenset[str]:
        """Names of the measures for which something can be changed."""
        return frozenset(form.measure for form in self._forms if form.kind == "change")

    def say(self, fact: Fact) -> str:
        """The sentence of a fact.

        Args:
            fact: What is to be said; its numbers are rounded as they are told.

        Raises:
            DataError: The language has no words for it.
        """
        if isinstance(fact, Happened):
            form = self._form("happened", fact.measure, self._sign(fact), fact.side)
            first, last = fact.frames
            frames = self._frames["one" if first == last else "several"].format(first=first, last=last)
            value = abs(fact.value) if form.sign is not None else fact.value
            return form.template.format(
                value=self._number(value, _DIGITS.get(fact.measure, 0)), frames=frames, percent=fact.percent
            )
        if isinstance(fact, RuleTakes):
            return self._form("rule").template.format(
                least=self._number(fact.least, 1), most=self._number(fact.most, 1)
            )
        if isinstance(fact, StageLost):
            return self._form("stage").template.format(
                stage=self._stages[fact.stage], points=self._number(fact.points, 1)
            )
        return self._form("change", fact.measure, fact.sign).template

    def read(self, text: str) -> tuple[Fact, ...]:
        """The facts of a text, in their order.

        Args:
            text: Sentences of this language, with white space between them.

        Raises:
            DataError: A part of it is no sentence of this language.
        """
        facts: list[Fact] = []
        place = 0
        while text[place:].strip():
            place += len(text[place:]) - len(text[place:].lstrip())
            found = [(form, match) for form in self._forms if (match := form.pattern.match(text, place))]
            if not found:
                raise DataError(
                    f"{text[place : place + 60]!r} is no sentence of this language",
                    todo="give what `say` says",
                )
            form, match = max(found, key=lambda one: one[1].end())
            facts.append(self._fact(form, match.groupdict()))
            place = match.end()
        return tuple(facts)

    def _fact(self, form: _Form, groups: Mapping[str, str | None]) -> Fact:
        def number(name: str) -> float:
            return float(str(groups[name]).replace(self._decimal, ".").replace("−", "-"))

        if form.kind == "happened":
            first = int(str(groups["one"] or groups["first"]))
            value = number("value")
            return Happened(
                measure=form.measure,
                value=-value if form.sign == "-" else value,
                frames=(first, first if groups["one"] else int(str(groups["last"]))),
                percent=None if form.side is None else int(str(groups["percent"])),
                side=form.side,
            )
        if form.kind == "rule":
            return RuleTakes(least=number("least"), most=number("most"))
        if form.kind == "stage":
            told = str(groups["stage"])
            (stage,) = (name for name, words in self._stages.items() if words == told)
            return StageLost(stage=stage, points=number("points"))
        return Change(measure=form.measure, sign=form.sign)

    def _form(
        self, kind: str, measure: str = "", sign: Sign | None = None, side: Side | None = None
    ) -> _Form:
        for form in self._forms:
            if (form.kind, form.measure, form.side) == (kind, measure, side) and form.sign in (None, sign):
                return form
        raise DataError(f"the language has no words for {measure or kind}", todo="add them to its file")

    @staticmethod
    def _sign(fact: Happened) -> Sign:
        return "-" if fact.value < 0 else "+"

    def _number(self, value: float, digits: int) -> str:
        return f"{value:.{digits}f}".replace("-", "−").replace(".", self._decimal)

    def _happened(self, words: Mapping[str, Any]) -> list[_Form]:
        compared = words["compared"]
        return [
            self._made(template.replace("{compared}", ending), "happened", measure, sign, side)
            for measure, templates in words["happened"].items()
            for sign, template in _signed(templates)
            for side, ending in ((None, ""), *((side, compared[side]) for side in _SIDES))
        ]

    def _others(self, words: Mapping[str, Any]) -> list[_Form]:
        changes = [
            self._made(template, "change", measure, sign)
            for measure, templates in words["change"].items()
            for sign, template in _signed(templates)
        ]
        return [self._made(words["rule"], "rule"), self._made(words["stage"], "stage"), *changes]

    def _made(
        self, template: str, kind: str, measure: str = "", sign: Sign | None = None, side: Side | None = None
    ) -> _Form:
        number = f"−?[0-9]+(?:{re.escape(self._decimal)}[0-9]+)?"
        one = re.escape(self._frames["one"]).replace(r"\{first\}", "(?P<one>[0-9]+)")
        several = re.escape(self._frames["several"])
        for name in ("first", "last"):
            several = several.replace(rf"\{{{name}\}}", f"(?P<{name}>[0-9]+)")
        stages = "|".join(re.escape(stage) for stage in self._stages.values())
        places = {
            "frames": f"(?:{several}|{one})",
            "percent": "(?P<percent>[0-9]+)",
            "stage": f"(?P<stage>{stages})",
        }
        parts = _PLACE.split(template)  # text, name, text, name, ..., text
        pattern = "".join(
            re.escape(part) if not k % 2 else places.get(part, f"(?P<{part}>{number})")
            for k, part in enumerate(parts)
        )
        return _Form(template, re.compile(pattern), kind, measure, sign, side)


def say_all(grammar: Grammar, facts: Sequence[Fact]) -> str:
    """The sentences of some facts, one after the other.

    Args:
        grammar: Grammar of the language.
        facts: Facts to be said.

    Raises:
        DataError: The language has no words for one of them.
    """
    return " ".join(grammar.say(fact) for fact in facts)


def _signed(templates: str | Mapping[Sign, str]) -> list[tuple[Sign | None, str]]:
    return [(None, templates)] if isinstance(templates, str) else list(templates.items())
