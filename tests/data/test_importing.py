"""Labels of a known source become a data set, without a command line."""

import re
from pathlib import Path

import makers
import pytest

from stagescore.data.importing import check_labels, import_labels
from stagescore.data.label_request import LabelRequest, Source
from stagescore.data.manifest import read_manifest
from stagescore.data.sources import READERS
from stagescore.errors import DataError


def test_every_source_has_a_reader_that_says_what_is_wrong(tmp_path: Path) -> None:
    assert set(READERS) == set(Source)
    for source in Source:
        with pytest.raises(DataError):
            check_labels(READERS[source], LabelRequest(annotations=tmp_path / "nothing"))


def test_a_data_set_is_written_whole_and_read_back(tmp_path: Path) -> None:
    checked = check_labels(
        READERS[Source.FINEDIVING], LabelRequest(annotations=makers.finediving(tmp_path / "labels"))
    )
    imported = import_labels(checked.report)
    written = imported.write(tmp_path / "out")
    assert sorted(path.name for path in written) == ["check.json", "manifest.jsonl", "val_split.json"]
    assert read_manifest(tmp_path / "out") == imported.report.manifest
    assert len(imported.report.manifest) == len(makers.FINEDIVING_ROWS)


def test_the_other_data_set_is_found_beside_and_a_damaged_one_is_only_warned_about(tmp_path: Path) -> None:
    labels, other = makers.finediving(tmp_path / "labels"), makers.mtl_aqa(tmp_path / "other")
    checked = check_labels(READERS[Source.FINEDIVING], LabelRequest(annotations=labels))
    assert checked.report.as_json()["cross_dataset_overlap"]["shared"] > 0 and not checked.warnings
    for file in other.iterdir():
        file.write_bytes(b"torn")
    checked = check_labels(READERS[Source.FINEDIVING], LabelRequest(annotations=labels))
    assert checked.report.as_json()["cross_dataset_overlap"] is None
    assert any("left out" in told for told in checked.warnings)
    with pytest.raises(DataError):
        check_labels(READERS[Source.FINEDIVING], LabelRequest(annotations=labels, other=other))


def test_the_data_set_of_the_documentation_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "add_a_data_set.md").read_text()
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "documented"}
    for block in re.findall(r"^```python\n(.*?)^```", page, re.M | re.S):
        exec(compile(block, "docs/add_a_data_set.md", "exec"), names)
    manifest = read_manifest(tmp_path / "club")
    assert [dive.score for dive in manifest] == [72.0, 48.6, 66.6]
    assert next(iter(manifest)).transitions == (19, 59)
    assert names["warnings"] == ("dive 3 has no stages",)
