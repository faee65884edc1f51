"""The system check of the public base URL of delivery images."""

import pytest
from pytest_django.fixtures import Settings

from progressions.vendors.storage.checks import check_base_url


def found() -> list[str]:
    return [str(each.id) for each in check_base_url(None)]


@pytest.mark.parametrize("url", ["", "https://images.example.com/dali", "http://images.example.com"])
def test_a_base_url_is_fine(settings: Settings, url: str) -> None:
    settings.DELIVERY_BASE_URL = url
    assert found() == []


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
