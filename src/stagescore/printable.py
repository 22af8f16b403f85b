r"""Text from outside, such as names of files, where people read it: nothing in it steers a terminal or hides.

A name may hold bytes that are no UTF-8 (Python has them as lone surrogates), sequences that colour or clear a terminal, new
lines, and marks that turn the direction of writing, so that `gpm.exe` is read as `exe.mpg`. Source: Unicode's general
categories; its technical report 36, section 2, for the marks of direction.
"""

import json
import re
import unicodedata

REPLACEMENT = "\ufffd"
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
"""Categories of characters that are not seen: controls, formats, lone surrogates, separators of lines and paragraphs."""
_JOINERS = "\u200c\u200d"
"""Format characters that Persian, Hindi and pictures of several people are written with; they steer nothing."""
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def writable(text: str) -> str:
    r"""A text that can be written as UTF-8: what is none becomes U+FFFD.

    >>> writable("plong\udce9on")
    'plong�on'
    """
    return _LONE_SURROGATE.sub(REPLACEMENT, text)


def printable(text: str, *, keep: str = "") -> str:
    r"""A text that can be shown: what is not seen is spelled out, and what is no UTF-8 becomes U+FFFD.

    Args:
        text: Text that may come from anywhere.
        keep: Characters that are left as they are, such as new lines of our own.

    >>> print(printable("\x1b[31mred\nplong\udce9on"))
    \x1b[31mred\nplong�on
    """
    if text.isprintable():
        return text
    return "".join(one if one in keep or _is_seen(one) else _spelled(one) for one in text)


def xml_text(text: str) -> str:
    r"""A text that XML may hold: what is not seen, or is no character, is spelled out; what else XML has no place for becomes U+FFFD.

    >>> print(xml_text("\x00plong\uffff"))
    \x00plong\uffff
    """
    return _NOT_XML.sub(REPLACEMENT, printable(text))


def plain_name(text: str) -> str:
    r"""A name that a file may have on any disk with names in UTF-8, and that reads as it is: U+FFFD for the rest.

    >>> plain_name("plong\udce9on\n\x1b[31m")
    'plong�on��[31m'
    """
    return "".join(one if _is_seen(one) else REPLACEMENT for one in text)


def json_spelled(document: str) -> str:
    r"""A JSON document in which characters that are not seen are spelled out; whoever reads it gets the same content.

    >>> print(json_spelled('{"name": "\u202egpm.exe"}'))
    {"name": "\u202egpm.exe"}
    """
    return "".join(
        one if one == "\n" or _is_seen(one) else json.dumps(one)[1:-1] for one in writable(document)
    )


def _is_seen(one: str) -> bool:
    return one in _JOINERS or not (unicodedata.category(one) in _UNSEEN or _is_no_character(one))


def _is_no_character(one: str) -> bool:
    """Numbers that Unicode never gives to a character (chapter 23.7): some programs end a text there."""
    return ord(one) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(one) <= 0xFDEF


def _spelled(one: str) -> str:
    return REPLACEMENT if _LONE_SURROGATE.match(one) else ascii(one)[1:-1]
