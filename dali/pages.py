"""Pages for people: the home page, and the error pages."""

import sys
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import defaults
from django.views.decorators.http import require_safe

from dali.lib.web.json_answer import error_answer
from dali.lib.web.unavailable_answer import answer_unavailable, find_unavailable, log_unavailable
from progressions.models import ImageProgression

NEWEST_SHOWN = 24


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The newest images and links to everything else; without images, how to make the first.

    If reading needs a key (`DALI_REQUIRE_KEY=all`), only signed-in staff see images.
    """
    is_hidden = settings.REQUIRE_KEY == "all" and not request.user.is_staff
    context = {
        "images": [] if is_hidden else newest_images(NEWEST_SHOWN),
        "is_hidden": is_hidden,
        "origin": settings.PUBLIC_ORIGIN,
    }
    return render(request, "home.html", context)


def newest_images(count: int) -> list[Mapping[str, Any]]:
    """The home page's data about the newest images, newest first.

    Ordered by id, which follows time and is indexed: no index covers the times of all projects. `url`: as the delivery
    returned it, a path if this server delivers, so that it opens under any host name.
    """
    renamed = {"url": F("generated_image_url"), "provider": F("ai_provider")}
    fields = ("width", "height", "prompt", "kind", "judgment", "created_at", "ground")
    return list(ImageProgression.objects.order_by("-id").values(*fields, **renamed)[:count])


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A request that Django refuses, such as for an unknown host."""
    if not request.path.startswith("/api"):
        return defaults.bad_request(request, exception)
    return error_answer(400, "bad_request", "The request was rejected; check its host and headers.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Called while an exception of a view, middleware or template is handled.

    503 if a dependency is down or busy, otherwise 500 without details.
    """
    error = sys.exc_info()[1]
    unavailable = find_unavailable(error)
    if error is not None and unavailable is not None:
        answer = answer_unavailable(request, unavailable)
        log_unavailable(error, answer, request)
        return answer
    if not request.path.startswith("/api"):
        return defaults.server_error(request)
    return error_answer(500, "error", "Server Error (500)")
