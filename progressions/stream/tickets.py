"""Tickets open a stream in place of a key, because a browser's WebSocket cannot send headers."""

from datetime import datetime, timedelta

from django.core.signing import BadSignature, TimestampSigner
from django.utils import timezone

LIFETIME = timedelta(seconds=60)


def issue_ticket(session_id: str) -> tuple[str, datetime]:
    """A ticket for one session, and when it expires."""
    return _signer().sign(session_id), timezone.now() + LIFETIME


def is_ticket_valid(ticket: str, session_id: str) -> bool:
    """Whether the ticket was issued here for that session and has not expired."""
    try:
        return _signer().unsign(ticket, max_age=LIFETIME) == session_id
    except BadSignature:
        return False


def _signer() -> TimestampSigner:
    return TimestampSigner(salt="progressions.stream.tickets")
