"""Who answers: a visitor's signed cookie, and the token that binds a write to the page that visitor opened.

Both are signed by Django's own signer: compared in constant time, and good for as long as the key they were
signed with is among SECRET_KEY and its fallbacks.
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
    """The visitor of the request's cookie; empty where there is none that was signed here."""
    try:
        visitor = _cookie_signer().unsign(request.COOKIES.get(COOKIE, ""))
    except BadSignature:
        return ""
    return visitor if _VISITOR.fullmatch(visitor) else ""


def new_visitor() -> str:
    """A visitor that nobody can guess: 128 random bits."""
    return secrets.token_hex(16)


def keep_visitor(response: HttpResponseBase, visitor: str) -> None:
    """Sets the cookie, for a year from now."""
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
    """What lets this visitor answer on this page for `settings.PAGE_TOKEN_S`. Neither of the two can be read in it."""
    return _page_signer(artifact_id, visitor).sign("page")


def is_token_valid(token: str, artifact_id: UUID, visitor: str) -> bool:
    """Whether the token was given to this visitor for this page and its time has not run out."""
    if not visitor:
        return False
    try:
        _page_signer(artifact_id, visitor).unsign(token, max_age=settings.PAGE_TOKEN_S)
    except BadSignature:
        return False
    return True


def is_foreign(request: HttpRequest) -> bool:
    """Whether a page of another origin sent the request, as far as the browser says."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("Origin")
    own = (settings.PUBLIC_ORIGIN, f"{request.scheme}://{request.get_host()}")
    return origin is not None and origin.lower() not in (one.lower() for one in own)


def _cookie_signer() -> Signer:
    return Signer(salt="artifacts.boards.visitor")


def _page_signer(artifact_id: UUID, visitor: str) -> TimestampSigner:
    return TimestampSigner(salt=f"artifacts.boards.page {artifact_id} {visitor}")
