"""A file is read in pieces whose size adapts to the reader's speed."""

import io
import time

import pytest

from dali.lib.web.files import pieces
from dali.lib.web.files.pieces import LARGE_BYTES, SMALL_BYTES, pieces_of

CONTENT = bytes(range(250)) * 8000


@pytest.mark.parametrize("most", [None, 0, 1, SMALL_BYTES, SMALL_BYTES + 1, 1_999_999, 2_000_000, 3_000_000])
def test_all_bytes_come_in_order(most: int | None) -> None:
    file = io.BytesIO(CONTENT)
    assert b"".join(pieces_of(file, most)) == CONTENT[:most]
    assert not file.closed


def test_a_fast_reader_gets_large_pieces_after_the_first_ones() -> None:
    sizes = [len(piece) for piece in pieces_of(io.BytesIO(CONTENT))]
    assert sizes[:16] == [SMALL_BYTES] * 16
    assert set(sizes[16:-1]) == {LARGE_BYTES}


def test_a_slow_reader_gets_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(pieces, "time", time)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    sizes = []
    for piece in pieces_of(io.BytesIO(CONTENT)):
        now[0] += 1
        sizes.append(len(piece))
    assert set(sizes[:-1]) == {SMALL_BYTES}
