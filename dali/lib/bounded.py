"""Calls that must not hold their thread for longer than they were given."""

import contextvars
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class _Outcome(Generic[T]):
    """What became of a call, handed from its thread to the one that waits."""

    def __init__(self) -> None:
        self.value: list[T] = []
        self.error: BaseException | None = None
        self.done = threading.Event()


def call_within(seconds: float, call: Callable[[], T]) -> T:
    """The result of `call`, or TimeoutError once that many seconds have passed.

    The call runs in a thread of its own, with the caller's context variables. Python cannot stop a thread: one that
    overstays goes on alone, and what it returns is dropped. It must not touch the database.
    """
    outcome: _Outcome[T] = _Outcome()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            outcome.value.append(context.run(call))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            outcome.error = error
        finally:
            outcome.done.set()

    threading.Thread(target=run, name="bounded-call", daemon=True).start()
    if not outcome.done.wait(seconds):
        raise TimeoutError(f"no answer within {seconds:g} s")
    if outcome.error is not None:
        raise outcome.error
    return outcome.value[0]
