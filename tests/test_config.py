import time
import warnings

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field
from typer.testing import CliRunner

from stagescore.cli.main import app
from stagescore.config import Config, FramesConfig, known_keys, load_config
from stagescore.errors import ConfigError
from stagescore.training.settings import TrainSettings


class Inner(Config):
    rate: float = 0.5
    names: list[str] = Field(default_factory=list)


class Outer(Config):
    inner: Inner = Inner()
    count: int = 3


def test_defaults_file_and_overrides_come_in_this_order(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("count: 5\ninner:\n  rate: 0.25\n")
    assert load_config(Outer) == Outer()
    assert load_config(Outer, path).inner.rate == 0.25
    changed = load_config(Outer, path, ["inner.rate=0.75", "inner.names=[a, b]"])
    assert (changed.count, changed.inner.rate, changed.inner.names) == (5, 0.75, ["a", "b"])


def test_a_later_override_wins():
    assert load_config(Outer, None, ["count=1", "count=2"]).count == 2


@pytest.mark.parametrize("name", ["finediving", "mtl-aqa"])
def test_presets_of_frames_load(name):
    assert isinstance(load_config(FramesConfig, name), FramesConfig)


def test_the_presets_are_the_methods(tmp_path):
    assert load_config(FramesConfig, "finediving").frames == 96
    assert load_config(FramesConfig, "mtl-aqa").frames == 103


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("cuont=1", "did you mean 'count'?"),
        ("inner.rat=1", "did you mean 'inner.rate'?"),
        ("iner.rate=1", "did you mean 'inner'?"),
        ("zzzzzz=1", "unknown setting 'zzzzzz'; nothing here is called like that; leave it out"),
        ("count", "write key=value"),
        ("=1", "write key=value"),
        ("count=x", "count is 'x'"),
        ("count=.nan", "count is nan"),
        ("inner.rate=.inf", "inner.rate is inf"),
        ("count.deep=1", "count is {'deep': 1}"),
        ("inner=5", "inner is 5"),
        ("count=[", "is no YAML"),
        ("count=2024-13-45", "is no YAML"),
        ("count=!!python/object/apply:os.system [true]", "is no YAML"),
        ("count=" + "[" * 5000, "is no YAML"),
    ],
    ids=lambda text: text[:20],
)
def test_a_wrong_override_is_one_line_that_helps(override, words):
    with pytest.raises(ConfigError) as caught:
        load_config(Outer, None, [override])
    line = str(caught.value)
    assert words in line
    assert "\n" not in line


