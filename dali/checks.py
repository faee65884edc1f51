"""System checks of the wiring: what production must have before it starts."""

from ipaddress import ip_network
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


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
