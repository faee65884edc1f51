"""System checks of the wiring: what production must have before it starts."""

import re
from ipaddress import ip_network
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's own name

# It stands in pages' security policies, where a comma or semicolon would end what it is part of.
_BASE = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9a-f:]+\])(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?")


@register(Tags.security)
def check_production_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Production (a broker is configured) needs its own secret and its public address."""
    if settings.IS_EMBEDDED:
        return []
    found: list[CheckMessage] = []
    if not settings.IS_SECRET_KEY_GIVEN:
        found.append(
            Error(
                "DALI_SECRET_KEY is not set", hint="Set it to 50 or more random characters.", id="dali.E001"
            )
        )
    if not settings.IS_PUBLIC_ORIGIN_GIVEN:
        found.append(
            Error(
                "DALI_PUBLIC_ORIGIN is not set",
                hint="Set it to the address clients use, as https://dali.example.com",
                id="dali.E002",
            )
        )
    return found


@register(Tags.security)
def check_trusted_proxies(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Each trusted proxy is an address or a network: a misspelt one would fail at the first request."""
    found: list[CheckMessage] = []
    for name in settings.TRUSTED_PROXIES:
        try:
            ip_network(name, strict=False)
        except ValueError:
            hint = "Name addresses or networks, as in DALI_TRUSTED_PROXIES=10.0.0.0/8,2001:db8::1"
            message = f"DALI_TRUSTED_PROXIES: '{name}' is no address and no network"
            found.append(Error(message, hint=hint, id="dali.E010"))
    return found


@register(Tags.security)
def check_delivery_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The public's bucket is not that of the originals, and the public's address is one."""
    found: list[CheckMessage] = []
    if settings.DELIVERY_BUCKET and settings.DELIVERY_BUCKET == settings.R2_BUCKET:
        found.append(
            Error(
                f"DALI_DELIVERY_BUCKET and R2_BUCKET are both '{settings.R2_BUCKET}': originals would be public",
                hint="Give delivery images a bucket of their own.",
                id="dali.E011",
            )
        )
    if settings.DELIVERY_BASE_URL and not _BASE.fullmatch(settings.DELIVERY_BASE_URL):
        found.append(
            Error(
                f"DALI_DELIVERY_BASE_URL={settings.DELIVERY_BASE_URL!r} is no address that images can be below",
                hint="Set it as in DALI_DELIVERY_BASE_URL=https://images.example.com",
                id="dali.E012",
            )
        )
    elif settings.PUBLIC_ORIGIN.startswith("https://") and settings.DELIVERY_BASE_URL.startswith("http://"):
        found.append(
            Warning(
                "DALI_DELIVERY_BASE_URL is http, DALI_PUBLIC_ORIGIN https: browsers may not show the images",
                hint="Serve the delivery images by https too.",
                id="dali.W013",
            )
        )
    return found
