"""Joints and angles in the forms of other programs, read back by readers that are not ours where there are any.

ODS: odfpy. TRC: trc-data-reader. TRC and MOT: OpenSim itself, where `pyopensim` is installed (30 MB, and it needs libopenblas: so
by hand, not in CI); in CI a reader after OpenSim's documentation stands in for MOT. KVA: the readings of Kinovea's reader.
"""

import csv
import io
import json
import re
import zipfile
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_results import made_pictures, made_result
from PIL import Image
from typer.testing import CliRunner

from stagescore.cli.main import app
from stagescore.csv_tables import read_cell
from stagescore.errors import ConfigError, DataError
from stagescore.pose.labels import read_labels, read_labels_and_empty
from stagescore.pose.npz_files import npz_bytes, read_npz
from stagescore.report.dive_report import frames_wanted
from stagescore.report.exports.kinovea_files import motion_kva
from stagescore.report.exports.motion import Motion
from stagescore.report.exports.ods_files import Sheet, ods_bytes
from stagescore.report.exports.opensim_files import motion_mot, motion_trc
from stagescore.report.exports.tables import motion_csv, motion_ods
from stagescore.report.exports.writing import motion_bytes
from stagescore.report.result_folder import write_dive_report
from stagescore.scoring.angles import COUNTED_ANEW, SEEN
from stagescore.skeleton import COCO_17, HALPE_26, MPII_16
from stagescore.types import PoseTrack


def made_motion(
    num_frames=6, *, seed=0, first=0, rate=30.0, skeleton=MPII_16, unknown=0.2, filled=0.2, **changes
):
    draw = np.random.default_rng(seed)
    joints = draw.uniform((0, 0), (320, 240), (num_frames, skeleton.num_joints, 2))
    joints[draw.uniform(size=joints.shape[:2]) < unknown] = np.nan
    known = ~np.isnan(joints).any(-1)
    track = PoseTrack(
        joints,
        np.where(known, draw.uniform(0.1, 1, known.shape), 0.0),
        known & (draw.uniform(size=known.shape) < filled),
        skeleton,
    )
    frames = tuple(range(first, first + num_frames))
    asked = {
        "name": "dive",
        "track": track,
        "frames": frames,
        "times_s": np.array(frames) / rate,
        "frame_rate": rate,
        "size_px": (320, 240),
    } | changes
    return Motion(**asked)


def motions():
    """What odd motions are made of: one frame, no joint at all, names of all kinds, several skeletons.

    They are made in the tests: where shapes are checked, making one draws random numbers, which strategies may not.
    """
    names = st.sampled_from(
        ("=1+1", "Kür 3 – Müller", "a b\tc\nd", "endheader", "191", "x\ud800\uffff\x00", '<&">')
    )
    return st.fixed_dictionaries(
        {
            "num_frames": st.integers(1, 7),
            "seed": st.integers(0, 99),
            "first": st.integers(0, 50),
            "rate": st.sampled_from((24.0, 30000 / 1001, 240.0)),
            "skeleton": st.sampled_from((MPII_16, COCO_17, HALPE_26)),
            "unknown": st.sampled_from((0.0, 0.3, 1.0)),
            "filled": st.sampled_from((0.0, 0.3, 1.0)),
            "name": st.one_of(st.text(max_size=12), names),
            "metres_per_pixel": st.sampled_from((None, 0.0123)),
        }
    )


def same(found, expected, atol):
    np.testing.assert_allclose(np.asarray(found, dtype=float), expected, rtol=0, atol=atol)


# CSV


