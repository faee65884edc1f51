"""Tickets open the stream of one session for a short time."""

from datetime import timedelta

import pytest
from django.utils import timezone

from progressions.stream import tickets
from progressions.stream.tickets import is_ticket_valid, issue_ticket


def test_a_ticket_is_valid_only_for_its_session() -> None:
    ticket, _ = issue_ticket("s:1")
    assert is_ticket_valid(ticket, "s:1")
    assert not is_ticket_valid(ticket, "s:2")
    assert not is_ticket_valid(ticket + "x", "s:1")
    assert not is_ticket_valid("", "s:1")


def test_a_ticket_states_its_validity_of_60_seconds() -> None:
    _, expires_at = issue_ticket("s-1")
    assert timedelta(seconds=59) < expires_at - timezone.now() <= timedelta(seconds=60)


def test_a_ticket_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    ticket, _ = issue_ticket("s-1")
    monkeypatch.setattr(tickets, "LIFETIME", timedelta(seconds=-1))
    assert not is_ticket_valid(ticket, "s-1")
