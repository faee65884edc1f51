"""Pages of lists: plain arrays, newest first, the next page by cursor in the `Link` header."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Model, Q
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dali.lib.errors import InputError
from dali.lib.web.addresses import absolute_url
from dali.lib.web.input.bodies import refuse_near_misses

DEFAULT_LIMIT = 200
MOST_LIMIT = 500
MOST_WHOLE = 2**53 - 1  # what JavaScript counts to
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = r"([0-9]{1,17})-([0-9a-f]{32})"  # microseconds since the epoch, and the row's id


class NewestFirstPagination(BasePagination):
    """Keyset pages on a time and the id: no OFFSET and no count, so a page costs the same at any depth.

    The view names the time in `newest_by` (default `created_at`).
    """

    _next: str | None = None

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        """The rows of the requested page. Raises InputError for a bad `limit` or `cursor`."""
        by: str = getattr(view, "newest_by", "created_at")
        refuse_near_misses(request, ("limit", "cursor"))
        limit = parse_limit(request.query_params.get("limit", ""))
        if cursor := request.query_params.get("cursor", "").strip():
            moment, row_id = _decode(cursor)
            # Unlike (by < moment OR ...), this form lets the first condition bound the index scan.
            queryset = queryset.filter(
                Q(**{f"{by}__lte": moment}) & (Q(**{f"{by}__lt": moment}) | Q(id__lt=row_id))
            )
        rows = list(queryset.order_by(f"-{by}", "-id")[: limit + 1])
        if len(rows) > limit:
            rows = rows[:limit]
            self._next = next_link(request, cursor=_encode(getattr(rows[-1], by), rows[-1]))
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        """The page, with a link to the next one."""
        return Response(data, headers={"Link": self._next} if self._next else None)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A plain array."""
        return schema

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """`limit` and `cursor`, for the OpenAPI document."""
        return [
            {
                "name": "limit",
                "in": "query",
                "description": f"Rows on a page, 1 to {MOST_LIMIT}.",
                "schema": {"type": "integer", "minimum": 1, "maximum": MOST_LIMIT, "default": DEFAULT_LIMIT},
            },
            {
                "name": "cursor",
                "in": "query",
                "description": 'Take it from the `Link` header (`rel="next"`) of the previous page.',
                "schema": {"type": "string", "pattern": f"^{_CURSOR}$"},
            },
        ]


def parse_limit(text: str, *, default: int = DEFAULT_LIMIT, most: int = MOST_LIMIT) -> int:
    """The number of rows asked for; empty means the default. Raises InputError."""
    text = text.strip()
    if not text:
        return default
    limit = parse_whole_number(text)
    if limit is None or not 1 <= limit <= most:
        raise InputError("limit", f"limit={text[:40]!r} is not a whole number from 1 to {most}")
    return limit


def parse_whole_number(text: str) -> int | None:
    """A whole number of a query, from 0 to MOST_WHOLE; None for any other text."""
    found = re.fullmatch(r"([0-9]{1,20})(?:\.0{1,20})?", text, re.ASCII)
    return int(found[1]) if found and int(found[1]) <= MOST_WHOLE else None


def next_link(request: Request, **changes: str) -> str:
    """The value of a `Link` header that leads to the same list with some parameters changed."""
    pairs = [
        (name, text) for name, texts in request.query_params.lists() for text in texts if name not in changes
    ]
    return f'<{absolute_url(request.path)}?{urlencode([*pairs, *changes.items()])}>; rel="next"'


def _encode(moment: datetime, row: Model) -> str:
    micros = (moment - _EPOCH) // timedelta(microseconds=1)
    return f"{micros}-{row.pk.hex}"


def _decode(cursor: str) -> tuple[datetime, UUID]:
    if not (found := re.fullmatch(_CURSOR, cursor)):
        raise InputError(
            "cursor",
            f"cursor={cursor[:40]!r} is not a cursor; take it from the Link header of the previous page",
        )
    return _EPOCH + timedelta(microseconds=int(found[1])), UUID(found[2])
