"""Structured logs: one event a line, JSON in production and readable on a terminal; secrets masked."""

import logging
import re
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog

# Must not appear in a log: API keys of Dali (prefix.secret), bearer tokens, tickets.
_SECRETS = re.compile(
    r"(?i)((?:x-api-key|authorization|api[_-]?key|ticket|token|password|secret)[\"']?\s*[:=]\s*[\"']?(?:bearer\s+)?)"
    r"[^\s\"',&]+"
)
_SECRET_NAME = re.compile(r"(?i)(?:.*[_-])?(?:api[_-]?key|authorization|cookie|ticket|token|password|secret)")


# Values of secret settings, masked wherever they appear.
_known: set[str] = set()
# Shorter values may be ordinary words; keys of services are longer.
_LEAST_SECRET = 8


def hide(secret: str) -> None:
    """Makes `mask_secrets` replace this text everywhere."""
    if len(secret) >= _LEAST_SECRET:
        _known.add(secret)


def mask_secrets(text: str) -> str:
    """The text with `***` in place of secrets, found by their value or by the name before them."""
    for secret in _known:
        if secret in text:
            text = text.replace(secret, "***")
    return _SECRETS.sub(r"\1***", text)


def mask_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """JSON-able facts for the record, with `***` in place of secrets in texts and names."""
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
    return {name: mask_secrets(value) if isinstance(value, str) else value for name, value in event.items()}


def _without_expected_traceback(
    _: object, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Suspicious requests, such as for an unknown host, are the client's fault: log one line without a traceback."""
    if str(event.get("logger", "")).startswith("django.security."):
        event.pop("exc_info", None)
        event["level"] = "warning"
    return event


_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.PositionalArgumentsFormatter(),
    _without_expected_traceback,
    structlog.processors.format_exc_info,
    _mask,
]


def configure() -> None:
    """Configures structlog to write the same lines as the standard library's loggers."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_PROCESSORS,
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
                "foreign_pre_chain": _PROCESSORS,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "dali"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.server": {"level": "WARNING"},
            "django.request": {"level": "ERROR"},  # 4xx are in the access log
            # As above, and django.request logs failures; only its request id is used.
            "django_structlog": {"level": "CRITICAL"},
            "daphne": {"level": "WARNING"},
            "axes": {"level": "ERROR"},  # a line for each failed sign-in; dali.sign_in logs lock-outs
            # A traceback every second without Redis; the stream logs that.
            "channels_redis": {"level": "CRITICAL"},
            "celery": {"level": "WARNING"},
            "urllib3": {"level": "WARNING"},
            "httpx2": {"level": "WARNING"},  # a line a request, under the vendors' SDKs
            "botocore": {"level": "WARNING"},
            "PIL": {"level": "WARNING"},
        },
    }


@contextmanager
def quieter() -> Iterator[None]:
    """Suppresses INFO lines, for a command that prints the same on the terminal."""
    root = logging.getLogger()
    level = root.level
    if level == logging.INFO:
        root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.setLevel(level)
