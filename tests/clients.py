"""Clients of the API: without a key, with a wrong one, with a right one."""

from rest_framework.test import APIClient

from projects.models import ApiKey


def anonymous() -> APIClient:
    """A client without a key."""
    return APIClient(raise_request_exception=False)


def wrong() -> APIClient:
    """A client whose key was never made."""
    return APIClient(
        raise_request_exception=False, headers={"X-Api-Key": "nosuchke.0123456789012345678901234567890"}
    )


def keyed() -> APIClient:
    """A client with a key of its own."""
    _, key = ApiKey.objects.create_key(name="test")
    return APIClient(raise_request_exception=False, headers={"X-Api-Key": key})