@settings(max_examples=30, deadline=None)
@given(motions())
def test_csv_has_everything_to_its_digits(parts):
    motion = made_motion(**parts)
    rows = list(csv.DictReader(io.StringIO(motion_csv(motion))))
    heads = next(csv.reader(io.StringIO(motion_csv(motion))))
    assert len(set(heads)) == len(heads)
    assert [int(row["frame"]) for row in rows] == list(motion.frames)
    same([row["time_s"] for row in rows], motion.times_s, 6e-7)
    for place, joint in enumerate(motion.track.skeleton.joints):
        for axis, name in enumerate("xy"):
            column = [float(row[f"{joint}_{name}_{motion.unit}"] or "nan") for row in rows]
            same(column, motion.places[:, place, axis], 0.6 * 10**-motion.digits)
        states = [row[f"{joint}_state"] for row in rows]
        assert [state == "seen" for state in states] == motion.believed[:, place].tolist()
        assert [state == "unknown" for state in states] == (~motion.track.known[:, place]).tolist()
    angles = motion.angles()
    for place, name in enumerate(angles.names):
        unit = "unwrapped" if name == "trunk" else "0_180"
        column = [float(row[f"{name}_angle_deg_{unit}"] or "nan") for row in rows]
        same(column, angles.degrees[:, place], 6e-4)
        for row, value in zip(rows, column, strict=True):
            assert (row[f"{name}_angle_state"] in (SEEN, COUNTED_ANEW)) == (not np.isnan(value))


def test_a_name_in_csv_is_never_a_formula():
    row = next(csv.DictReader(io.StringIO(motion_csv(made_motion(name="=HYPERLINK(1)")))))
    assert row["film"] == "'=HYPERLINK(1)"
    assert read_cell(row["film"]) == "=HYPERLINK(1)"


# ODS


def read_ods(content):
    """Sheets by name as odfpy reads them: rows of numbers, texts and None."""
    opendocument = pytest.importorskip("odf.opendocument", reason="odfpy is not installed")
    from odf import table, teletype

    def cell(one):
        kind = one.getAttribute("valuetype")
        return (
            None
            if kind is None
            else float(one.getAttribute("value"))
            if kind == "float"
            else teletype.extractText(one)
        )

    sheets = opendocument.load(io.BytesIO(content)).spreadsheet.getElementsByType(table.Table)
    return {
        sheet.getAttribute("name"): [
            [cell(one) for one in row.getElementsByType(table.TableCell)]
            for row in sheet.getElementsByType(table.TableRow)
        ]
        for sheet in sheets
    }


@settings(max_examples=15, deadline=None)
@given(motions())
def test_odfpy_reads_what_was_written(parts):
    motion = made_motion(**parts)
    sheets = read_ods(motion_ods(motion))
    assert list(sheets) == ["angles", "joints", "about"]
    head, *rows = sheets["joints"]
    assert all(len(row) == len(head) for row in rows)
    column = head.index(f"left_hip_y_{motion.unit}")
    expected = motion.places[:, motion.track.skeleton.index("left_hip"), 1]
    same([np.nan if row[column] is None else row[column] for row in rows], expected, 0.6 * 10**-motion.digits)
    head, *rows = sheets["angles"]
    same(
        [
            np.nan
            if row[head.index("trunk_angle_deg_unwrapped")] is None
            else row[head.index("trunk_angle_deg_unwrapped")]
            for row in rows
        ],
        motion.angles().degrees[:, -1],
        6e-4,
    )
    about = dict(sheets["about"])
    assert about["x, y"].endswith(f"in {motion.unit}")
    assert about["metres per pixel"] == (motion.metres_per_pixel or "not given")


def test_text_of_ods_is_text_whatever_it_begins_with():
    content = ods_bytes([Sheet("a & <b>", [("=1+1", 2, None, 1.5e-7), ("<x>\x00\uffff",)])])
    assert read_ods(content) == {"a & <b>": [["=1+1", 2.0, None, 1.5e-7], ["<x>\\x00\\uffff"]]}
    assert b"formula" not in zipfile.ZipFile(io.BytesIO(content)).read("content.xml")


def test_ods_begins_with_its_type_and_is_the_same_each_time():
    content = motion_ods(made_motion())
    # Where programs that look at the first bytes of a file expect it.
    assert content[30:84] == b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet"
    assert content == motion_ods(made_motion())


