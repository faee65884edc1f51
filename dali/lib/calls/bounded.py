"""Calls that must not hold their thread for longer than they were given."""

import contextvars
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from dali.lib.clock import Deadline

T = TypeVar("T")
M = TypeVar("M")


class _Exchange(Generic[T, M]):
    """What a call hands from its thread to the one that waits: at last its outcome, before that messages."""

    def __init__(self) -> None:
        self.value: list[T] = []
        self.error: BaseException | None = None
        self._changed = threading.Condition()
        self._newest: list[M] = []
        self._is_done = False

    def say(self, message: M) -> None:
        """Puts a message in the place of one that was not heard yet."""
        with self._changed:
            self._newest = [message]
            self._changed.notify()

    def end(self) -> None:
        """The call is over."""
        with self._changed:
            self._is_done = True
            self._changed.notify()

    def listen(self, deadline: Deadline) -> list[M] | None:
        """The newest message, alone in a list; an empty one at the end; None once the deadline has passed."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_done or self._newest, deadline.left_s()):
                return None
            heard, self._newest = self._newest, []
            return [] if self._is_done else heard


def call_within(seconds: float, call: Callable[[], T]) -> T:
    """The result of `call`, or TimeoutError once that many seconds have passed.

    The call runs in a thread of its own, with the caller's context variables. Python cannot stop a thread: one that
    overstays goes on alone, and what it returns is dropped. It must not touch the database.
    """
    return call_listening(seconds, lambda _say: call(), lambda _message: None)


def call_listening(seconds: float, call: Callable[[Callable[[M], None]], T], hear: Callable[[M], None]) -> T:
    """As `call_within`, with messages on the way: `call` is given a function that says one, `hear` gets it.

    `hear` runs in the thread that waits. A message that was not heard before the next was said is dropped, as are
    those of a call that is over. What `hear` raises is raised on, and the call goes on alone.
    """
    exchange: _Exchange[T, M] = _Exchange()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            exchange.value.append(context.run(call, exchange.say))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            exchange.error = error
        finally:
            exchange.end()

    threading.Thread(target=run, name="bounded-call", daemon=True).start()
    deadline = Deadline.after(seconds)
    while heard := exchange.listen(deadline):
        hear(heard[0])
    if heard is None:
        raise TimeoutError(f"no answer within {seconds:g} s")
    if exchange.error is not None:
        raise exchange.error
    return exchange.value[0]
