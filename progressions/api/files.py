"""The images of the local delivery, outside the API."""

import itertools
import re

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from dali.lib.objects.storage import STREAM_BYTES, delivery_files
from progressions.delivered_files import file_key

_NAME = re.compile(r"([0-9a-f]{64})\.webp")


@require_safe
def serve_image(request: HttpRequest, name: str) -> HttpResponseBase:
    """`GET /images/<sha256>.webp`: a delivery image, which never changes; 404 for any other name.

    Any page may embed it (`cross-origin`) but not run it. Reads no row, so that images work without the database.
    """
    found = _NAME.fullmatch(name.lower())
    if found is None:
        return _missing()
    files, key = delivery_files(), file_key(found[1])
    try:
        size = files.size_of(key)
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable",
            "Content-Length": str(size),
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "ETag": f'"{found[1]}"',
            "X-Content-Type-Options": "nosniff",
        }
        empty = HttpResponse(content_type="image/webp", headers=headers)
        answer = get_conditional_response(request, etag=headers["ETag"], response=empty) or empty
        if request.method == "HEAD" or answer is not empty:
            return answer
        if size <= STREAM_BYTES:
            return HttpResponse(files.read(key), content_type="image/webp", headers=headers)
        pieces = files.stream(key, 0, size)
        # Read the first piece now, while the answer can still be an error.
        body = itertools.chain((next(pieces),), pieces)
    except FileNotFoundError:
        return _missing()
    return StreamingHttpResponse(body, content_type="image/webp", headers=headers)


def _missing() -> HttpResponse:
    """404, not cached."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(
        "There is no such image.\n", status=404, content_type="text/plain; charset=utf-8", headers=headers
    )