# TRC and MOT


def read_mot(text):
    """A storage file after OpenSim's documentation: a header up to `endheader`, names, rows of numbers."""
    head, body = re.split(r"^endheader\s*\n", text, maxsplit=1, flags=re.MULTILINE)
    keys = dict(re.findall(r"^(\w+)=(\S+)$", head, flags=re.MULTILINE))
    names, *rows = (line.split("\t") for line in body.splitlines())
    return keys, names, np.array(rows, dtype=float)


@settings(max_examples=30, deadline=None)
@given(motions())
def test_mot_has_the_angles_that_its_header_declares(parts):
    motion = made_motion(**parts)
    keys, names, rows = read_mot(motion_mot(replace(motion, metres_per_pixel=None)))
    angles = motion.angles()
    assert keys == {
        "version": "1",
        "nRows": str(len(motion.frames)),
        "nColumns": str(len(angles.names) + 1),
        "inDegrees": "yes",
    }
    assert names == ["time", *angles.names]
    same(rows[:, 0], motion.times_s, 6e-7)
    same(rows[:, 1:], angles.degrees, 6e-4)


def believed_places(motion):
    places = np.where(motion.believed[..., None], motion.places * (1, -1), np.nan)
    return np.concatenate((places, places[..., :1] * 0), axis=-1)


@settings(max_examples=20, deadline=None)
@given(motions())
def test_a_reader_of_trc_reads_what_was_written(parts):
    motion = made_motion(**parts)
    trc = pytest.importorskip("trc", reason="trc-data-reader is not installed")
    data = trc.TRCData()
    data.parse(motion_trc(motion), line_sep="\n")
    assert data["Markers"] == list(motion.track.skeleton.joints)
    assert (data["Units"], data["NumFrames"], data["OrigDataStartFrame"]) == (
        motion.unit,
        len(motion.frames),
        motion.frames[0],
    )
    assert data["DataRate"] == pytest.approx(motion.frame_rate, abs=1e-6)
    assert data["Frame#"] == list(motion.frames)
    same(data["Time"], motion.times_s, 6e-7)
    for place, joint in enumerate(data["Markers"]):
        same(data[joint], believed_places(motion)[:, place], 0.6 * 10**-motion.digits)


def test_opensim_itself_reads_trc_and_mot(tmp_path):
    common = pytest.importorskip("pyopensim", reason="pyopensim is not installed").common
    for name, seed in (("191", 0), ("Kür 3", 1), ("endheader", 2), ("a=b", 3)):
        motion = made_motion(seed=seed, first=5, name=name)
        (tmp_path / "a.trc").write_text(motion_trc(motion))
        (tmp_path / "a.mot").write_text(motion_mot(motion))
        markers = common.TimeSeriesTableVec3(str(tmp_path / "a.trc"))
        assert list(markers.getColumnLabels()) == list(motion.track.skeleton.joints)
        assert markers.getTableMetaDataAsString("Units") == "px"
        same(markers.getIndependentColumn(), motion.times_s, 6e-7)
        for row in range(len(motion.frames)):
            values = markers.getRowAtIndex(row)
            found = [[values.getElt(0, joint).get(axis) for axis in range(3)] for joint in range(16)]
            same(found, believed_places(motion)[row], 6e-4)
        table = common.TimeSeriesTable(str(tmp_path / "a.mot"))
        assert list(table.getColumnLabels()) == list(motion.angles().names)
        for row, degrees in enumerate(motion.angles().degrees):
            same([table.getRowAtIndex(row).getElt(0, column) for column in range(5)], degrees, 6e-4)


# KVA


