"""The system checks of where delivery images lie."""

import pytest
from pytest_django.fixtures import Settings

from dali.settings.checks import check_delivery_settings


def found() -> list[str]:
    return [str(each.id) for each in check_delivery_settings(None)]


def test_nothing_set_is_fine() -> None:
    assert found() == []


def test_a_bucket_of_its_own_is_fine(settings: Settings) -> None:
    settings.R2_BUCKET, settings.DELIVERY_BUCKET = "dali", "dali-public"
    settings.DELIVERY_BASE_URL = "https://images.example.com/dali"
    assert found() == []


def test_the_originals_bucket_is_never_the_public_one(settings: Settings) -> None:
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
def test_a_base_that_is_no_address_is_told(settings: Settings, address: str) -> None:
    settings.DELIVERY_BASE_URL = address
    assert found() == ["dali.E012"]


def test_http_below_https_is_a_warning(settings: Settings) -> None:
    settings.PUBLIC_ORIGIN = "https://dali.example.com"
    settings.DELIVERY_BASE_URL = "http://images.example.com"
    assert found() == ["dali.W013"]
