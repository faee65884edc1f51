"""JSON as answers carry it: every answer ends with a line break, so that a terminal is readable."""

import json

from django.http import HttpResponse
from django.template.response import SimpleTemplateResponse

MEDIA_TYPE = "application/json"
LINE_BREAK = b"\n"


def json_line(value: object) -> bytes:
    """The value as JSON in UTF-8, and the line break."""
    return json.dumps(value).encode() + LINE_BREAK


def error_line(status: int, code: str, detail: str, attr: str | None = None) -> bytes:
    """The body of one error, in the API's one shape."""
    kind = "validation_error" if attr else "server_error" if status >= 500 else "client_error"
    return json_line({"type": kind, "errors": [{"code": code, "detail": detail, "attr": attr}]})


def error_answer(status: int, code: str, detail: str) -> HttpResponse:
    """The whole answer of one error that no view of the API gives."""
    return HttpResponse(error_line(status, code, detail), content_type=MEDIA_TYPE, status=status)


def end_line(answer: SimpleTemplateResponse) -> None:
    """Ends a rendered body with a line break; an empty one stays empty."""
    if answer.content and not answer.content.endswith(LINE_BREAK):
        answer.content += LINE_BREAK