def read_kva(content):
    """Kinovea's reading of tracks: x, y and a stamp, as its `AbstractTrackPoint` splits them."""
    root = ElementTree.fromstring(content)
    assert [root.tag, root[0].tag] == ["KinoveaVideoAnalysis", "FormatVersion"]
    per_frame = float(root.findtext("AverageTimeStampsPerFrame"))
    rate = float(root.findtext("CaptureFramerate"))
    tracks = {}
    for track in root.iterfind("Tracks/Track"):
        points = [point.text.split(";") for point in track.iterfind("TrackPointList/TrackPoint")]
        tracks[track.get("name")] = [
            (float(x), float(y), int(stamp) / per_frame / rate) for x, y, stamp in points
        ]
    return root, tracks


@settings(max_examples=30, deadline=None)
@given(motions())
def test_kva_has_a_point_for_each_joint_that_was_seen(parts):
    motion = made_motion(**parts)
    root, tracks = read_kva(motion_kva(motion))
    seen = {joint: motion.believed[:, place] for place, joint in enumerate(motion.track.skeleton.joints)}
    assert list(tracks) == [joint for joint, rows in seen.items() if rows.any()]
    for joint, points in tracks.items():
        rows = seen[joint]
        expected = motion.track.joints_px[rows, motion.track.skeleton.index(joint)]
        same([point[:2] for point in points], expected, 6e-4)
        # Stamps are thousandths of a frame.
        same([point[2] for point in points], motion.times_s[rows], 0.6e-3 / motion.frame_rate + 1e-6)
    if not motion.believed.any():
        assert root.find("Tracks") is None  # Kinovea cannot read an empty list
    scale = root.find("Calibration")
    assert (scale is None) == (motion.metres_per_pixel is None)
    if scale is not None:
        segment = [float(scale.findtext(f"CalibrationLine/Segment/{end}").split(";")[0]) for end in "AB"]
        metres = float(scale.findtext("CalibrationLine/Length")) / (segment[1] - segment[0])
        assert metres == pytest.approx(motion.metres_per_pixel)
        assert scale.findtext("Unit") == "Meters"


def test_kinovea_gets_size_and_times_before_what_needs_them():
    root, _ = read_kva(motion_kva(made_motion(metres_per_pixel=0.01, slowmo=4.0, rate=120.0)))
    tags = [part.tag for part in root]
    assert tags.index("ImageSize") < tags.index("Calibration") < tags.index("Tracks")
    assert tags.index("AverageTimeStampsPerFrame") < tags.index("Tracks")
    assert (root.findtext("CaptureFramerate"), root.findtext("UserFramerate")) == ("120.000000", "30.000000")


# The noun


def test_a_motion_that_does_not_fit_together_is_refused():
    motion = made_motion()
    for change, told in (
        ({"frames": (), "times_s": np.zeros(0)}, "no frames"),
        ({"frames": (0, 1)}, "6 rows"),
        ({"frames": (0, 1, 2, 3, 4, 4)}, "backwards"),
        ({"times_s": motion.times_s[::-1]}, "backwards"),
    ):
        with pytest.raises(DataError, match=told):
            replace(motion, **change)
    for change in ({"frame_rate": 0.0}, {"metres_per_pixel": -1.0}, {"slowmo": float("inf")}):
        with pytest.raises(ConfigError, match="positive"):
            replace(motion, **change)
    with pytest.raises(ConfigError, match="angles alone"):
        motion_bytes(replace(motion, metres_per_pixel=0.01), "mot")


# The command


def convert(*arguments):
    return CliRunner().invoke(app, ["annotate", "convert", *map(str, arguments)])


@pytest.fixture
def dive(tmp_path):
    """The folder of a scored dive beside its film, a folder of images."""
    result = made_result()
    width, height = result.input.width_px, result.input.height_px
    film = tmp_path / "film"
    film.mkdir()
    for frame in range(98):
        Image.fromarray(np.full((height, width, 3), 40 + frame, np.uint8)).save(film / f"{frame:03d}.png")
    result = result.model_copy(update={"input": result.input.model_copy(update={"path": str(film)})})
    folder = tmp_path / "out" / "dive"
    folder.mkdir(parents=True)
    (folder / "result.json").write_bytes(result.to_bytes())
    write_dive_report(folder, result, made_pictures(result, frames_wanted(result)))
    return folder


