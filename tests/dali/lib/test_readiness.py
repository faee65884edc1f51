"""Checks of a process's dependencies: concurrent, bounded in time, shared, and never two of one kind at once."""

import asyncio
import threading
import time

import pytest

from dali.lib.readiness import Check, CheckOutcome, NotReadyError, Readiness

LONG_S = 180.0


class Question:
    """A check: counts its calls and hangs while it is held."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls = self.at_once = self.most_at_once = 0
        self.error = error
        self.asked, self.let_go = threading.Event(), threading.Event()
        self.let_go.set()
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self.calls += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.asked.set()
        assert self.let_go.wait(LONG_S)
        with self._lock:
            self.at_once -= 1
        if self.error is not None:
            raise self.error

    def hold(self) -> None:
        self.asked.clear()
        self.let_go.clear()


def said(outcomes: list[CheckOutcome]) -> list[tuple[str, str]]:
    return [(outcome.name, outcome.error) for outcome in outcomes]


async def test_each_check_is_listed_in_order_with_its_time() -> None:
    readiness = Readiness([Check("one", Question()), Check("two", Question())])
    outcomes = await readiness.outcomes()
    assert said(outcomes) == [("one", ""), ("two", "")]
    assert all(outcome.ms >= 0 for outcome in outcomes)


async def test_only_public_messages_are_shown() -> None:
    shown = Question(NotReadyError("it is full"))
    secret = Question(OSError("redis://:secret@host"))
    readiness = Readiness([Check("shown", shown), Check("secret", secret)])
    assert said(await readiness.outcomes()) == [("shown", "it is full"), ("secret", "it cannot be used")]


async def test_a_hanging_check_delays_no_answer_and_is_not_started_twice() -> None:
    hanging, fine = Question(), Question()
    hanging.hold()
    readiness = Readiness([Check("hanging", hanging), Check("fine", fine)], wait_s=0.2, fresh_s=0)
    for _ in range(3):
        outcomes = await readiness.outcomes()
        assert said(outcomes) == [("hanging", "no answer in time"), ("fine", "")]
        assert outcomes[0].ms >= 200
    assert (hanging.calls, fine.calls) == (1, 3)
    hanging.let_go.set()
    assert said(await until_it_passes(readiness)) == [("hanging", ""), ("fine", "")]
    assert hanging.most_at_once == 1


async def until_it_passes(readiness: Readiness) -> list[CheckOutcome]:
    until = time.monotonic() + LONG_S
    found = await readiness.outcomes()
    while any(outcome.error for outcome in found):
        assert time.monotonic() < until
        found = await readiness.outcomes()
    return found


async def test_the_checks_run_concurrently() -> None:
    first, second = Question(), Question()
    first.hold()
    second.hold()
    asked = asyncio.create_task(Readiness([Check("1", first), Check("2", second)], wait_s=LONG_S).outcomes())
    for question in (first, second):
        assert await asyncio.to_thread(question.asked.wait, LONG_S)
    for question in (first, second):
        question.let_go.set()
    assert said(await asked) == [("1", ""), ("2", "")]


async def test_simultaneous_callers_share_one_run_and_soon_after_its_result() -> None:
    question = Question()
    question.hold()
    readiness = Readiness([Check("one", question)], wait_s=LONG_S, fresh_s=LONG_S)
    many = [asyncio.create_task(readiness.outcomes()) for _ in range(50)]
    assert await asyncio.to_thread(question.asked.wait, LONG_S)
    many[0].cancel()
    question.let_go.set()
    assert {tuple(said(found)) for found in await asyncio.gather(*many[1:])} == {(("one", ""),)}
    await readiness.outcomes()
    assert question.calls == 1


async def test_a_result_expires() -> None:
    question = Question()
    readiness = Readiness([Check("one", question)], fresh_s=0)
    await readiness.outcomes()
    await readiness.outcomes()
    assert question.calls == 2


async def test_each_change_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    question = Question(OSError("no route"))
    readiness = Readiness([Check("one", question)], fresh_s=0)
    await readiness.outcomes()
    await readiness.outcomes()
    question.error = None
    await readiness.outcomes()
    await readiness.outcomes()
    lines = [str(record.msg) for record in caplog.records if record.name == "dali.lib.readiness"]
    assert len(lines) == 2
    assert "'not_ready'" in lines[0]
    assert "no route" in lines[0]
    assert "'ready_again'" in lines[1]
