"""Damage to texts: JSON, lines of JSON, tables and XML, and how they are encoded."""

import json
import re
from typing import Any

from stagescore.benchmarks.campaign.byte_damage import MOST_BYTES, Fuzzer
from stagescore.benchmarks.campaign.chance import Chance
from stagescore.json_files import parse_json

_SHOWN = ("", " ", "\x00", "\x1b[2J\x1b[31m", "\u202egpm.exe", "\ud800", "\U0001f4a6", "=cmd|' /C calc'!A0", "../../../../etc/passwd", "x" * 5000,
          "a\nb\r\nc", "NaN", "-inf", "1e999", "0x10", "1_000", "٣", "½", "1,2,3", "'; --", "C:\\nul", "CON", "/dev/zero", "%s%n", "{}", "\ufeff")  # fmt: skip
"""Texts that make trouble where they are shown, read as numbers or taken for paths."""
_NUMBERS = ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e308", "5e-324", "-0", "1e-999", "9" * 400, "9007199254740993", "-1", "0",
            "4294967296", "2147483647.5", "1" + "0" * 5000)  # fmt: skip
_HELD_DEPTH = (10, 500, 3000, 100_000)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_CODECS = ("utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252", "latin-1", "shift_jis", "cp037", "utf-7")


def recoded(content: bytes, _: bytes, chance: Chance) -> bytes:
    """The same text in another encoding, or with pieces in another one."""
    text = content.decode("utf-8", "replace")
    codec = chance.one_of(_CODECS)
    if chance.happens(2):
        return text.encode(codec, "replace")
    start, end = chance.span(len(text), 200)
    accents = text[start:end] + "éß漢"
    return text[:start].encode() + accents.encode(codec, "replace") + text[end:].encode()


def strange_text(content: bytes, _: bytes, chance: Chance) -> bytes:
    """A text that makes trouble in the place of a word."""
    text = content.decode("utf-8", "surrogateescape")
    word = chance.one_of(list(re.finditer(r"\w+|$", text)))
    changed = text[: word.start()] + chance.one_of(_SHOWN) + text[word.end() :]
    return changed.encode("utf-8", "surrogatepass" if "\ud800" in changed else "surrogateescape")


def strange_number(content: bytes, _: bytes, chance: Chance) -> bytes:
    """Numbers that no measurement gives."""
    text = content.decode("utf-8", "surrogateescape")
    found = list(_NUMBER.finditer(text))
    for _turn in range(min(1 + chance.below(3), len(found))):
        place = chance.one_of(found)
        text = text[: place.start()] + chance.one_of(_NUMBERS) + text[place.end() :]
        found = list(_NUMBER.finditer(text))
    return text.encode("utf-8", "surrogateescape")


# JSON


def json_changed(content: bytes, other: bytes, chance: Chance) -> bytes:
    """A value of a document, or of one of its lines, becomes another; or a key stands twice, or is lost or misspelled."""
    try:
        return _document(content, other, chance).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        lines = content.splitlines(keepends=True)
        place = chance.below(len(lines))
        lines[place] = _json_line(lines[place], chance)
        return b"".join(lines)


def _json_line(line: bytes, chance: Chance) -> bytes:
    try:
        return _document(line, b"{}", chance, indent=None).encode("utf-8", "surrogatepass") + b"\n"
    except (ValueError, RecursionError):
        return line * 2


def _document(content: bytes, other: bytes, chance: Chance, indent: int | None = 1) -> str:
    document = parse_json(content, finite=False)
    holders = list(_holders(document))
    if not holders:
        return "[" * chance.one_of(_HELD_DEPTH)
    holder, key = chance.one_of(holders)
    mark = "\x01place\x01"
    raw = _value(holder[key], chance)
    if isinstance(holder, dict) and chance.happens(3):
        way = chance.below(3)
        value = holder.pop(key)
        if way == 1:
            holder[chance.one_of((key.upper(), key + " ", f"\u200b{key}", chance.one_of(_SHOWN)))] = value
        elif way == 2:  # a key twice: once as it was, once changed
            holder[key], holder[key + mark] = value, mark
    else:
        holder[key] = mark
    written = json.dumps(document, indent=indent)
    # Marks are quoted and escaped by now.
    return written.replace(json.dumps(mark), raw).replace(json.dumps(mark)[1:-1], "")


def _holders(document: Any) -> "list[tuple[Any, Any]]":
    found: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting and len(found) < 5000:
        one = waiting.pop()
        items = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        for key, value in items:
            found.append((one, key))
            waiting.append(value)
    return found


