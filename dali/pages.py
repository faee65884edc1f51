"""Pages for people: the home page."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from progressions.models import ImageProgression

NEWEST_SHOWN = 24


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, the newest images, and the way to everything else; how to make the first where none is.

    Where even reading needs a key (`DALI_REQUIRE_KEY=all`), images are shown to signed-in staff alone.
    """
    is_hidden = settings.REQUIRE_KEY == "all" and not request.user.is_staff
    context = {
        "images": [] if is_hidden else newest_images(NEWEST_SHOWN),
        "is_hidden": is_hidden,
        "origin": settings.PUBLIC_ORIGIN,
    }
    return render(request, "home.html", context)


def newest_images(count: int) -> list[Mapping[str, Any]]:
    """What the home page shows of the newest images, newest first.

    By id, which is in the order of time and indexed: no index holds the times of all projects together. `url` is what
    the delivery gave, a path where this server delivers, so that it opens by whatever name the server is reached.
    """
    fields = (
        "generated_image_url",
        "width",
        "height",
        "prompt",
        "ai_provider",
        "kind",
        "judgment",
        "created_at",
        "ground",
    )
    rows = ImageProgression.objects.order_by("-id").values(*fields)[:count]
    return [{**row, "url": row["generated_image_url"], "provider": row["ai_provider"]} for row in rows]
