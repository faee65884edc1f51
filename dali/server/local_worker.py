"""Somebody at work for a command: the server or workers where there are some, else this process."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from dali.lib.files.data_lock import DataLock, DirectoryInUseError
from dali.server.bootstrap import bring_up_to_date
from dali.server.embedded import Engine

STOP_WITHIN_S = 10.0


@contextmanager
def somebody_at_work() -> Iterator[bool]:
    """Sees to it that rows are worked on within the block; yields whether this process does it.

    Production has workers of its own, and an embedded server works where it holds the data directory. Where
    nobody holds it, this process does: it brings the database up to date, takes over what a killed
    server left, and gives back at the block's end what it could not finish.
    """
    if not settings.IS_EMBEDDED:
        yield False
        return
    lock = DataLock(settings.DATA_DIR)
    try:
        lock.take()
    except DirectoryInUseError:
        yield False
        return
    try:
        bring_up_to_date()
        engine = Engine()
        engine.take_over()
        engine.start()
        try:
            yield True
        finally:
            engine.stop(within_s=STOP_WITHIN_S)
    finally:
        lock.release()