def _value(before: Any, chance: Chance) -> str:
    """Another value, as JSON is written."""
    way = chance.below(8)
    if way == 0:
        depth = chance.one_of(_HELD_DEPTH)
        return "[" * depth + "1" + "]" * depth
    if way == 1:
        return chance.one_of(("null", "true", "[]", "{}", '""', "[[]]", "[null]", '{"a":1}'))
    if way == 2:
        return json.dumps(chance.one_of(_SHOWN))
    if way == 3:
        return "[" + "0," * chance.one_of((10, 1000, 300_000)) + "0]"
    if way == 4 and isinstance(before, list):
        return json.dumps(
            chance.one_of(
                (
                    before * 2,
                    before[:-1],
                    before[::-1],
                    [before],
                    before[1:] + before[:1],
                    [[one] for one in before],
                )
            )
        )
    if way == 5 and isinstance(before, str):
        return json.dumps(
            chance.one_of((before * 1000, before[:-1], before.upper(), f" {before}", "../" + before))
        )
    return chance.one_of(_NUMBERS)


# Tables


def table_changed(content: bytes, other: bytes, chance: Chance) -> bytes:
    """Fields, rows and columns of a table move, double or vanish; quotes and separators break."""
    text = content.decode("utf-8", "surrogateescape")
    lines = text.splitlines()
    separator = max(",;\t", key=text.count)
    place = chance.below(len(lines))
    fields = lines[place].split(separator)
    column = chance.below(len(fields))
    way = chance.below(10)
    if way == 0:
        fields[column] = chance.one_of((*_SHOWN, *_NUMBERS))
    elif way == 1:
        fields[column] = '"' + fields[column]
    elif way == 2:
        fields.insert(column, fields[column])
    elif way == 3:
        del fields[column]
    elif way == 4:
        fields += [""] * chance.one_of((1, 100, 50_000))
    lines[place] = separator.join(fields)
    if way == 5:
        lines = [separator.join(line.split(separator)[::-1]) for line in lines]
    elif way == 6:
        lines = [*lines[:place], *[lines[place]] * chance.one_of((2, 100, 20_000)), *lines[place:]]
    elif way == 7:
        lines = [line.replace(separator, chance.one_of(",;\t| ")) for line in lines]
    elif way == 8:
        lines = [f"sep={separator}", *lines, chance.one_of(("", '"', "\x1a", "total"))]
    elif way == 9:
        lines[0] = lines[0].swapcase() if chance.happens(2) else lines[-1]
    return (
        chance.one_of(("\n", "\n", "\r\n", "\r", "\x0b"))
        .join(lines)
        .encode("utf-8", "surrogatepass")[:MOST_BYTES]
    )


# XML within xlsx

_LAUGHS = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a0 "ha">{}]>'


def xml_changed(content: bytes, other: bytes, chance: Chance) -> bytes:
    """Elements of a sheet double, nest, vanish; numbers of cells and texts become what no sheet has; entities grow."""
    text = content.decode("utf-8", "replace")
    way = chance.below(7)
    tags = list(re.finditer(r"<(\w+)[^<>/]*>", text))
    if way == 0 or not tags:
        grown = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
        body = re.sub(r"^<\?xml[^>]*\?>", "", text)
        text = _LAUGHS.format(grown) + re.sub(r">([^<>]+)<", ">&a9;<", body, count=3)
    elif way == 1:
        tag = chance.one_of(tags)
        depth = chance.one_of((10, 1000, 50_000))
        text = text[: tag.start()] + tag.group() * depth + text[tag.start() :] + f"</{tag.group(1)}>" * depth
    elif way == 2:
        tag = chance.one_of(tags)
        text = text[: tag.start()] + text[tag.end() :]
    elif way == 3:
        places = list(re.finditer(r'\br="[A-Z]*\d+"', text)) or tags
        place = chance.one_of(places)
        strange = chance.one_of(
            ('r="XFD1048576"', 'r="A99999999999"', 'r="ZZZZZ1"', 'r="A0"', 'r=""', 'r="1048577"', 'r="-1"')
        )
        text = text[: place.start()] + strange + text[place.end() :]
    elif way == 4:
        return strange_number(content, other, chance)
    elif way == 5:
        return strange_text(content, other, chance)
    else:
        rows = list(re.finditer(r"<(row|si|c|sheet)\b.*?</\1>", text, re.S)) or tags
        row = chance.one_of(rows)
        text = text[: row.start()] + row.group() * chance.one_of((2, 1000, 30_000)) + text[row.end() :]
    return text.encode("utf-8", "replace")[:MOST_BYTES]


ANY_TEXT: tuple[Fuzzer, ...] = (recoded, strange_text, strange_number)
JSON_TEXT: tuple[Fuzzer, ...] = (*ANY_TEXT, json_changed, json_changed, json_changed)
TABLE_TEXT: tuple[Fuzzer, ...] = (*ANY_TEXT, table_changed, table_changed, table_changed)
XML_TEXT: tuple[Fuzzer, ...] = (xml_changed, recoded)
