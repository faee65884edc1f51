"""System checks of the settings of delivery from public storage."""

import re
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's own name

from dali import env

# The URL becomes part of content security policies, where a comma or semicolon would end the directive.
_BASE = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9a-f:]+\])(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?")


@register(Tags.security, env.CHECKS)
def check_base_url(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """DALI_DELIVERY_BASE_URL is an http(s) URL, and https if Dali's own URL is."""
    url = settings.DELIVERY_BASE_URL
    if url and not _BASE.fullmatch(url):
        message = f"DALI_DELIVERY_BASE_URL={url!r} is not a usable base URL for images"
        hint = "Set it as in DALI_DELIVERY_BASE_URL=https://images.example.com"
        return [Error(message, hint=hint, id="dali.E012")]
    if settings.PUBLIC_ORIGIN.startswith("https://") and url.startswith("http://"):
        message = "DALI_DELIVERY_BASE_URL is http, DALI_PUBLIC_ORIGIN is https: browsers may block the images"
        return [Warning(message, hint="Serve the delivery images over https too.", id="dali.W013")]
    return []
