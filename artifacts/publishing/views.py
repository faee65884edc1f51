"""Serves published artifacts to visitors: streamed from storage, cached by digest, under a strict policy."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django import http
from django.conf import settings
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from artifacts.boards.pages import SLUG
from artifacts.models import Artifact
from artifacts.publishing.viewlog import note_view
from artifacts.queries import find_shown
from dali.lib.objects.storage import STREAM_BYTES, named
from dali.lib.web.files.byte_ranges import ByteRange, UnsatisfiableRangeError, asked_part
from dali.lib.web.files.preconditions import failed_precondition
from progressions.delivery import image_origins

_CACHE = "public, max-age=300"
# Of at most STREAM_BYTES each.
_SMALL_KEPT = 64
_PLAIN = "text/plain; charset=utf-8"
_OF_304 = ("Cache-Control", "ETag", "Content-Security-Policy", "Vary", "Access-Control-Allow-Origin")


@csrf_exempt  # so that other methods get 405
@require_safe
def show(request: http.HttpRequest, slug: str) -> http.HttpResponseBase:
    """`GET /public/artifact/<slug>`: the artifact's first file; 404 until published, 410 once unpublished."""
    artifact = find_shown(slug) if re.fullmatch(SLUG, slug) else None
    if artifact is None or not artifact.content_r2_key:
        return _missing(404, "This page does not exist.")
    if not artifact.is_public:
        return _missing(410, "This page is no longer available.")
    file = artifact.manifest["files"][0]
    etag = f'"{file["sha256"]}"'
    headers = _headers(artifact, file, etag)
    match failed_precondition(request, etag):
        case 412:
            return _missing(412, "The page has changed: it has another ETag.")
        case 304:
            note_view(request, artifact, is_part="HTTP_RANGE" in request.META)
            kept = {name: value for name, value in headers.items() if name in _OF_304}
            return http.HttpResponseNotModified(headers=kept)
    try:
        part = asked_part(request, etag=etag, total=file["bytes"])
    except UnsatisfiableRangeError:
        answer = _missing(416, f"The file has {file['bytes']} bytes.")
        answer["Content-Range"] = f"bytes */{file['bytes']}"
        return answer
    return _answer(request, artifact, part, headers)


def _answer(
    request: http.HttpRequest, artifact: Artifact, asked: ByteRange | None, headers: dict[str, str]
) -> http.HttpResponseBase:
    """Answers 206 with the requested part, or 200 with the whole file."""
    status, total = 200, artifact.manifest["files"][0]["bytes"]
    if asked is not None:
        status, headers["Content-Range"] = 206, asked.content_range
    part = asked or ByteRange(0, total, total)
    headers["Content-Length"] = str(part.length)
    if request.method == "HEAD":
        return http.HttpResponse(status=status, headers=headers)
    try:
        pieces = _pieces(artifact.content_r2_key, part)
        first = next(pieces, b"")
    except FileNotFoundError:
        return _missing(404, "This page does not exist.")
    note_view(request, artifact, is_part=asked is not None)
    if len(first) == part.length:
        return http.HttpResponse(first, status=status, headers=headers)
    return http.StreamingHttpResponse(_joined(first, pieces), status=status, headers=headers)


def _pieces(key: str, part: ByteRange) -> Iterator[bytes]:
    if part.total <= STREAM_BYTES:
        return iter((_small(key)[part.start : part.start + part.length],))
    return named("published").stream(key, part.start, part.length)


@lru_cache(maxsize=_SMALL_KEPT)
def _small(key: str) -> bytes:
    """Reads a popular page once: the content under a key never changes."""
    return named("published").read(key)


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    del first  # a slow reader holds only one piece
    yield from rest


def _headers(artifact: Artifact, file: dict[str, Any], etag: str) -> dict[str, str]:
    name = f"{artifact.public_slug}.{file['name'].rpartition('.')[2]}"
    headers = {
        "Content-Type": file["media_type"],
        "Content-Disposition": f'inline; filename="{name}"',
        "Content-Security-Policy": _policy(artifact, file),
        "ETag": etag,
        "Cache-Control": _CACHE,
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    }
    if artifact.output == "3d":  # viewers on other origins load it by script
        headers["Access-Control-Allow-Origin"] = "*"
    return headers


def _policy(artifact: Artifact, file: dict[str, Any]) -> str:
    """What the page may do: use its own inline scripts and styles, show delivery images, call its own origin.

    A page from a user's template gets a separate origin (`sandbox`), so that its scripts cannot act for a
    curator who is signed in here.
    """
    own = urlsplit(settings.PUBLIC_ORIGIN)
    images = " ".join(["'self'", "data:", *sorted({f"{own.scheme}://{own.netloc}", *image_origins()})])
    if artifact.template_r2_key:
        return (
            f"sandbox allow-scripts allow-popups; default-src 'none'; img-src {images}; "
            "style-src 'unsafe-inline'; script-src 'unsafe-inline'; font-src data:; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'"
        )
    inline = file.get("inline", {})
    scripts = " ".join(f"'{value}'" for value in inline.get("scripts", ())) or "'none'"
    styles = " ".join(f"'{value}'" for value in inline.get("styles", ())) or "'none'"
    return (
        f"default-src 'none'; img-src {images}; media-src 'self'; style-src {styles}; script-src {scripts}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _missing(status: int, text: str) -> http.HttpResponse:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return http.HttpResponse(f"{text}\n", status=status, content_type=_PLAIN, headers=headers)
