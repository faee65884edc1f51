"""Identifies visitors: a signed cookie, and a token that ties a write to the visitor and the page.

Django's signer signs both: signatures are compared in constant time, and valid while their key is SECRET_KEY or one of
its fallbacks.
"""

import re
import secrets
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer, TimestampSigner
from django.http import HttpRequest, HttpResponseBase

COOKIE = "dali_visitor"
COOKIE_LIFETIME = timedelta(days=365)
_PATH = "/public/"
_VISITOR = re.compile(r"[0-9a-f]{32}")


def find_visitor(request: HttpRequest) -> str:
    """The visitor of the request's cookie; empty without a valid cookie."""
    try:
        visitor = _cookie_signer().unsign(request.COOKIES.get(COOKIE, ""))
    except BadSignature:
        return ""
    return visitor if _VISITOR.fullmatch(visitor) else ""


def new_visitor() -> str:
    """A new visitor id: 128 random bits."""
    return secrets.token_hex(16)


def keep_visitor(response: HttpResponseBase, visitor: str) -> None:
    """Sets the cookie for a year."""
    response.set_cookie(
        COOKIE,
        _cookie_signer().sign(visitor),
        max_age=COOKIE_LIFETIME,
        path=_PATH,
        secure=settings.PUBLIC_ORIGIN.startswith("https://"),
        httponly=True,
        samesite="Lax",
    )


def page_token(artifact_id: UUID, visitor: str) -> str:
    """The token for this visitor's answers on this page, valid for `settings.PAGE_TOKEN_S`. It reveals neither."""
    return _page_signer(artifact_id, visitor).sign("page")


def is_token_valid(token: str, artifact_id: UUID, visitor: str) -> bool:
    """Whether the token is of this visitor and page and has not expired."""
    if not visitor:
        return False
    try:
        _page_signer(artifact_id, visitor).unsign(token, max_age=settings.PAGE_TOKEN_S)
    except BadSignature:
        return False
    return True


def is_foreign(request: HttpRequest) -> bool:
    """Whether a page of another origin sent the request, according to the browser."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("Origin")
    own = (settings.PUBLIC_ORIGIN, f"{request.scheme}://{request.get_host()}")
    return origin is not None and origin.lower() not in (one.lower() for one in own)


def _cookie_signer() -> Signer:
    return Signer(salt="artifacts.boards.visitor")


def _page_signer(artifact_id: UUID, visitor: str) -> TimestampSigner:
    return TimestampSigner(salt=f"artifacts.boards.page {artifact_id} {visitor}")
