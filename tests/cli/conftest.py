import pytest
import unlv_makers


@pytest.fixture
def unlv(tmp_path):
    """Labels of ten films, of which two are there."""
    numbers = (2, 9, 80, 100, 254, 255, 256, 257, 300, 301)
    folder = unlv_makers.arrays(tmp_path / "unlv")
    rows = [unlv_makers.row(n, **({"drop_begins": 5} if n == 9 else {})) for n in numbers]
    unlv_makers.table(folder, *rows)
    unlv_makers.film(folder / "films" / "002.mp4", stray=1)
    unlv_makers.film(folder / "films" / "254.avi", black=61)
    return folder
