"""Checks requests for a stream: host, origin, key or ticket, session id, parameters."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from dali.lib.web.cors import is_origin_allowed
from dali.lib.web.pagination import parse_whole_number
from dali.lib.web.streams.reads import asynchronous
from dali.lib.web.streams.sse import StreamRefusedError
from progressions.enums import SESSION_ID
from progressions.stream import history, tickets
from projects.authentication import HEADER, find_owner

_find_owner = asynchronous(find_owner, history.THREADS)


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """The checked parameters of a stream. `after` is None if the client sent none."""

    session_id: str
    after: int | None
    is_batch: bool


async def admit(scope: Mapping[str, Any], session_id: str) -> StreamRequest:
    """Checks an ASGI scope. Raises StreamRefusedError (400, 401, 403)."""
    headers = headers_of(scope)
    query = parse_qs(scope["query_string"].decode("latin-1"))
    _check_host(headers.get("host"))
    _check_origin(headers.get("origin"))
    await _check_key(
        headers.get(HEADER.lower(), ""),
        query.get("ticket", [""])[-1],
        session_id,
        is_required=settings.REQUIRE_KEY == "all",
    )
    if not re.fullmatch(SESSION_ID, session_id):
        raise StreamRefusedError(
            400,
            "invalid",
            f"{session_id[:200]!r} is not a session id: use 1 to 128 of the characters A-Z a-z 0-9 . _ : -",
            "sessionId",
        )
    return StreamRequest(session_id, _after(headers, query), _is_batch(query))


def headers_of(scope: Mapping[str, Any]) -> dict[str, str]:
    """The headers by lower-case name; the last of several with the same name."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _check_host(host: str | None) -> None:
    # As Django does for every view, against DNS rebinding.
    if host is None:
        return
    domain, _ = split_domain_port(host)
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        raise StreamRefusedError(
            400, "bad_request", "The request cannot be taken; check its host and headers."
        )


def _check_origin(origin: str | None) -> None:
    if origin is not None and not is_origin_allowed(origin):
        raise StreamRefusedError(
            403,
            "permission_denied",
            f"Pages of {origin[:200]!r} may not open the stream; see DALI_CORS_ORIGINS.",
        )


async def _check_key(key: str, ticket: str, session_id: str, *, is_required: bool) -> None:
    if key:
        if await _find_owner(key) is None:
            raise StreamRefusedError(
                401, "authentication_failed", f"The key in {HEADER} is not valid; send a valid key."
            )
    elif is_required and not (ticket and tickets.is_ticket_valid(ticket, session_id)):
        raise StreamRefusedError(
            401,
            "authentication_failed" if ticket else "not_authenticated",
            f"Send a key in the header {HEADER}, or ?ticket= from POST /api/stream/{{sessionId}}/tickets"
            " at most 60 s old.",
        )


def _after(headers: Mapping[str, str], query: Mapping[str, list[str]]) -> int | None:
    for name, value in (
        ("Last-Event-ID", headers.get("last-event-id", "").strip()),
        ("after", query.get("after", [""])[-1].strip()),
    ):
        if value:
            seq = parse_whole_number(value)
            if seq is None:
                raise StreamRefusedError(
                    400, "invalid", f"{value[:200]!r} is not a seq: send a whole number from 0 on", name
                )
            return seq
    return None


def _is_batch(query: Mapping[str, list[str]]) -> bool:
    value = query.get("batch", [""])[-1]
    if value not in ("", "0", "1"):
        raise StreamRefusedError(400, "invalid", f"{value[:200]!r} is not 0 or 1", "batch")
    return value == "1"
