"""Makes sure that a worker runs while a command waits: an existing one, or one in this process."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.conf import settings

from dali.lib.files.data_lock import DataLock, DirectoryInUseError
from dali.server.bootstrap import bring_up_to_date
from dali.server.embedded import Engine

STOP_WITHIN_S = 10.0


@contextmanager
def ensured_worker() -> Iterator[bool]:
    """Makes sure that a worker runs within the block; yields whether it is in this process.

    Production has its own workers, and so has an embedded server that holds the data directory. If no process holds
    the directory, this one starts a worker: it brings the database up to date, takes over the work of a killed
    server, and at the end gives back what is not finished.
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
    with ExitStack() as stack:
        stack.callback(lock.release)
        bring_up_to_date()
        engine = Engine()
        engine.take_over()
        engine.start()
        stack.callback(engine.stop, within_s=STOP_WITHIN_S)
        yield True
