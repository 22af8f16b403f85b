"""What is written beside the numbers of a scored dive: of a large film too, which is decoded once for all of it."""

import sys
from pathlib import Path

import numpy as np
import pytest
import stored_dives

sys.path.insert(0, str(Path(__file__).parents[1] / "scoring"))

import made_scorer

from stagescore.media import held, source
from stagescore.media.source import open_media
from stagescore.pose.npz_files import read_npz
from stagescore.report import score_files
from stagescore.report.score_files import OVERLAY, write_dive_files


def test_a_large_film_is_drawn_smaller_and_gone_through_once(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dive = stored_dives.dives(tmp_path_factory)[0]
    assert dive.frames_path is not None and dive.poses_path is not None
    monkeypatch.setattr(held, "MOST_BYTES", 1000)
    scored = made_scorer.scorer(tmp_path_factory).scored(dive.frames_path, poses=Path(dive.poses_path))
    assert scored.media is not None and scored.poses is not None
    width, read, passes = scored.media.info.width_px, source.read_images, []

    def reading(folder, scan, indices, size_px):
        passes.append(size_px)
        return read(folder, scan, indices, size_px)

    monkeypatch.setattr(source, "read_images", reading)
    monkeypatch.setattr(score_files, "_DRAWN_EDGE_PX", width // 2)
    monkeypatch.setattr(score_files, "LEAST_EDGE_PX", 0)
    write_dive_files(scored, tmp_path)
    assert [size[0] for size in passes] == [width // 2]
    assert open_media(tmp_path / OVERLAY).info.width_px == pytest.approx(width // 2, abs=1)
    drawn, found = read_npz(tmp_path / "joints.npz").joints_px, scored.poses.track.joints_px
    assert np.nanmax(np.abs(drawn - found)) < 0.01
    assert "data:image/jpeg" in (tmp_path / "report.html").read_text()
