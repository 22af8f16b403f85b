"""What comes from outside is shown as text: it steers no terminal and hides nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagescore.printable import json_spelled, plain_name, printable, writable

ANY = st.text(st.characters(exclude_categories=[]))
HOSTILE = "\x1b[2J\x9b31m\u202e\u2066\u2028\n\r\x00\x7f\u200f"


@pytest.mark.parametrize("shown", [printable, plain_name])
def test_nothing_that_steers_is_left(shown) -> None:
    assert not set(HOSTILE) & set(shown(HOSTILE)) - set("[2J31m")
    assert shown("\udcff") == "\ufffd"


def test_names_of_all_scripts_stay() -> None:
    for name in ("plongeon d'été", "跳水", "غواص\u200cها", "👨‍👩‍👧", "94\xa0%", "a [b] & c"):
        assert printable(name) == plain_name(name) == name


@given(ANY)
def test_json_keeps_its_content(text: str) -> None:
    written = json_spelled(json.dumps({"name": text}, ensure_ascii=False))
    written.encode()
    assert json.loads(written) == {"name": writable(text)}


@pytest.mark.parametrize("number", [0xFFFE, 0xFFFF, 0x1FFFF, 0x10FFFE, 0xFDD0, 0xFDEF])
def test_numbers_that_are_no_characters_are_spelled_out(number: int) -> None:
    assert printable(chr(number)) == ascii(chr(number))[1:-1]
    assert plain_name(chr(number)) == "\ufffd"
