"""JSON bodies of answers: each ends with a line break, so that it is readable in a terminal."""

import json

from django.http import HttpResponse
from django.template.response import SimpleTemplateResponse

MEDIA_TYPE = "application/json"
LINE_BREAK = b"\n"


def json_line(value: object) -> bytes:
    """The value as JSON in UTF-8, with a line break."""
    return json.dumps(value).encode() + LINE_BREAK


def error_line(status: int, code: str, detail: str, attr: str | None = None) -> bytes:
    """The body of an error, in the API's error format."""
    kind = "validation_error" if attr else "server_error" if status >= 500 else "client_error"
    return json_line({"type": kind, "errors": [{"code": code, "detail": detail, "attr": attr}]})


def error_answer(status: int, code: str, detail: str) -> HttpResponse:
    """The whole answer for an error outside the API's views."""
    return HttpResponse(error_line(status, code, detail), content_type=MEDIA_TYPE, status=status)


def end_line(answer: SimpleTemplateResponse) -> None:
    """Ends a rendered body with a line break; an empty one stays empty."""
    if answer.content and not answer.content.endswith(LINE_BREAK):
        answer.content += LINE_BREAK