@pytest.mark.parametrize("form", ["csv", "ods", "trc", "mot", "kva"])
def test_a_scored_dive_is_written_in_each_form(dive, tmp_path, form):
    done = convert(dive, "--to", form, "--out", tmp_path / f"a.{form}", "--json")
    assert done.exit_code == 0, done.output
    content = json.loads(done.stdout)
    track = read_npz(dive / "joints.npz")
    assert (content["frames"], content["skeleton"]) == (track.num_frames, "mpii-16")
    assert content["unit"] == ("deg" if form == "mot" else "px")
    assert (tmp_path / f"a.{form}").stat().st_size > 1000


def test_a_dive_whose_film_is_gone_keeps_the_frame_rate(dive, tmp_path):
    convert(dive, "--to", "csv", "--out", tmp_path / "there.csv")
    (tmp_path / "film").rename(tmp_path / "elsewhere")
    done = convert(dive, "--to", "csv", "--out", tmp_path / "gone.csv")
    assert done.exit_code == 0, done.output
    assert "times follow from the frame rate" in done.stderr
    rows = list(csv.DictReader(io.StringIO((tmp_path / "gone.csv").read_text())))
    rate = json.loads((dive / "result.json").read_text())["input"]["frame_rate"]
    same([row["time_s"] for row in rows], np.array([int(row["frame"]) for row in rows]) / rate, 1e-6)
    found = convert(dive, "--to", "csv", "--out", tmp_path / "moved.csv", "--film", tmp_path / "elsewhere")
    assert "times follow" not in found.stderr
    wrong = tmp_path / "elsewhere"
    (wrong / "000.png").unlink()
    refused = convert(dive, "--to", "csv", "--out", tmp_path / "no.csv", "--film", wrong)
    assert refused.exit_code == 1
    assert "98 frames" in refused.stderr
    assert not (tmp_path / "no.csv").exists()


def test_coco_17_of_a_dive_is_read_back(dive, tmp_path):
    done = convert(dive, "--to", "coco", "--map-to", "coco-17", "--out", tmp_path / "a.json")
    assert done.exit_code == 0, done.output
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["categories"][0]["keypoints"] == list(COCO_17.joints)
    labels, track = read_labels(tmp_path / "a.json"), read_npz(dive / "joints.npz")
    shoulder = [label.joints_px[COCO_17.index("left_shoulder")] for label in labels]
    known = track.known[:, MPII_16.index("left_shoulder")]
    assert len(labels) == known.sum()
    same(shoulder, track.joints_px[known, MPII_16.index("left_shoulder")], 1e-4)


def test_labelme_has_its_pictures_beside_it(dive, tmp_path):
    folder = tmp_path / "labelme"
    done = convert(dive, "--to", "labelme", "--pictures", "--out", folder)
    assert done.exit_code == 0, done.output
    labels, empty = read_labels_and_empty(folder)
    assert len(labels) + len(empty) == 98
    for frame, image in enumerate(sorted(one.image for one in (*labels, *empty))):
        with Image.open(folder / image) as picture:
            assert picture.size == labels[0].size_px
            assert abs(np.asarray(picture).mean() - (40 + frame)) < 2


def test_images_are_put_beside_labels_of_a_file(tmp_path):
    images, folder = tmp_path / "images", tmp_path / "labelme"
    images.mkdir()
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(images / "Kür 1.png")
    joints = [[10.0 + joint, 20.0] for joint in range(16)]
    entry = {"image": "Kür 1.png", "center": [20, 20], "scale": 0.1, "joints": joints, "joints_vis": [1] * 16}
    (tmp_path / "a.json").write_text(json.dumps([entry]))
    done = convert(tmp_path / "a.json", "--to", "labelme", "--images", images, "--pictures", "--out", folder)
    assert done.exit_code == 0, done.output
    assert (folder / "Kür 1.png").read_bytes() == (images / "Kür 1.png").read_bytes()
    refused = convert(tmp_path / "a.json", "--to", "labelme", "--pictures", "--out", tmp_path / "b")
    assert refused.exit_code == 1


