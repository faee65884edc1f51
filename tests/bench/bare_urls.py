"""Dali's URLs and `/bare`, which answers the same bytes as a page and does nothing else."""

from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


@cache
def _content() -> bytes:
    content: bytes = (settings.DATA_DIR / "bare").read_bytes()
    return content


def bare(request: HttpRequest) -> HttpResponse:
    """The bytes of the file `bare` in the data directory."""
    return HttpResponse(_content(), content_type="text/html; charset=utf-8")


urlpatterns = [path("bare", bare), path("", include("dali.urls"))]
