"""Headers that let pages of other origins read an answer, for answers that bypass the middleware."""

import re

from django.conf import settings

Headers = list[tuple[bytes, bytes]]


def is_origin_allowed(origin: str) -> bool:
    """Whether a page of that origin may read: this server's own, or one of the CORS settings'."""
    origin = origin.lower()
    return (
        origin == settings.PUBLIC_ORIGIN.lower()
        or origin in (allowed.rstrip("/").lower() for allowed in settings.CORS_ALLOWED_ORIGINS)
        or any(re.match(pattern, origin) for pattern in settings.CORS_ALLOWED_ORIGIN_REGEXES)
    )


def cors_headers(origin: str | None, *, vary: str = "Origin") -> Headers:
    """`Vary`, and the headers that let a page of that origin read the answer, if it is allowed."""
    headers = [(b"vary", vary.encode())]
    if origin is not None and is_origin_allowed(origin):
        headers.append((b"access-control-allow-origin", origin.encode("latin-1")))
        headers.append((b"access-control-expose-headers", ", ".join(settings.CORS_EXPOSE_HEADERS).encode()))
    return headers
