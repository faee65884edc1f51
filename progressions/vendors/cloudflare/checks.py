"""System check of Cloudflare's settings."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from dali import env
from progressions.vendors.cloudflare import api


@register(env.CHECKS)
def check_account(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Account and token are set together: with only one of them, nothing of Cloudflare works."""
    names = ("CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_IMAGES_ACCOUNT_HASH")
    given, missing = [name for name in names if getattr(settings, name)], " and ".join(api.missing())
    if not (given and missing):
        return []
    hint = f"Set {missing}, or unset {' and '.join(given)}."
    return [Error(f"{given[0]} is set without {missing}", hint=hint, id="dali.E018")]
