"""System checks of the settings: which are required, and which must be set together."""

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

_SECRET_CHARS = 50
_OF_AWS = re.compile(r"https://([A-Za-z0-9-]+\.)*amazonaws\.com(\.cn)?/?")


@register(Tags.security, env.CHECKS)
def check_production_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Production (a broker is configured) needs its own secret key and its public URL."""
    if settings.IS_EMBEDDED:
        return []
    found: list[CheckMessage] = []
    hint = f"Set it to {_SECRET_CHARS} or more random characters."
    if not settings.IS_SECRET_KEY_GIVEN:
        found.append(Error("DALI_SECRET_KEY is not set", hint=hint, id="dali.E001"))
    elif (length := len(settings.SECRET_KEY)) < _SECRET_CHARS:
        found.append(Error(f"DALI_SECRET_KEY has only {length} characters", hint=hint, id="dali.E003"))
    if not settings.IS_PUBLIC_ORIGIN_GIVEN:
        hint = "Set it to the URL that clients use, such as https://dali.example.com"
        found.append(Error("DALI_PUBLIC_ORIGIN is not set", hint=hint, id="dali.E002"))
    return found


@register(Tags.security, env.CHECKS)
def check_allowed_hosts(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Warns if production refuses its own public host name: each request to it would be answered 400."""
    host = split_domain_port(urlsplit(settings.PUBLIC_ORIGIN).netloc)[0]
    if settings.IS_EMBEDDED or validate_host(host, settings.ALLOWED_HOSTS):
        return []
    message = f"DALI_ALLOWED_HOSTS does not contain {host}, the host of DALI_PUBLIC_ORIGIN"
    hint = f"Set DALI_ALLOWED_HOSTS={host}, unless the proxy in front sends another host name."
    return [Warning(message, hint=hint, id="dali.W004")]


@register(env.CHECKS)
def check_names(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Reports misspelt names, which would be ignored: production does not start, embedded warns."""
    kind = Warning if settings.IS_EMBEDDED else Error
    check_id = "dali.W014" if settings.IS_EMBEDDED else "dali.E014"
    hint = "Correct or remove the variable; docs/settings.md lists all settings."
    return [
        kind(
            f"{name} is not a setting" + (f"; did you mean {meant}?" if meant else ""), hint=hint, id=check_id
        )
        for name, meant in misspelt(env.given())
    ]


@register(env.CHECKS)
def check_halves(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Settings that only work together are set together."""
    return [
        Error(message, hint=hint, id=check_id)
        for check_id, message, hint in (*_storage_halves(), *_broker_halves())
    ]


@register(Tags.security, env.CHECKS)
def check_trusted_proxies(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Each trusted proxy is an IP address or a network; an invalid one would fail at the first request."""
    found: list[CheckMessage] = []
    for name in settings.TRUSTED_PROXIES:
        try:
            ip_network(name, strict=False)
        except ValueError:
            hint = "Use IP addresses or networks, as in DALI_TRUSTED_PROXIES=10.0.0.0/8,2001:db8::1"
            message = f"DALI_TRUSTED_PROXIES: '{name}' is not an IP address or a network"
            found.append(Error(message, hint=hint, id="dali.E010"))
    if settings.IS_BEHIND_CLOUDFLARE and not settings.TRUSTED_PROXIES:
        hint = "Name the proxy that receives Cloudflare's requests, or Cloudflare's own networks."
        message = (
            "DALI_BEHIND_CLOUDFLARE is set without DALI_TRUSTED_PROXIES: Cloudflare's headers are ignored"
        )
        found.append(Error(message, hint=hint, id="dali.E017"))
    return found


@register(Tags.security, env.CHECKS)
def check_delivery_bucket(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Delivery images and originals are in different buckets."""
    if not settings.DELIVERY_BUCKET or settings.DELIVERY_BUCKET != settings.R2_BUCKET:
        return []
    message = f"DALI_DELIVERY_BUCKET and R2_BUCKET are both '{settings.R2_BUCKET}': originals would be public"
    return [Error(message, hint="Use a separate bucket for delivery images.", id="dali.E011")]


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
        yield "dali.E016", f"{given[0]} is set without R2_BUCKET: it would have no effect", hint
    elif bucket and not has_key and not _has_aws_credentials():
        lacking = [*names[1:], *(() if settings.R2_ENDPOINT_URL else names[:1])]
        hint = (
            f"Set {', '.join(lacking)}; a bucket on AWS can use AWS's own variables, files or roles instead."
        )
        yield "dali.E017", f"{bucket} is set without a key for the bucket", hint


def _has_aws_credentials() -> bool:
    """Whether boto3 finds credentials itself. They are AWS's and must not be sent to another server."""
    from botocore.session import get_session

    if settings.R2_ENDPOINT_URL and not _OF_AWS.fullmatch(settings.R2_ENDPOINT_URL):
        return False
    return get_session().get_credentials() is not None


def _broker_halves() -> Iterator[tuple[str, str, str]]:
    if not settings.IS_EMBEDDED and not settings.REDIS_URL:
        message = (
            "CELERY_BROKER_URL is set without REDIS_URL: web processes and workers could not exchange events"
        )
        yield "dali.E019", message, "Set REDIS_URL too; if the queue is in Redis, REDIS_URL alone is enough."
