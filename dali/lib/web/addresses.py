"""Absolute addresses: every URL in an answer starts with the public origin."""

from urllib.parse import urljoin

from django.conf import settings


def absolute_url(address: str) -> str:
    """The absolute URL of a path of this server; an absolute URL stays as it is, empty stays empty."""
    return urljoin(f"{settings.PUBLIC_ORIGIN}/", address) if address else ""
