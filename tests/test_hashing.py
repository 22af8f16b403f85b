import hashlib
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from stagescore.hashing import file_sha256, hash_u64, hash_unit

parts = st.lists(st.integers() | st.text(st.characters(codec="utf-8")), max_size=4)


def test_the_same_on_every_machine():
    # Figures written down once; whoever changes them changes every split and choice.
    assert hash_u64() == 13020603013274838756
    assert hash_u64(7, "cup/1") == 2245036796811637197
    framed = b"\x05\0\0\0\0\0\0\0int:7" + b"\x09\0\0\0\0\0\0\0str:cup/1"
    assert hash_u64(7, "cup/1") == int.from_bytes(hashlib.blake2b(framed, digest_size=8).digest(), "little")


def test_the_same_in_another_process():
    code = "from stagescore.hashing import hash_u64; print(hash_u64(7, 'cup/1'))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(run.stdout) == hash_u64(7, "cup/1")


@given(parts, parts)
def test_other_parts_give_another_number(a, b):
    same = [(type(p), p) for p in a] == [(type(p), p) for p in b]
    assert (hash_u64(*a) == hash_u64(*b)) == same
    assert 0 <= hash_u64(*a) < 2**64
    assert 0 <= hash_unit(*a) < 1


def test_types_and_borders_count():
    assert (
        len({hash_u64(1), hash_u64("1"), hash_u64("ab"), hash_u64("a", "b"), hash_u64("", "ab"), hash_u64()})
        == 6
    )


def test_units_are_spread_evenly():
    values = [hash_unit(0, n) for n in range(10_000)]
    for k in range(10):
        assert abs(sum(k / 10 <= v < (k + 1) / 10 for v in values) - 1000) < 150


def test_the_sha256_of_a_file(tmp_path):
    content = bytes(range(256)) * 10_000
    (tmp_path / "a").write_bytes(content)
    assert file_sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()
