"""A file in pieces: small ones for slow readers, since each reader holds one in memory, large ones for fast readers."""

import time
from collections.abc import Iterator
from typing import IO

SMALL_BYTES = 32 * 1024
LARGE_BYTES = 128 * 1024
# The first pieces fill the kernel's buffers at once, however slow the reader is.
_SMALL_FIRST = 16
_QUICK_S = 0.25


def pieces_of(file: IO[bytes], most_bytes: int | None = None) -> Iterator[bytes]:
    """The rest of the file, at most `most_bytes`; each piece is read when it is needed.

    Raises what reading raises. Does not close the file.
    """
    left, size, taken = most_bytes, SMALL_BYTES, 0
    while piece := file.read(size if left is None else min(size, left)):
        if left is not None:
            left -= len(piece)
        given_at = time.monotonic()
        yield piece
        del piece  # before the next one is read
        taken += 1
        is_quick = taken >= _SMALL_FIRST and time.monotonic() - given_at < _QUICK_S
        size = LARGE_BYTES if is_quick else SMALL_BYTES
