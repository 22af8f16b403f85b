import ast
import copyreg
import pickle
import struct
import subprocess
import sys
import time
from pathlib import Path

import hostile
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stagescore.data.legacy_pickle import loads, read_pickle
from stagescore.errors import DataError, UnsafePickleError

PROTOCOLS = range(6)


def same(a, b) -> bool:
    """Equal in value and type, NaN to NaN, through containers."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return (
            a.shape == b.shape
            and a.dtype == b.dtype.newbyteorder("=")
            and a.flags.f_contiguous == b.flags.f_contiguous
            and np.ascontiguousarray(a).tobytes() == np.ascontiguousarray(b.astype(a.dtype)).tobytes()
        )
    if isinstance(a, np.generic):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b)
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, dict):
        return len(a) == len(b) and all(same(p, q) and same(a[p], b[q]) for p, q in zip(a, b, strict=True))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


keys = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.binary(max_size=8),
)
leaves = st.one_of(
    keys,
    st.integers(-(2**2100), 2**2100),
    st.floats(),
    st.complex_numbers(),
    st.text(alphabet=st.characters(exclude_categories=[]), max_size=300),
    st.binary(max_size=300),
    st.frozensets(keys, max_size=4),
    st.sets(keys, max_size=4),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=5).map(tuple),
        st.dictionaries(st.one_of(keys, st.tuples(keys, keys)), inner, max_size=5),
    ),
    max_leaves=25,
)


@settings(max_examples=100, deadline=None)
@given(values, st.sampled_from(PROTOCOLS))
def test_plain_data_comes_back_as_it_was(value, protocol):
    content = pickle.dumps(value, protocol=protocol)
    assert same(loads(content), pickle.loads(content))


plain_dtypes = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    hnp.complex_number_dtypes(endianness="?", sizes=(64, 128)),
    hnp.byte_string_dtypes(max_len=6),
    hnp.unicode_string_dtypes(endianness="?", max_len=6),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    plain_dtypes.flatmap(
        lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    ),
    st.sampled_from(PROTOCOLS),
    st.sampled_from("CF"),
)
def test_arrays_of_plain_types_come_back_as_they_were(array, protocol, order):
    array = np.asarray(array, order=order)
    assert same(loads(pickle.dumps(array, protocol=protocol)), array)
    assert same(loads(pickle.dumps([array, (array,)], protocol=protocol))[1][0], array)


def test_a_view_with_strides_comes_back():
    view = np.arange(24).reshape(4, 6)[::2, ::-3]
    for protocol in PROTOCOLS:
        assert np.array_equal(loads(pickle.dumps(view, protocol=protocol)), view)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "scalar",
    [
        np.float64(0.1),
        np.float32(-0.0),
        np.float16(2.5),
        np.float64("nan"),
        np.int64(-5),
        np.uint8(200),
        np.bool_(True),
        np.complex64(1 + 2j),
        np.str_("pikè"),
        np.bytes_(b"\x00\xff1"),
        np.dtype(">f8").type(3.5),
    ],
)
def test_numpy_scalars_come_back(scalar, protocol):
    assert same(loads(pickle.dumps({"a": scalar}, protocol=protocol))["a"], scalar)


def test_arrays_are_the_readers_own_and_may_be_written():
    array = loads(pickle.dumps(np.arange(3), protocol=5))
    array[0] = 7
    assert array.tolist() == [7, 1, 2]


def test_shared_parts_stay_shared():
    shared = [1]
    a, b = loads(pickle.dumps([shared, shared]))
    assert a is b


PYTHON_2 = [
    (b"S'abc'\n.", "abc"),
    (b"S'a\\xe9\\n\\''\np0\n.", "a\xe9\n'"),
    (b'S"it\'s"\n.', "it's"),
    (
        b"(dp0\nS'a'\np1\nI5\nsS'b'\np2\nL12345678901234567890L\nsS'c'\nF0.1\ns.",
        {"a": 5, "b": 12345678901234567890, "c": 0.1},
    ),
    (b"(lp0\nI01\naI00\naNa.", [True, False, None]),
    (b"(I1\nV\\u00e9\ntp0\n.", (1, "é")),
    (b"\x80\x02U\x03a\xe9bq\x00.", "a\xe9b"),
    (b"T\x04\x00\x00\x00\x00\xff12.", "\x00\xff12"),
    (b"\x80\x02c__builtin__\nset\nq\x00]q\x01(K\x01K\x02e\x85q\x02Rq\x03.", {1, 2}),
    (
        b"\x80\x02cnumpy.core.multiarray\nscalar\nq\x01cnumpy\ndtype\nq\x02U\x02f8K\x00K\x01\x87Rq\x03"
        b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbU\x08"
        + struct.pack("<d", 88.3)
        + b"\x86Rq\x04.",
        np.float64(88.3),
    ),
    (  # protocol 0: the bytes of an array as a quoted string, most of them not ASCII
        b"cnumpy.core.multiarray\n_reconstruct\np0\n(cnumpy\nndarray\np1\n(I0\ntp2\nS'b'\np3\ntp4\nRp5\n"
        b"(I1\n(I2\ntp6\ncnumpy\ndtype\np7\n(S'f8'\np8\nI0\nI1\ntp9\nRp10\n(I3\nS'<'\np11\nNNNI-1\nI-1\nI0\ntp12\nb"
        b"I00\nS" + repr(struct.pack("<2d", 88.3, -1.0))[1:].encode() + b"\np13\ntp14\nb.",
        np.array([88.3, -1.0]),
    ),
]


@pytest.mark.parametrize(("content", "value"), PYTHON_2)
def test_what_python_2_wrote_is_read(content, value):
    assert same(loads(content), value)


# Hostile files


@pytest.fixture
def canary(tmp_path):
    return tmp_path / "canary"


def refuse(content: bytes, tmp_path: Path, canary: Path, kind: type[DataError] = UnsafePickleError) -> str:
    """The file is refused in one line that names it, nothing runs, and the reader is as good as new."""
    path = tmp_path / "hostile.pkl"
    path.write_bytes(content)
    with pytest.raises(kind) as caught:
        read_pickle(path)
    line = str(caught.value)
    assert str(path) in line
    assert "\n" not in line
    assert len(line) < 500
    assert not canary.exists()
    assert loads(pickle.dumps({"a": np.arange(3)}))["a"].tolist() == [0, 1, 2]
    return line


def test_the_hostile_files_would_really_run(canary):
    pickle.loads(pickle.dumps(hostile.Touch(canary)))
    assert canary.exists()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("wrap", hostile.WRAPS, ids=hostile.WRAPS.keys())
def test_a_call_is_refused_wherever_it_stands(tmp_path, canary, protocol, wrap):
    content = pickle.dumps(hostile.WRAPS[wrap](hostile.Touch(canary)), protocol=protocol)
    line = refuse(content, tmp_path, canary)
    assert ("numpy array of type" in line.lower()) if "object array" in wrap else ("posix.system" in line)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", hostile.CALLABLES, ids=hostile.CALLABLES.keys())
def test_no_function_may_be_named(tmp_path, canary, protocol, name):
    function, *arguments = hostile.CALLABLES[name](canary)
    refuse(pickle.dumps(hostile.Call(function, *arguments), protocol=protocol), tmp_path, canary)


@pytest.mark.parametrize("name", hostile.ASSEMBLED, ids=hostile.ASSEMBLED.keys())
def test_no_instruction_gets_around_the_list(tmp_path, canary, name):
    refuse(hostile.ASSEMBLED[name](canary), tmp_path, canary)


@pytest.mark.parametrize("name", hostile.MALFORMED, ids=hostile.MALFORMED.keys())
def test_nonsense_is_refused(tmp_path, canary, name):
    refuse(hostile.MALFORMED[name], tmp_path, canary, DataError)


@pytest.mark.parametrize("code", range(256))
def test_an_extension_code_is_never_looked_up(tmp_path, canary, code):
    copyreg.add_extension("builtins", "list", 77)
    try:
        refuse(b"\x80\x02\x82" + bytes([code]) + b".", tmp_path, canary, DataError)
    finally:
        copyreg.remove_extension("builtins", "list", 77)


@pytest.mark.parametrize("dtype", ["O", "V8", "M8[ns]", "m8[s]", [("a", "i4"), ("b", "f8")]], ids=str)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_other_array_types_are_refused(tmp_path, canary, dtype, protocol):
    refuse(pickle.dumps(np.zeros(2, dtype=dtype), protocol=protocol), tmp_path, canary)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_structured_scalar_and_an_object_scalar_are_refused(tmp_path, canary, protocol):
    refuse(pickle.dumps(np.zeros(1, dtype=[("a", "i4")])[0], protocol=protocol), tmp_path, canary)
    refuse(pickle.dumps(np.array([hostile.Touch(canary)]), protocol=protocol), tmp_path, canary)


def test_setting_the_state_of_a_name_changes_nothing(tmp_path, canary):
    before = {name: dict(vars(getattr(np, name))) for name in ("dtype", "ndarray")}
    for module, name in (
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("builtins", "set"),
        ("_codecs", "encode"),
    ):
        content = f"c{module}\n{name}\n".encode() + b"(dS'shape'\nI1\nsb."
        refuse(content, tmp_path, canary)
    assert {name: dict(vars(getattr(np, name))) for name in before} == before


def test_a_reference_is_no_value(tmp_path, canary):
    for content in (b"cnumpy\ndtype\n.", b"(lcnumpy\nndarray\na.", b"cnumpy\ndtype\n(S'f8'\ntR."):
        refuse(content, tmp_path, canary)


# Torn files


def test_no_file_an_empty_file_and_a_folder_are_one_line_each(tmp_path):
    (tmp_path / "empty.pkl").touch()
    for name in ("none.pkl", "empty.pkl", "."):
        with pytest.raises(DataError) as caught:
            read_pickle(tmp_path / name)
        assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_truncation_is_refused(protocol):
    content = pickle.dumps({("01", 1): [88.0, np.arange(5), "text", 2**40, (1, 2, 3, 4)]}, protocol=protocol)
    for length in range(len(content)):
        with pytest.raises(DataError):
            loads(content[:length])


def test_what_stands_behind_the_end_is_refused():
    for tail in (b".", b"\n", pickle.dumps(1)):
        with pytest.raises(DataError, match="behind its end"):
            loads(pickle.dumps(1) + tail)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_random_bytes_are_data_or_refused(content):
    try:
        loads(content)
    except DataError as error:
        assert "\n" not in str(error)


def test_too_large_a_file_is_refused_unread(tmp_path):
    path = tmp_path / "large.pkl"
    with path.open("wb") as stream:
        stream.truncate(513 * 2**20)
    begin = time.perf_counter()
    with pytest.raises(DataError, match="too large"):
        read_pickle(path)
    assert time.perf_counter() - begin < 1


# Attacks on time and memory, each in a process of its own whose memory can be measured

_MEASURE = """
import resource, sys, time
from pathlib import Path
sys.path.insert(0, {folder!r})
import hostile
from stagescore.data.legacy_pickle import loads
from stagescore.errors import DataError
for name in hostile.ATTACKS:
    content = hostile.ATTACKS[name]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    try:
        made = loads(content)
        how = "read"
        del made
    except DataError as error:
        how = str(error)[:60]
    seconds = time.process_time() - start
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    for _ in range(5_000_000):
        pass
    slowness = max((time.process_time() - start) / 0.15, 1.0)  # of this machine, against one that needs 0.15 s
    print(f"{{name}}|{{seconds / slowness:.2f}}|{{(after - before) / 1024:.0f}}|{{how}}", flush=True)
