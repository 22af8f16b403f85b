"""A tiny UNLV-Dive in both forms, with invented scores, and tiny films for a few of its dives."""

from collections.abc import Mapping
from pathlib import Path

import av
import numpy as np

from stagescore.data.unlv_athletes import FIRST_FILM, NUM_FILMS, contest_of
from stagescore.types import Dive

TEST_FILMS = (4, 80, 200)
SIZE_PX = (64, 48)
COLUMNS = (
    "id,path,final_score,difficulty,jump_begins,drop_begins,entry_begins,ending_begins,dive_number,position,armstand,"
    "rotation_type,half_somersaults,half_twists,marks,mtl_event,mtl_id"
)
MARKS = (20, 29, 59, 68)


def scores() -> dict[int, float]:
    """Two heats dives have no film, as in the real data; scores rank the athletes without ties."""
    generator = np.random.default_rng(5)
    return {film: round(float(s), 2) for film, s in enumerate(generator.uniform(40, 100, NUM_FILMS), start=1)}


def mtl_ids() -> dict[int, int]:
    """Number within the contest, with a gap after 243 and after 248."""
    return {
        film: film - FIRST_FILM[contest_of(film)] + 1 + (film > 243) + (film > 248)
        for film in range(1, NUM_FILMS + 1)
    }


def mtl_dives() -> dict[str, Dive]:
    """MTL-AQA's rows of all films but 73, by recording."""
    events = {"heats": 1, "semi-final": 2, "final": 3}
    found = {}
    for film, number in mtl_ids().items():
        event = events[contest_of(film)]
        dive = Dive(
            dataset="mtl-aqa",
            event=f"{event:02d}",
            number=number,
            recording=f"mtl-aqa/{event}/{number}",
            split="train",
            score=scores()[film],
            difficulty=3.2,
            dive_number="407C",
            marks=(7.0,) * 7,
        )
        if film != 73:
            found[dive.recording] = dive
    return found


def arrays(folder: Path, changes: Mapping[str, object] | None = None) -> Path:
    """The published form."""
    folder.mkdir(parents=True, exist_ok=True)
    content: dict[str, object] = {
        "final_score": np.array(list(scores().values()), np.float32),
        "difficulty": np.full(NUM_FILMS, 3.2, np.float32),
        "stage_ends": np.tile(MARKS, (NUM_FILMS, 1)),
        "train_id": np.array([n for n in range(1, NUM_FILMS + 1) if n not in TEST_FILMS]),
        "test_id": np.array(TEST_FILMS),
    }
    np.savez(folder / "unlv_dive.npz", **{**content, **(changes or {})})
    return folder


def row(film: int, **changes: object) -> str:
    """A line of `films.csv`."""
    values: dict[str, object] = {
        "id": film,
        "path": f"{film:03d}.mp4",
        "final_score": scores()[film],
        "difficulty": 3.2,
        **dict(zip(("jump_begins", "drop_begins", "entry_begins", "ending_begins"), MARKS, strict=True)),
        "dive_number": "407C",
        "position": 2,
        "armstand": 0,
        "rotation_type": 2,
        "half_somersaults": 7,
        "half_twists": 0,
        "marks": "7.0 7.0 7.0 7.0 7.0 7.0 7.0",
        "mtl_event": {"heats": 1, "semi-final": 2, "final": 3}[contest_of(film)],
        "mtl_id": mtl_ids()[film],
    }
    return ",".join(str((values | changes)[name]) for name in COLUMNS.split(","))


def table(folder: Path, *rows: str) -> Path:
    """The form with a table of films."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "films.csv").write_text("\n".join([COLUMNS, *rows]) + "\n")
    return folder


def film(path: Path, *, black: int = 0, stray: int = 0, num_frames: int = 90) -> Path:
    """A film of slow change, after black frames and frames of another shot."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codec, rate = ("mpeg4", 30) if path.suffix == ".avi" else ("libx264", 30)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = *SIZE_PX, "yuv420p"
        for number in range(black + num_frames):
            level = 0 if number < black else 220 if number < black + stray else 90 + number % 20
            picture = np.full((SIZE_PX[1], SIZE_PX[0], 3), level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path
