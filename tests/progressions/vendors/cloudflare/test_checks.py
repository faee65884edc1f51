"""The system check of Cloudflare's settings."""

import pytest
from pytest_django.fixtures import Settings

from progressions.vendors.cloudflare.checks import check_account

NAMES = ("CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_IMAGES_ACCOUNT_HASH")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], None),
        (NAMES[:2], None),
        (NAMES, None),
        (NAMES[:1], "CLOUDFLARE_ACCOUNT_ID is set without CLOUDFLARE_API_TOKEN"),
        (NAMES[1:2], "CLOUDFLARE_API_TOKEN is set without CLOUDFLARE_ACCOUNT_ID"),
        (
            NAMES[2:],
            "CLOUDFLARE_IMAGES_ACCOUNT_HASH is set without CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN",
        ),
    ],
)
def test_account_and_token_are_set_together(
    settings: Settings, given: tuple[str, ...], message: str | None
) -> None:
    for name in NAMES:
        setattr(settings, name, "x" if name in given else "")
    errors = check_account(None)
    assert [(error.id, error.msg) for error in errors] == ([("dali.E018", message)] if message else [])
    assert all(name in str(error.hint) for error in errors for name in NAMES[:2])
