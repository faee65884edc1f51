"""Published artifacts as visitors open them: streamed from storage, cached by digest, harmless whatever they hold."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from artifacts.models import Artifact
from artifacts.queries import find_shown
from artifacts.signals import viewed
from dali.lib.storage import STREAM_BYTES, named
from progressions.delivery import image_origins

_SLUG = re.compile(r"[A-Za-z0-9_-]{8,64}")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_CACHE = "public, max-age=300, stale-while-revalidate=86400"
# Of at most STREAM_BYTES each.
_SMALL_KEPT = 64
_PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class _Part:
    """Which bytes are sent: from `start`, `length` of them, of `total`."""

    start: int
    length: int
    total: int

    @property
    def is_whole(self) -> bool:
        return self.length == self.total


@csrf_exempt  # so that other methods are answered 405
@require_safe
def show(request: HttpRequest, slug: str, *, is_lookbook: bool = False) -> HttpResponseBase:
    """`GET /public/artifact/<slug>`: the artifact's first file; 404 until published, 410 once taken back."""
    artifact = find_shown(slug) if _SLUG.fullmatch(slug) else None
    if artifact is None or not artifact.content_r2_key or is_lookbook != (artifact.generator == "lookbook"):
        return _missing(404, "There is no such page.")
    if not artifact.is_public:
        return _missing(410, "This page was taken back by its owner.")
    file = artifact.manifest["files"][0]
    etag = f'"{file["sha256"]}"'
    headers = _headers(artifact, file, etag)
    unchanged = get_conditional_response(request, etag=etag)
    if unchanged is not None and unchanged.status_code == 304:
        for name in (
            "Cache-Control",
            "ETag",
            "Content-Security-Policy",
            "Vary",
            "Access-Control-Allow-Origin",
        ):
            if name in headers:
                unchanged[name] = headers[name]
        viewed.send(sender=show, request=request, artifact=artifact)
        return unchanged
    part = _asked(request, file["bytes"], etag)
    if part is None:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{file['bytes']}"})
    return _answer(request, artifact, part, headers)


def _answer(
    request: HttpRequest, artifact: Artifact, part: _Part, headers: dict[str, str]
) -> HttpResponseBase:
    headers["Content-Length"] = str(part.length)
    if not part.is_whole:
        headers["Content-Range"] = f"bytes {part.start}-{part.start + part.length - 1}/{part.total}"
    status = 200 if part.is_whole else 206
    if request.method == "HEAD":
        return HttpResponse(status=status, headers=headers)
    try:
        pieces = _pieces(artifact.content_r2_key, part)
        first = next(pieces, b"")
    except FileNotFoundError:
        return _missing(404, "There is no such page.")
    if part.start == 0:  # later ranges of a film are the same visit
        viewed.send(sender=show, request=request, artifact=artifact)
    if len(first) == part.length:
        return HttpResponse(first, status=status, headers=headers)
    return StreamingHttpResponse(_joined(first, pieces), status=status, headers=headers)


def _pieces(key: str, part: _Part) -> Iterator[bytes]:
    if part.total <= STREAM_BYTES:
        return iter((_small(key)[part.start : part.start + part.length],))
    return named("published").stream(key, part.start, part.length)


@lru_cache(maxsize=_SMALL_KEPT)
def _small(key: str) -> bytes:
    """A page that many look at is read once: what stands under a key never changes."""
    return named("published").read(key)


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _asked(request: HttpRequest, total: int, etag: str) -> _Part | None:
    """The part that a Range header asks for; the whole where it asks for none we give; None where there is no such."""
    whole = _Part(0, total, total)
    found = _RANGE.fullmatch(request.META.get("HTTP_RANGE", "").replace(" ", ""))
    if found is None or request.META.get("HTTP_IF_RANGE", etag) != etag or found[0] == "bytes=-":
        return whole
    first, last = found[1], found[2]
    if not first:  # the last so many bytes
        length = min(int(last), total)
        return _Part(total - length, length, total) if length else None
    start, end = int(first), min(int(last), total - 1) if last else total - 1
    return _Part(start, end - start + 1, total) if start <= end else None


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
    if artifact.output == "3d":  # viewers of other origins load it by script
        headers["Access-Control-Allow-Origin"] = "*"
    return headers


def _policy(artifact: Artifact, file: dict[str, Any]) -> str:
    """What the page may do: run and wear its own inline blocks, show delivery images, talk to its own origin.

    A page made of a user's template gets an origin of its own (`sandbox`): its scripts cannot act for a
    curator who is signed in here.
    """
    images = " ".join(["'self'", "data:", *_image_origins()])
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


def _image_origins() -> list[str]:
    own = urlsplit(settings.PUBLIC_ORIGIN)
    return sorted({f"{own.scheme}://{own.netloc}", *image_origins()})


def _missing(status: int, text: str) -> HttpResponse:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(f"{text}\n", status=status, content_type=_PLAIN, headers=headers)
