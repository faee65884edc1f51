"""Structured logs: one event a line, JSON in production and readable on a terminal; secrets masked."""

import logging
import re
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog

# What must never stand in a log: API keys of Dali (prefix.secret), bearer tokens, tickets.
_SECRETS = re.compile(
    r"(?i)((?:x-api-key|authorization|api[_-]?key|ticket|token|password|secret)[\"']?\s*[:=]\s*[\"']?(?:bearer\s+)?)"
    r"[^\s\"',&]+"
)
_SECRET_NAME = re.compile(r"(?i)(?:.*[_-])?(?:api[_-]?key|authorization|cookie|ticket|token|password|secret)")


# The values of the settings that are secret: nowhere to be shown, whatever stands before them.
_known: set[str] = set()
# Shorter ones are words of any text, and no key of any service is that short.
_LEAST_SECRET = 8


def hide(secret: str) -> None:
    """Has `mask_secrets` replace this very text wherever it stands."""
    if len(secret) >= _LEAST_SECRET:
        _known.add(secret)


def mask_secrets(text: str) -> str:
    """The text with the secrets it holds, by their value or by the name before them, replaced by `***`."""
    for secret in _known:
        if secret in text:
            text = text.replace(secret, "***")
    return _SECRETS.sub(r"\1***", text)


def mask_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """JSON-able facts for the record, with the secrets in their texts and names replaced by `***`."""
    return {
        mask_secrets(name): "***" if _SECRET_NAME.fullmatch(name) else _masked(value)
        for name, value in facts.items()
    }


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask_secrets(value)
    if isinstance(value, Mapping):
        return mask_facts(value)
    return [_masked(part) for part in value] if isinstance(value, list | tuple) else value


def _mask(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = mask_secrets(value)
    return event


def _without_expected_traceback(
    _: object, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """What Django refuses as suspicious, as a host it does not serve, is the client's doing: a line is enough."""
    if str(event.get("logger", "")).startswith("django.security."):
        event.pop("exc_info", None)
        event["level"] = "warning"
    return event


def _shared_processors() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        _without_expected_traceback,
        structlog.processors.format_exc_info,
        _mask,
    ]


def configure(*, is_json: bool) -> None:
    """Sets structlog up so that its loggers and the standard library's end in the same lines."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared_processors(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def logging_config(*, is_json: bool, level: str) -> dict[str, Any]:
    """The standard library's logging configuration: everything to standard error."""
    renderer = structlog.processors.JSONRenderer() if is_json else structlog.dev.ConsoleRenderer(colors=False)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "dali": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _shared_processors(),
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "dali"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.server": {"level": "WARNING"},
            "django.request": {"level": "ERROR"},  # the access log has what was not found or refused
            # As above, and a failure is told by django.request; its request id is what it is here for.
            "django_structlog": {"level": "CRITICAL"},
            "daphne": {"level": "WARNING"},
            "axes": {"level": "ERROR"},  # a line a failed sign-in; dali.sign_in logs the lock-out
            "channels_redis": {
                "level": "CRITICAL"
            },  # a traceback a second while Redis is away; the stream says so
            "celery": {"level": "WARNING"},
            "urllib3": {"level": "WARNING"},
            "httpx2": {"level": "WARNING"},  # a line a request, under the vendors' SDKs
            "botocore": {"level": "WARNING"},
            "PIL": {"level": "WARNING"},
        },
    }


@contextmanager
def quieter() -> Iterator[None]:
    """Without lines at INFO, for a command that tells of the same things on the terminal itself."""
    root = logging.getLogger()
    level = root.level
    if level == logging.INFO:
        root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.setLevel(level)
