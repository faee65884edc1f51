"""The write-once storage in a folder, and the storages by name."""

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dali.lib.errors import DaliError, UnavailableError
from dali.lib.objects.storage import LocalWriteOnceStorage, delivery_files, named, originals, uploads
from tests.dali.lib.objects.storage_contract import WriteOnceContract


@pytest.fixture
def storage(tmp_path: Path) -> LocalWriteOnceStorage:
    return LocalWriteOnceStorage(location=str(tmp_path / "originals"))


class TestLocalWriteOnceStorage(WriteOnceContract):
    """The contract, for a folder."""


def test_files_are_readable_with_any_umask(storage: LocalWriteOnceStorage) -> None:
    before = os.umask(0o777)
    try:
        storage.put_once("a/b/c", b"x", media_type="image/png")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(Path(storage.location, part).stat().st_mode) for part in ("a", "a/b", "a/b/c")]
    assert modes == [0o750, 0o750, 0o640]


def test_a_reader_never_sees_a_partial_object(storage: LocalWriteOnceStorage) -> None:
    content = os.urandom(4_000_000)
    sizes: set[int] = set()
    is_done = threading.Event()

    def watch() -> None:
        while not is_done.is_set():
            for number in range(10):
                path = Path(storage.path(f"a/{number}"))
                if path.exists():
                    sizes.add(path.stat().st_size)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(10):
        storage.put_once(f"a/{number}", content, media_type="image/png")
    is_done.set()
    watcher.join()
    assert sizes <= {4_000_000}


def test_writing_leaves_no_draft_behind(storage: LocalWriteOnceStorage) -> None:
    storage.put_once("a/0", b"x", media_type="image/png")
    storage.put_once("a/0", b"x", media_type="image/png")
    assert list((Path(storage.location) / ".drafts").iterdir()) == []


def test_a_killed_writer_leaves_only_a_draft_that_is_removed_later(tmp_path: Path) -> None:
    program = """
import os, signal, sys
from dali.lib.objects.storage import LocalWriteOnceStorage
storage = LocalWriteOnceStorage(location=sys.argv[1])
storage.put_once("a/before", b"x", media_type="image/png")
os.link = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
storage.put_once("a/0", b"half", media_type="image/png")
"""
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=Path.cwd(), check=False)
    assert killed.returncode == -9
    (draft,) = (tmp_path / ".drafts").iterdir()
    storage = LocalWriteOnceStorage(location=str(tmp_path))
    assert storage.exists("a/0") is False
    assert storage.put_once("a/0", b"whole", media_type="image/png") is True
    assert draft.exists()  # its writer could still be alive
    os.utime(draft, (time.time() - 7200, time.time() - 7200))
    LocalWriteOnceStorage(location=str(tmp_path)).put_once("a/1", b"x", media_type="image/png")
    assert not draft.exists()
    assert storage.read("a/0") == b"whole"


def test_the_note_of_a_killed_writer_is_not_given_to_another(tmp_path: Path) -> None:
    program = """
import os, signal, sys
from dali.lib.objects.storage import LocalWriteOnceStorage
storage = LocalWriteOnceStorage(location=sys.argv[1])
storage.put_once("before", b"x", media_type="image/png")
os.link = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
storage.put_once("a/0", b"x", media_type="image/png", note={"n": "killed"})
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=Path.cwd(), check=False)
    (left,) = (tmp_path / "a").iterdir()
    assert left.read_text() == '{"n":"killed"}'
    storage = LocalWriteOnceStorage(location=str(tmp_path))
    assert storage.read_note("a/0") is None
    storage.put_once("a/0", b"x", media_type="image/png")
    assert storage.read_note("a/0") is None


def test_an_old_note_of_a_reused_inode_is_dropped(
    storage: LocalWriteOnceStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def link_and_look(draft: Path, target: Path) -> None:
        link(draft, target)
        assert not left_for(draft).exists()

    def write_draft(content: bytes) -> Path:
        draft = really_write(content)
        left_for(draft).write_text('{"n":"of a killed writer"}')
        return draft

    def left_for(draft: Path) -> Path:
        return Path(storage.path("a/0")).with_name(f".0.{draft.stat().st_ino}.note")

    really_write = storage._write_draft
    monkeypatch.setattr(storage, "_write_draft", write_draft)
    monkeypatch.setattr(os, "link", link_and_look)
    assert storage.put_once("a/0", b"x", media_type="image/png") is True
    assert storage.read_note("a/0") is None


def test_a_lost_race_leaves_no_note_behind(storage: LocalWriteOnceStorage) -> None:
    def lose(_: Path, target: Path) -> None:
        target.write_bytes(b"of another")
        raise FileExistsError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "link", lose)
        assert storage.put_once("a/0", b"x", media_type="image/png", note={"n": 1}) is False
    assert [path.name for path in Path(storage.path("a/0")).parent.iterdir()] == ["0"]
    assert storage.read_note("a/0") is None


def test_an_object_is_stored_even_if_its_note_cannot_be_written(
    storage: LocalWriteOnceStorage,
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    real = os.open

    def open_no_note(path: str | Path, *arguments: int) -> int:
        if str(path).endswith(".note"):
            full()
        return real(path, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", open_no_note)
        assert storage.put_once("a/0", b"x", media_type="image/png", note={"n": 1}) is True
    assert storage.read_note("a/0") is None


def test_a_damaged_note_reads_as_none(storage: LocalWriteOnceStorage) -> None:
    storage.put_once("a/0", b"x", media_type="image/png", note={"n": 1})
    (note,) = [path for path in Path(storage.path("a/0")).parent.iterdir() if path.name.endswith(".note")]
    for broken in (b"", b'{"n":', b"7", b"\xff"):
        note.write_bytes(broken)
        assert storage.read_note("a/0") is None


def test_a_full_disk_is_reported_and_leaves_nothing(
    storage: LocalWriteOnceStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", full)
    with pytest.raises(UnavailableError, match="the disk is full; free some space"):
        storage.put_once("a/0", b"x", media_type="image/png")
    assert storage.exists("a/0") is False
    assert list((Path(storage.location) / ".drafts").iterdir()) == []


def test_a_file_in_place_of_a_folder_is_reported(storage: LocalWriteOnceStorage) -> None:
    storage.put_once("a", b"x", media_type="image/png")
    with pytest.raises(UnavailableError, match="a/b"):
        storage.put_once("a/b", b"x", media_type="image/png")


def test_the_named_storages_are_separate_folders() -> None:
    folders = [
        Path(each.path("x")).parent.name
        for each in (originals(), uploads(), delivery_files(), named("published"))
    ]
    assert folders == ["originals", "uploads", "delivery", "published"]


def test_a_storage_that_could_overwrite_is_refused() -> None:
    with pytest.raises(DaliError, match="STORAGES"):
        named("staticfiles")


def test_the_bucket_client_is_not_imported_for_a_folder() -> None:
    program = "import sys, dali.lib.objects.storage; print('boto3' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert shown.stdout.strip() == "False"
