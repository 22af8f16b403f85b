import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stagescore.atomic import remove_unfinished, write_bytes, write_files, write_text
from stagescore.errors import DataError


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "new" / "folder" / "a.txt"
    write_text(path, "één")
    write_bytes(path, b"two")
    assert contents(tmp_path) == {"new/folder/a.txt": b"two"}


def test_the_users_umask_holds(tmp_path):
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def full_disk(monkeypatch, name):
    def refuse(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, name, refuse)


@pytest.mark.parametrize("name", ["fsync"])
def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, name):
    write_bytes(tmp_path / "a", b"old")
    full_disk(monkeypatch, name)
    with pytest.raises(DataError, match="No space left on device") as caught:
        write_bytes(tmp_path / "a", b"new")
    assert str(tmp_path / "a") in str(caught.value)
    assert contents(tmp_path) == {"a": b"old"}


@pytest.mark.parametrize("fails_at", range(3))
@pytest.mark.parametrize("existing", [True, False])
def test_of_several_files_all_are_written_or_none(tmp_path, monkeypatch, fails_at, existing):
    names = ["a", "b", "c"]
    for name in names if existing else []:
        write_bytes(tmp_path / name, b"old")
    before = contents(tmp_path)
    renamed = []
    rename = Path.replace

    def replace(self, target):
        if not str(self).endswith(".old.part") and len(renamed) == fails_at:
            raise OSError(errno.ENOSPC, "No space left on device")
        renamed.append(target)
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(DataError, match="unchanged"):
        write_files({tmp_path / name: b"new" for name in names})
    monkeypatch.undo()
    assert contents(tmp_path) == before
    write_files({tmp_path / name: b"new" for name in names})
    assert contents(tmp_path) == dict.fromkeys(names, b"new")


def test_a_folder_in_the_way_leaves_everything_as_it_was(tmp_path):
    write_bytes(tmp_path / "a", b"old")
    (tmp_path / "b").mkdir()
    with pytest.raises(DataError):
        write_files({tmp_path / "a": b"new", tmp_path / "b": b"new"})
    assert contents(tmp_path) == {"a": b"old"}


def test_without_links_old_files_are_copied(tmp_path, monkeypatch):
    write_files({tmp_path / "a": b"1", tmp_path / "b": b"2"})
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "no links")))
    write_files({tmp_path / "a": b"3", tmp_path / "b": b"4"})
    assert contents(tmp_path) == {"a": b"3", "b": b"4"}


@pytest.mark.parametrize("name", ["x" * 300, "a/b"])
def test_a_path_that_cannot_be_is_refused(tmp_path, name):
    (tmp_path / "a").write_bytes(b"a file, no folder")
    with pytest.raises(DataError, match="cannot write"):
        write_bytes(tmp_path / name, b"new")
    assert contents(tmp_path) == {"a": b"a file, no folder"}


_LIMITED = """
import resource, signal, sys
from pathlib import Path
from stagescore.atomic import write_files
from stagescore.errors import DataError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
folder = Path(sys.argv[1])
try:
    write_files({folder / "a": b"new", folder / "b": bytes(5000)})
except DataError as error:
    print(error)
"""


def test_a_limit_on_the_size_of_files_leaves_the_old_ones(tmp_path):
    write_files({tmp_path / "a": b"old", tmp_path / "b": b"old"})
    run = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "File too large" in run.stdout
    assert contents(tmp_path) == {"a": b"old", "b": b"old"}


_KILLED = """
import os, signal, sys
from pathlib import Path
from stagescore import atomic
os.fsync = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
atomic.write_bytes(Path(sys.argv[1]) / "a", b"new")
"""


def test_a_killed_process_leaves_the_old_file(tmp_path):
    write_bytes(tmp_path / "a", b"old")
    subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False)
    assert contents(tmp_path)["a"] == b"old"


def test_what_a_killed_process_was_writing_is_removed_and_nothing_else(tmp_path):
    program = (
        "import os, sys; from pathlib import Path; from stagescore.atomic import write_files; os.fsync = lambda _: os._exit(9); "
        "write_files({Path(sys.argv[1]): b'half'})"
    )
    (tmp_path / "below").mkdir()
    for name in ("a.json", ".step-1.ckpt.x", "my.part", ".part", "..part"):
        write_text(tmp_path / name, "mine")
    before = contents(tmp_path)
    for path in (tmp_path / "a.json", tmp_path / "below" / "b"):
        subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert len(contents(tmp_path)) == len(before) + 2
    remove_unfinished(tmp_path, tmp_path / "none")
    assert len(contents(tmp_path)) == len(before) + 1  # what is below was not asked for
    remove_unfinished(tmp_path / "below")
    assert contents(tmp_path) == before