def test_joints_of_a_file_need_times(tmp_path):
    motion = made_motion(4)
    (tmp_path / "a.npz").write_bytes(npz_bytes(motion.track, motion.believed))
    refused = convert(tmp_path / "a.npz", "--to", "trc", "--out", tmp_path / "a.trc")
    assert refused.exit_code == 1
    assert "--fps" in refused.stderr
    done = convert(
        tmp_path / "a.npz",
        "--to",
        "csv",
        "--fps",
        25,
        "--metres-per-pixel",
        0.01,
        "--out",
        tmp_path / "a.csv",
    )
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())))
    assert [row["time_s"] for row in rows] == ["0.0", "0.04", "0.08", "0.12"]
    assert "left_hip_x_m" in rows[0]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--to", "coco", "--metres-per-pixel", 0.01), "pixels"),
        (("--to", "mot", "--fps", 30, "--metres-per-pixel", 0.01), "angles alone"),
        (("--to", "csv", "--pictures"), "labelme"),
        (("--to", "csv", "--fps", 0), "frame rate"),
        (("--to", "csv", "--fps", 30, "--metres-per-pixel", 0), "positive"),
    ],
)
def test_options_that_do_not_fit_the_form_are_refused(tmp_path, options, told):
    motion = made_motion(2)
    (tmp_path / "a.npz").write_bytes(npz_bytes(motion.track, motion.believed))
    refused = convert(tmp_path / "a.npz", *options, "--out", tmp_path / "out")
    assert refused.exit_code in (1, 2)
    assert told in refused.stderr
    assert not (tmp_path / "out").exists()


def annotated(tmp_path, asked, rows):
    """The folder of an annotated clip whose film is gone, of which one joint is doubtful."""
    motion = made_motion(rows, unknown=0.0, filled=0.0)
    folder = tmp_path / "clip"
    folder.mkdir()
    measured = motion.believed
    measured[0, 3] = False
    (folder / "pred_comp_clip.npz").write_bytes(npz_bytes(motion.track, measured))
    media = {"num_frames": 40, "width_px": 320, "height_px": 240, "frame_rate": 20.0}
    quality = {"name": "clip", "input": "gone.mp4", "media": media, "frames_asked_for": asked}
    (folder / "quality.json").write_text(json.dumps(quality))
    return folder


@pytest.mark.parametrize(("asked", "rows", "last"), [(None, 40, 39), (5, 5, 39), (96, 96, 39)])
def test_an_annotated_clip_is_written_with_the_numbers_of_its_frames(tmp_path, asked, rows, last):
    folder = annotated(tmp_path, asked, rows)
    done = convert(folder, "--to", "csv", "--out", tmp_path / "a.csv")
    assert done.exit_code == 0, done.output
    table = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())))
    assert len(table) == min(rows, 40)
    assert (table[0]["frame"], table[-1]["frame"]) == ("0", str(last))
    assert float(table[-1]["time_s"]) == pytest.approx(last / 20)
    assert table[0][f"{MPII_16.joints[3]}_state"] == "filled or doubtful"


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"name": 1, "input": 2, "media": 3, "frames_asked_for": 4}']
)
def test_a_damaged_annotation_is_told(tmp_path, content):
    folder = annotated(tmp_path, None, 40)
    (folder / "quality.json").write_text(content)
    refused = convert(folder, "--to", "csv", "--out", tmp_path / "a.csv")
    assert refused.exit_code == 1
    assert "annotate the film again" in refused.stderr
