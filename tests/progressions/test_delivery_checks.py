"""The system checks of the delivery settings."""

import pytest
from pytest_django.fixtures import Settings

from dali.settings.checks import check_delivery_settings


def found() -> list[str]:
    return [str(each.id) for each in check_delivery_settings(None)]


def test_empty_settings_pass() -> None:
    assert found() == []


def test_a_separate_bucket_passes(settings: Settings) -> None:
    settings.R2_BUCKET, settings.DELIVERY_BUCKET = "dali", "dali-public"
    settings.DELIVERY_BASE_URL = "https://images.example.com/dali"
    assert found() == []


def test_the_originals_bucket_cannot_be_the_public_one(settings: Settings) -> None:
    settings.R2_BUCKET = settings.DELIVERY_BUCKET = "dali"
    (error,) = check_delivery_settings(None)
    assert error.id == "dali.E011"
    assert "both 'dali': originals would be public" in error.msg


@pytest.mark.parametrize(
    "address",
    [
        "images.example.com",
        "/images",
        "ftp://images.example.com",
        "https://",
        "https://x.example/?a=1",
        "s3://bucket",
        "https://x; script-src *",
        "https://x,y",
        "https://user:key@x.example",
    ],
)
def test_an_invalid_base_url_is_reported(settings: Settings, address: str) -> None:
    settings.DELIVERY_BASE_URL = address
    assert found() == ["dali.E012"]


def test_an_http_base_for_an_https_site_is_a_warning(settings: Settings) -> None:
    settings.PUBLIC_ORIGIN = "https://dali.example.com"
    settings.DELIVERY_BASE_URL = "http://images.example.com"
    assert found() == ["dali.W013"]
