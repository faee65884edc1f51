"""Calls in a thread of their own: results, errors, messages, and the end of the wait."""

import threading
from collections.abc import Callable
from contextvars import ContextVar

import pytest

from dali.lib.calls.deadlines import call_listening, call_within
from tests.waiting import PATIENCE_S

LANGUAGE: ContextVar[str] = ContextVar("language", default="en")


def test_a_call_gives_its_result_and_sees_the_callers_context() -> None:
    token = LANGUAGE.set("de")
    assert call_within(PATIENCE_S, LANGUAGE.get) == "de"
    LANGUAGE.reset(token)


def test_a_call_raises_its_own_error() -> None:
    def fail() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit) as caught:
        call_within(PATIENCE_S, fail)
    assert caught.value.code == 3


def test_a_call_that_takes_too_long_is_not_waited_for() -> None:
    release = threading.Event()
    with pytest.raises(TimeoutError, match=r"no answer within 0\.05 s"):
        call_within(0.05, release.wait)
    release.set()


def test_messages_are_heard_in_the_waiting_thread_the_newest_of_those_that_came_together() -> None:
    heard_one, said_all, heard_last = threading.Event(), threading.Event(), threading.Event()
    heard: list[tuple[str, threading.Thread]] = []

    def call(say: Callable[[str], None]) -> str:
        say("one")
        assert heard_one.wait(PATIENCE_S)
        say("two")
        say("three")
        said_all.set()
        assert heard_last.wait(PATIENCE_S)
        return "result"

    def hear(message: str) -> None:
        heard.append((message, threading.current_thread()))
        if message == "one":
            heard_one.set()
            assert said_all.wait(PATIENCE_S)
        else:
            heard_last.set()

    assert call_listening(PATIENCE_S, call, hear) == "result"
    this_thread = threading.current_thread()
    assert heard == [("one", this_thread), ("three", this_thread)]


def test_an_error_of_the_listener_ends_the_wait() -> None:
    release = threading.Event()

    def call(say: Callable[[int], None]) -> None:
        say(1)
        release.wait()

    def hear(_message: int) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        call_listening(PATIENCE_S, call, hear)
    release.set()
