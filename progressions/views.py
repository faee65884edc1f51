"""Pages that are no part of the API: the images of the embedded delivery."""

import re

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from dali.lib.storage import delivery_files
from progressions.delivered_files import file_key

_NAME = re.compile(r"([0-9a-f]{64})\.webp")


@require_safe
def serve_image(request: HttpRequest, name: str) -> HttpResponse:
    """`GET /images/<sha256>.webp`: a delivery image, which never changes; 404 for any other name.

    Any page may show it (`cross-origin`), no page may run it. No row is read, so that images show without the database.
    """
    found = _NAME.fullmatch(name.lower())
    if found is None:
        return _missing()
    try:
        content = delivery_files().read(file_key(found[1]))
    except FileNotFoundError:
        return _missing()
    response = HttpResponse(
        content,
        content_type="image/webp",
        headers={
            "Cache-Control": "public, max-age=31536000, immutable",
            "Content-Length": str(len(content)),
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "ETag": f'"{found[1]}"',
            "X-Content-Type-Options": "nosniff",
        },
    )
    return get_conditional_response(request, etag=response["ETag"], response=response) or response


def _missing() -> HttpResponse:
    """404 that no cache keeps."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(
        "There is no such image.\n", status=404, content_type="text/plain; charset=utf-8", headers=headers
    )