def test_a_setting_of_an_earlier_name_is_taken_and_that_is_said(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("data: {drills: here}\n")
    with pytest.warns(FutureWarning, match=r"data\.drills is called data\.fault_augmented now"):
        assert load_config(TrainSettings, path).data.fault_augmented == "here"
    with pytest.warns(FutureWarning, match="command line|settings"):
        assert load_config(TrainSettings, overrides=["data.drills=there"]).data.fault_augmented == "there"
    # Runs keep settings that were never set; of these nothing is said.
    path.write_text("data: {drills: null}\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_config(TrainSettings, path).data.fault_augmented is None
    path.write_text("data: {drills: here}\n")
    # Both names at once contradict each other.
    with pytest.raises(ConfigError, match="unknown setting"):
        load_config(TrainSettings, path, ["data.fault_augmented=there"])


def test_an_override_below_a_value_is_refused():
    with pytest.raises(ConfigError, match="no group"):
        load_config(Outer, None, ["count=1", "count.deep=1"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: [", "cannot read"),
        ("- 1", "no settings by name"),
        ("5", "no settings by name"),
        ("d: 2024-13-45", "cannot read"),
        ("1: 2", "unknown setting '1'"),
        ("inner: {rat: 1}", "did you mean 'inner.rate'"),
        ("\x00", "cannot read"),
        ("!!python/object/apply:os.system [true]", "cannot read"),
        ("[" * 5000, "cannot read"),
    ],
    ids=range(9),
)
def test_a_wrong_file_is_one_line_that_names_it(tmp_path, content, words):
    path = tmp_path / "a.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        load_config(Outer, path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_an_empty_file_gives_the_defaults(tmp_path):
    (tmp_path / "a.yaml").touch()
    assert load_config(Outer, tmp_path / "a.yaml") == Outer()


def test_an_unknown_preset_names_the_nearest_and_a_folder_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'finediving'"):
        load_config(FramesConfig, "finedivin")
    for source in (tmp_path, tmp_path / "none.yaml", "x" * 300):
        with pytest.raises(ConfigError):
            load_config(FramesConfig, source)


def test_aliases_that_double_again_and_again_are_not_printed(tmp_path):
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    path = tmp_path / "a.yaml"
    path.write_text("count:\n" + "".join(f"  {line}\n" for line in lines))
    begin = time.perf_counter()
    with pytest.raises(ConfigError) as caught:
        load_config(Outer, path)
    assert time.perf_counter() - begin < 2
    assert len(str(caught.value)) < 1000


def test_width_and_height_go_together():
    with pytest.raises(ConfigError, match="give width and height together"):
        load_config(FramesConfig, None, ["width=100"])
    assert load_config(FramesConfig, None, ["width=100", "height=50"]).width == 100


@given(st.text(max_size=20))
def test_any_override_is_a_setting_or_a_config_error(text):
    for key in ("count", "inner", "inner.rate"):
        try:
            load_config(Outer, None, [f"{key}={text}"])
        except ConfigError as error:
            assert "\n" not in str(error)


def test_known_keys_name_groups_and_what_is_in_them():
    assert list(known_keys(Outer)) == ["inner", "inner.rate", "inner.names", "count"]


def test_settings_do_not_change():
    with pytest.raises(Exception, match="frozen"):
        Outer().count = 5
    assert yaml.safe_load("a: 1") == {"a": 1}


def test_a_command_tells_an_earlier_name_in_one_line_and_goes_on(tmp_path):
    told = ["train", "tower", "data.drills=elsewhere", "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(app, told)
    lines = [line for line in result.stderr.splitlines() if "data.drills" in line]
    assert lines == ["warning: tower: the setting data.drills is called data.fault_augmented now"]
    assert result.exit_code == 1 and "error: " in result.stderr  # there are no dives


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("epochs=3", "did you mean 'run.epochs'?"),
        ("data.skp=fail", "unknown setting 'data.skp'; did you mean 'data.skip'?"),
        ("data.skip=fial", "data.skip is 'fial'; input should be 'report' or 'fail'"),
        (
            "optimiser.groups=[{pat: a, factor: 1}]",
            "'optimiser.groups.0.pat'; did you mean 'optimiser.groups.0.path'?",
        ),
        ("optimiser.groups=[{path: a}]", "optimiser.groups.0.factor is missing; give it"),
        ("optimiser.groups=[5]", "optimiser.groups.0 is 5; write {KEY: VALUE}"),
        ("optimiser.groups=&a [*a]", "write {KEY: VALUE}"),
        (
            "model.zzzz.width=3",
            "unknown setting 'model.zzzz'; nothing in model is called like that; leave it out",
        ),
        ("model.tree.depth=3", "model.tree"),
        ("model.name=hp-mcor", "did you mean 'hp-mcore'?"),
        ("data=3", "data is 3; it is a group of settings: write data.KEY=VALUE"),
        ("data.folder=2012", "data.folder is 2012; give one text"),
        ("run.epochs=1.5", "run.epochs is 1.5; give a whole number"),
        ("run.validate_test=maybe", "run.validate_test is 'maybe'; write true or false"),
        ("data.=1", "'data.=1' is no setting; write key=value"),
    ],
)
def test_the_nearest_setting_alone_is_named_at_every_level(override, words):
    with pytest.raises(ConfigError) as caught:
        load_config(TrainSettings, "nano", [override])
    line = str(caught.value)
    assert words in line
    assert line.startswith("command line: ")
    assert len(line) < 200 and line.count("did you mean") <= 1


def test_a_mistake_of_a_file_is_told_of_the_file_and_one_of_the_command_line_of_that(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("inner: {rat: 1}\n")
    with pytest.raises(ConfigError, match=str(path)):
        load_config(Outer, path, ["count=1"])
    path.write_text("inner: {rate: 1}\n")
    with pytest.raises(ConfigError, match=r"^command line"):
        load_config(Outer, path, ["inner.rat=1"])


def test_a_preset_of_another_command_is_told_with_those_that_fit():
    with pytest.raises(ConfigError, match="for another command; presets: nano, nano-tune, paper"):
        load_config(TrainSettings, "pose-small")
    with pytest.raises(ConfigError, match="no such file or preset; presets: nano, nano-tune") as caught:
        load_config(TrainSettings, "qqqq")
    assert "pose-small" not in str(caught.value)
