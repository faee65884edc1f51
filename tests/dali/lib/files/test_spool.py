"""Lines that outlive their process: written at once, read by this process or another, never by both."""

import errno
import fcntl
import os
import signal
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dali.lib.files import spool as spools
from dali.lib.files.folders import UnwritableError
from dali.lib.files.spool import Spool


def drained(spool: Spool, most: int = 100) -> list[bytes]:
    """Reads and removes all lines."""
    lines: list[bytes] = []
    for segment in spool.left():
        for batch in segment.batches(most):
            lines += batch
        spool.remove(segment)
    return lines


def in_a_process_that_is_killed(work: Callable[[], object]) -> None:
    """Runs `work` in a child process that then gets SIGKILL."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


def test_lines_are_in_the_file_at_once_and_read_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    for line in (b"one", b"two"):
        spool.append(line)
    (file,) = (tmp_path / "spool").iterdir()
    assert file.read_bytes() == b"one\ntwo\n"
    assert (drained(spool), drained(spool)) == ([b"one", b"two"], [])
    assert list((tmp_path / "spool").iterdir()) == []
    spool.append(b"three")
    assert drained(spool) == [b"three"]


def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.append(b"one")
    (file,) = (tmp_path / "spool").iterdir()
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)]
    assert modes == [0o600, 0o700]


def test_lines_of_a_killed_process_are_adopted_by_one_other(tmp_path: Path) -> None:
    def write() -> None:
        spool = Spool(tmp_path)
        for number in range(100):
            spool.append(b"%d" % number)

    in_a_process_that_is_killed(write)
    one, other = Spool(tmp_path), Spool(tmp_path)
    assert (one.adopt(), other.adopt(), one.adopt()) == (1, 0, 0)
    assert drained(one) == [b"%d" % number for number in range(100)]
    assert (drained(other), list(tmp_path.iterdir())) == ([], [])


def test_lines_of_a_reader_killed_halfway_are_read_again(tmp_path: Path) -> None:
    def read_half() -> None:
        spool = Spool(tmp_path)
        for number in range(10):
            spool.append(b"%d" % number)
        for segment in spool.left():
            assert next(segment.batches(5)) == [b"0", b"1", b"2", b"3", b"4"]
            break

    in_a_process_that_is_killed(read_half)
    spool = Spool(tmp_path)
    spool.adopt()
    assert drained(spool) == [b"%d" % number for number in range(10)]


def test_lines_of_a_living_process_are_left_alone(tmp_path: Path) -> None:
    living, other = Spool(tmp_path), Spool(tmp_path)
    living.append(b"mine")
    assert other.adopt() == 0
    for segment in living.left():  # closed, not yet removed
        assert other.adopt() == 0
        living.remove(segment)
    assert other.adopt() == 0


def test_batches_continue_after_those_already_taken(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(7):
        spool.append(b"%d" % number)
    (segment,) = spool.left()
    for batch in segment.batches(3):
        if batch == [b"3", b"4", b"5"]:
            break  # as if this batch could not be written
    assert list(segment.batches(3)) == [[b"3", b"4", b"5"], [b"6"]]
    assert list(spool.left()) == [segment]


def test_lines_that_arrive_during_a_read_are_left_for_the_next(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(b"one")
    for segment in spool.left():
        spool.append(b"two")
        assert list(segment.batches(10)) == [[b"one"]]
        spool.remove(segment)
    assert drained(spool) == [b"two"]


def test_an_incomplete_line_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "torn.lines").write_bytes(b'one\ntwo\n{"half')
    spool = Spool(tmp_path)
    assert spool.adopt() == 1
    assert drained(spool, most=2) == [b"one", b"two"]


def test_a_full_disk_is_reported_and_damages_no_other_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path)
    spool.append(b"before")
    write = os.write

    def half(descriptor: int, data: bytes) -> int:
        monkeypatch.undo()
        return write(descriptor, data[:3])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space left") as told:
        spool.append(b"no room")
    assert told.value.errno == errno.ENOSPC
    spool.append(b"after")
    assert drained(spool) == [b"before", b"after"]


def test_a_file_is_closed_at_its_size_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "MOST_BYTES", 20)
    spool = Spool(tmp_path)
    for number in range(10):
        spool.append(b"line %d" % number)
    assert len(list(tmp_path.iterdir())) == 4
    assert drained(spool) == [b"line %d" % number for number in range(10)]


def test_an_empty_file_taken_by_another_process_before_its_lock_is_created_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, flock = Spool(tmp_path), fcntl.flock
    taken: list[int] = []

    def late(descriptor: int, operation: int) -> None:
        if not taken:
            taken.append(0)
            taken[0] = other.adopt()
            drained(other)
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    spool = Spool(tmp_path)
    spool.append(b"kept")
    assert (taken, drained(spool)) == ([1], [b"kept"])


def test_a_folder_without_locks_accepts_nothing_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unknown)
    with pytest.raises(OSError, match="No locks available"):
        Spool(tmp_path).append(b"one")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "old.lines").write_bytes(b"one\n")
    assert Spool(tmp_path).adopt() == 0


def test_a_start_is_refused_in_an_unusable_folder_but_not_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Spool(tmp_path / "spool").check_writable()
    assert list((tmp_path / "spool").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(UnwritableError, match="file/spool cannot be written: Not a directory"):
        Spool(tmp_path / "file" / "spool").check_writable()

    def refuse(path: Path, *_: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(os, "open", refuse)
    Spool(tmp_path / "spool").check_writable()


def test_many_threads_and_a_reader_neither_lose_nor_repeat_lines(tmp_path: Path) -> None:
    spool, seen = Spool(tmp_path), list[bytes]()

    def write(name: int) -> None:
        for number in range(500):
            spool.append(b"%d.%d" % (name, number))

    threads = [threading.Thread(target=write, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        seen += drained(spool)
    seen += drained(spool)
    assert len(seen) == 4000
    assert set(seen) == {b"%d.%d" % (name, number) for name in range(8) for number in range(500)}
