"""A limited burst, and a limited rate in the long run."""

import time

import pytest

from dali.lib.web.streams.allowance import Allowance


def test_overspending_is_paid_for_by_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    allowance = Allowance(at_once=10, a_second=2)
    assert [allowance.spend() for _ in range(10)] == [0] * 10
    assert allowance.spend() == 0.5
    assert allowance.spend(3) == 2
    now[0] += 2
    assert allowance.spend(0) == 0
    now[0] += 1000
    assert allowance.spend(10) == 0
    assert allowance.spend() == 0.5
