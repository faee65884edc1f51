"""Whether a file is sent, given the conditions of a request."""

import pytest
from django.test import RequestFactory

from dali.lib.web.files.preconditions import failed_precondition

ETAG = '"abc"'
PAST, FUTURE = "Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, None),
        ({"If-Match": ETAG}, None),
        ({"If-Match": f'"other", {ETAG}'}, None),
        ({"If-Match": "*"}, None),
        ({"If-Match": '"other"'}, 412),
        ({"If-Match": f"W/{ETAG}"}, 412),
        ({"If-Match": "abc"}, 412),
        ({"If-None-Match": ETAG}, 304),
        ({"If-None-Match": f"W/{ETAG}"}, 304),
        ({"If-None-Match": f'"other",{ETAG}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"'}, None),
        ({"If-None-Match": "abc"}, None),
        ({"If-Match": '"other"', "If-None-Match": ETAG}, 412),
        ({"If-Match": ETAG, "If-None-Match": ETAG}, 304),
        ({"If-Unmodified-Since": PAST}, None),
        ({"If-Modified-Since": FUTURE}, None),
        ({"If-Modified-Since": FUTURE, "If-None-Match": '"other"'}, None),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions_are_checked_in_order_and_dates_are_ignored(
    headers: dict[str, str], status: int | None, method: str
) -> None:
    assert failed_precondition(RequestFactory().generic(method, "/", headers=headers), ETAG) == status
