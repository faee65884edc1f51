"""Database reads for the event loop, in threads of their own."""

from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections

P = ParamSpec("P")
R = TypeVar("R")


def asynchronous(read: Callable[P, R], threads: ThreadPoolExecutor) -> Callable[P, Coroutine[Any, Any, R]]:
    """The same read as a coroutine function. It runs in one of `threads` and closes stale connections afterwards."""

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return read(*args, **kwargs)
        finally:
            close_old_connections()

    return sync_to_async(run, thread_sensitive=False, executor=threads)
