"""Published pages in the OpenAPI document: the routes below /public that are not API views."""

from typing import Any, TypedDict

from artifacts.boards.pages import SLUG
from artifacts.boards.totals import ImageAnswers
from dali.lib.web.schema.types import Schema, schema_of
from dali.lib.web.streams.schema import event_stream_answers, parameter

_TAGS = ["public"]
_STRING: Schema = {"type": "string"}
_PLAIN: Schema = {"text/plain": {"schema": _STRING}}
_BINARY = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
# The types of a generator's first file.
_CONTENT = {
    "text/html": {"schema": {"type": "string"}},
    "application/json": {"schema": {}},
    "text/csv": {"schema": {"type": "string"}},
    "application/pdf": _BINARY,
    "video/mp4": _BINARY,
    "model/gltf-binary": _BINARY,
}
_DESCRIPTION = """\
The artifact's first file, streamed from storage. Both paths open any artifact with that slug; `public_url` names
one. HEAD answers like GET and ignores `Range`. A GET that is answered 200, 206 or 304 counts as a view unless it is a
prefetch. No key is needed.
"""
_SLUG = parameter("slug", "path", {**_STRING, "pattern": f"^{SLUG}$"}, "`public_slug` of an artifact.")


class LiveAnswers(TypedDict):
    """The answers on a page: first to all images, later to those that changed."""

    closed: bool
    images: dict[str, ImageAnswers]


def public_paths() -> dict[str, Any]:
    """The pages at both paths, and their live answers."""
    paths = {}
    for folder in ("lookbook", "artifact"):
        paths[f"/public/{folder}/{{slug}}"] = {"get": _page(f"public_{folder}_retrieve")}
        paths[f"/public/{folder}/{{slug}}/live"] = {"get": _live(f"public_{folder}_live_retrieve")}
    return paths


def public_components() -> dict[str, Schema]:
    """The schema of live answers."""
    return {"LiveAnswers": schema_of(LiveAnswers)}


def _page(operation_id: str) -> dict[str, Any]:
    headers = {
        "ETag": {"schema": _STRING, "description": "Strong; the file's digest."},
        "Cache-Control": {"schema": _STRING},
        "Accept-Ranges": {"schema": _STRING},
    }
    content_range = {"Content-Range": {"schema": {**_STRING, "pattern": "^bytes "}}}
    return {
        "operationId": operation_id,
        "summary": "A published page",
        "description": _DESCRIPTION,
        "tags": _TAGS,
        "parameters": [
            _SLUG,
            *(parameter(name, "header", _STRING, text) for name, text in _CONDITIONS.items()),
        ],
        "security": [{}],
        "responses": {
            "200": {"description": "The whole file.", "headers": headers, "content": _CONTENT},
            "206": {
                "description": "The requested range.",
                "headers": headers | content_range,
                "content": _CONTENT,
            },
            "304": {"description": "Unchanged since the ETag sent.", "headers": headers},
            "404": {"description": "The page does not exist or is not published yet.", "content": _PLAIN},
            "410": {"description": "The page is no longer available: it was unpublished.", "content": _PLAIN},
            "412": {"description": "The file is not the one that `If-Match` names.", "content": _PLAIN},
            "416": {"description": "No such range.", "headers": content_range, "content": _PLAIN},
        },
    }


_CONDITIONS = {
    "Range": "One range of bytes. Several ranges or an unreadable header get the whole file.",
    "If-Range": "An ETag; `Range` is ignored if it is not the file's.",
    "If-None-Match": "ETags; 304 if one is the file's.",
    "If-Match": "ETags; 412 if none is the file's.",
}


def _live(operation_id: str) -> Schema:
    return {
        "operationId": operation_id,
        "summary": "The answers on a page, live",
        "description": "Server-Sent Events for pages that take votes or comments: first the whole state, then the"
        " images that changed; `event: gone` if the page was unpublished.",
        "tags": _TAGS,
        "parameters": [_SLUG],
        "security": [{}],
        "responses": event_stream_answers(
            "LiveAnswers",
            {
                404: "The page does not exist or takes no answers.",
                406: "`Accept` does not allow text/event-stream.",
                410: "The page is no longer available: it was unpublished.",
                429: "Too many requests or readers from this address.",
                503: "A dependency is down, or too many live pages are open.",
            },
        ),
    }