"""


@pytest.fixture(scope="module")
def measured():
    code = _MEASURE.format(folder=str(Path(__file__).parent))
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return {
        row[0]: (float(row[1]), float(row[2]), row[3])
        for row in (line.split("|") for line in run.stdout.splitlines())
    }


TOO_MUCH_WORK = {
    "dicts of equal pairs": "many times the work",
    "dict again and again": "many times",
    "long keys again and again": "many times the work",
    "complex keys that collide": "hash alike",
}


@pytest.mark.parametrize("name", hostile.ATTACKS, ids=hostile.ATTACKS.keys())
@pytest.mark.slow
def test_no_small_file_takes_long_or_much_memory(measured, name):
    seconds, megabytes, _ = measured[name]
    assert seconds < (1 if name in TOO_MUCH_WORK else 2)
    assert megabytes < 300


@pytest.mark.parametrize(("name", "words"), TOO_MUCH_WORK.items())
def test_a_file_that_asks_for_more_work_than_its_size_allows_is_refused(name, words):
    with pytest.raises(DataError, match=words):
        loads(hostile.ATTACKS[name]())


# The real files


def test_the_real_pickles_equal_what_pickle_gives(real_data):
    _, pickles = real_data
    assert len(pickles) == 10
    for path, value in pickles.items():
        assert same(value, pickle.loads(path.read_bytes())), path


def test_the_reader_never_unpickles():
    from stagescore.data import legacy_pickle, legacy_values

    for module in (legacy_pickle, legacy_values):
        assert not {"pickle", "_pickle", "importlib"} & set(vars(module))
        names = {
            node.name
            for tree in [ast.parse(Path(module.__file__).read_text())]
            for node in ast.walk(tree)
            if isinstance(node, ast.alias)
        }
        assert not {"pickle", "importlib"} & names
