"""System checks of the settings: what must be there before anything starts, and what must be set together."""

import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's own name
from django.http.request import split_domain_port, validate_host

from dali import env
from dali.settings.unknown_names import misspelt

# It stands in pages' security policies, where a comma or semicolon would end what it is part of.
_BASE = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9a-f:]+\])(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?")

_SECRET_CHARS = 50
_OF_AWS = re.compile(r"https://([A-Za-z0-9-]+\.)*amazonaws\.com(\.cn)?/?")


@register(Tags.security, env.CHECKS)
def check_production_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Production (a broker is configured) needs its own secret and its public address."""
    if settings.IS_EMBEDDED:
        return []
    found: list[CheckMessage] = []
    hint = f"Set it to {_SECRET_CHARS} or more random characters."
    if not settings.IS_SECRET_KEY_GIVEN:
        found.append(Error("DALI_SECRET_KEY is not set", hint=hint, id="dali.E001"))
    elif (length := len(settings.SECRET_KEY)) < _SECRET_CHARS:
        found.append(Error(f"DALI_SECRET_KEY has only {length} characters", hint=hint, id="dali.E003"))
    if not settings.IS_PUBLIC_ORIGIN_GIVEN:
        hint = "Set it to the address clients use, as https://dali.example.com"
        found.append(Error("DALI_PUBLIC_ORIGIN is not set", hint=hint, id="dali.E002"))
    return found


@register(Tags.security, env.CHECKS)
def check_allowed_hosts(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A public address that production does not answer to is told: each request to it would be a 400."""
    host = split_domain_port(urlsplit(settings.PUBLIC_ORIGIN).netloc)[0]
    if settings.IS_EMBEDDED or validate_host(host, settings.ALLOWED_HOSTS):
        return []
    message = f"DALI_ALLOWED_HOSTS does not hold {host}, the host of DALI_PUBLIC_ORIGIN"
    hint = f"Set DALI_ALLOWED_HOSTS={host}, unless the proxy in front sends another name."
    return [Warning(message, hint=hint, id="dali.W004")]


@register(env.CHECKS)
def check_names(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A setting whose name is misspelt is taken for nothing: production does not start without what was meant."""
    kind = Warning if settings.IS_EMBEDDED else Error
    check_id = "dali.W014" if settings.IS_EMBEDDED else "dali.E014"
    hint = "Correct or remove the variable; docs/settings.md lists all that are read."
    return [
        kind(
            f"{name} is not a setting" + (f": {meant} may be meant" if meant else ""), hint=hint, id=check_id
        )
        for name, meant in misspelt(env.given())
    ]


@register(env.CHECKS)
def check_halves(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """What only works together is set together: half of it would be taken for none."""
    return [
        Error(message, hint=hint, id=check_id)
        for check_id, message, hint in (*_storage_halves(), *_cloudflare_halves(), *_broker_halves())
    ]


@register(Tags.security, env.CHECKS)
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
    if settings.IS_BEHIND_CLOUDFLARE and not settings.TRUSTED_PROXIES:
        hint = "Name the proxy that Cloudflare's requests come through, or Cloudflare's own networks."
        message = (
            "DALI_BEHIND_CLOUDFLARE is set without DALI_TRUSTED_PROXIES: no header of Cloudflare is believed"
        )
        found.append(Error(message, hint=hint, id="dali.E017"))
    return found


@register(Tags.security, env.CHECKS)
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


def _storage_halves() -> Iterator[tuple[str, str, str]]:
    names = ("R2_ENDPOINT_URL", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY")
    given = [name for name in names if getattr(settings, name)]
    bucket = "R2_BUCKET" if settings.R2_BUCKET else "DALI_DELIVERY_BUCKET" if settings.DELIVERY_BUCKET else ""
    has_key = bool(settings.R2_ACCESS_KEY_ID)
    if has_key != bool(settings.R2_SECRET_ACCESS_KEY):
        one, other = names[1:] if has_key else reversed(names[1:])
        yield "dali.E015", f"{one} is set without {other}", f"Set {other} too."
    elif given and not bucket:
        hint = f"Set R2_BUCKET, or unset {' and '.join(given)}."
        yield "dali.E016", f"{given[0]} is set without R2_BUCKET: nothing would be stored there", hint
    elif bucket and not has_key and not _has_aws_credentials():
        lacking = [*names[1:], *(() if settings.R2_ENDPOINT_URL else names[:1])]
        hint = f"Set {', '.join(lacking)}; a bucket of AWS may do without, by AWS's own variables, files or roles."
        yield "dali.E017", f"{bucket} is set without a key for the bucket", hint


def _has_aws_credentials() -> bool:
    """Whether boto3 finds credentials by itself. They are AWS's: no other server is sent them."""
    from botocore.session import get_session

    if settings.R2_ENDPOINT_URL and not _OF_AWS.fullmatch(settings.R2_ENDPOINT_URL):
        return False
    return get_session().get_credentials() is not None


def _cloudflare_halves() -> Iterator[tuple[str, str, str]]:
    names = ("CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN")
    given = [name for name in (*names, "CLOUDFLARE_IMAGES_ACCOUNT_HASH") if getattr(settings, name)]
    lacking = [name for name in names if name not in given]
    if given and lacking:
        hint = f"Set {' and '.join(lacking)}, or unset {' and '.join(given)}."
        yield "dali.E018", f"{given[0]} is set without {' and '.join(lacking)}", hint


def _broker_halves() -> Iterator[tuple[str, str, str]]:
    if not settings.IS_EMBEDDED and not settings.REDIS_URL:
        message = (
            "CELERY_BROKER_URL is set without REDIS_URL: web processes and workers would not hear each other"
        )
        yield "dali.E019", message, "Set REDIS_URL too; a queue in Redis needs REDIS_URL alone."
