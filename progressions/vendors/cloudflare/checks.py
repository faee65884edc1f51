"""System check of Cloudflare's settings."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from dali import env
from progressions.vendors.cloudflare.api import REQUIRED


@register(env.CHECKS)
def check_account(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Account and token are set together: with only one of them, nothing of Cloudflare works."""
    names = (*REQUIRED, "CLOUDFLARE_IMAGES_ACCOUNT_HASH")
    given = [name for name in names if getattr(settings, name)]
    missing = " and ".join(name for name in REQUIRED if name not in given)
    if not (given and missing):
        return []
    hint = f"Set {missing}, or unset {' and '.join(given)}."
    return [Error(f"{given[0]} is set without {missing}", hint=hint, id="dali.E018")]
