"""Which origins pages may show images from."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from tests.vendors.cloudflare_images_server import CloudflareImagesServer

pytestmark = pytest.mark.django_db


def images_of(client: Client, path: str) -> list[str]:
    policy = client.get(path)["Content-Security-Policy"]
    found = re.search(r"img-src ([^;]*)", policy)
    assert found is not None
    assert "script-src 'self'" in policy
    return found[1].split()


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("curator", password="x"))
    return client


@pytest.mark.parametrize("path", ["/", "/admin/", "/api/docs"])
def test_pages_show_only_images_of_this_server_when_it_delivers(staff: Client, path: str) -> None:
    assert images_of(staff, path) == ["'self'", "data:"]


@pytest.mark.parametrize("path", ["/", "/admin/", "/api/docs"])
def test_pages_show_images_of_the_public_bucket(staff: Client, settings: Settings, path: str) -> None:
    settings.DELIVERY, settings.DELIVERY_BASE_URL = "storage", "https://images.example.com:8443/dali"
    assert images_of(staff, path) == ["'self'", "data:", "https://images.example.com:8443"]


def test_pages_show_images_of_every_configured_delivery(
    staff: Client, settings: Settings, images_server: CloudflareImagesServer
) -> None:
    settings.DELIVERY_BASE_URL = "https://images.example.com"
    assert images_of(staff, "/") == [
        "'self'",
        "data:",
        "https://imagedelivery.net",
        "https://images.example.com",
    ]
