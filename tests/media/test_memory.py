"""Memory does not grow with the length of a film."""

import os
import subprocess
import sys
from pathlib import Path

import clips
import numpy as np
import pytest

MEASURE = """
import re, sys
from pathlib import Path
from stagescore.media import open_media
media = open_media(sys.argv[1])
for _, picture in media.frames():
    pass
media.sample(16, size_px=(455, 256))
# Not `getrusage`: its maximum goes back to before this program was started.
print(media.num_frames, int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def peak_mb(path) -> tuple[int, int]:
    # glibc keeps freed pictures for later, more or fewer by chance (60 frames: 182 to 212 MB in four runs); from a fixed size on it gives
    # them back at once (140 to 150 MB), so that what is measured is what the program holds.
    fixed = os.environ | {"MALLOC_MMAP_THRESHOLD_": "131072"}
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, path], capture_output=True, text=True, check=True, env=fixed
    )
    num_frames, peak = run.stdout.split()
    return int(num_frames), int(peak)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
def test_peak_memory_of_full_hd_does_not_grow_with_length(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (68, 121, 3)).astype(np.uint8)
    wide = np.kron(noise, np.ones((16, 16, 1), np.uint8))
    distinct = [np.ascontiguousarray(wide[:1080, shift : shift + 1920]) for shift in range(4)]
    recipe = clips.Recipe(codec_options={"preset": "superfast", "crf": "32"})
    peaks = {}
    for num_frames in (60, 480):
        pictures = [distinct[k % 4] for k in range(num_frames)]
        path = clips.write_video(tmp_path / f"{num_frames}.mp4", pictures=pictures, recipe=recipe)
        found, peaks[num_frames] = peak_mb(path)
        assert found == num_frames
    print(f"peak memory in MB by number of frames: {peaks}")
    # 420 frames more would be 2600 MB if they were kept.
    assert peaks[480] < peaks[60] + 30
    assert peaks[480] < 400
