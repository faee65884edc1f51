"""Fixtures: the fake vendor servers, running, and the settings that point Dali at them."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from dali.lib.logs import hide
from tests.vendors.cloudflare_images_server import ACCOUNT_HASH, CloudflareImagesServer
from tests.vendors.server import VendorServer

# Keys in the format of each service; tests search for them where they must not appear.
OPENAI_KEY = "sk-test-openai-0123456789abcdef"
GEMINI_KEY = "AIza-test-gemini-0123456789abcdef"
CLOUDFLARE_TOKEN = "cf-test-token-0123456789abcdef"
CLOUDFLARE_ACCOUNT = "0123456789abcdef0123456789abcdef"
KEYS = (OPENAI_KEY, GEMINI_KEY, CLOUDFLARE_TOKEN)

# The fixture with the fake server of a provider, judge or text model, by the plug-in's name.
STAND_INS = {"openai": "openai_server", "gemini": "gemini_server", "workers": "cloudflare_server"}


@dataclass(frozen=True, slots=True)
class Vendors:
    """The three servers."""

    openai: VendorServer
    gemini: VendorServer
    cloudflare: VendorServer


def make_server(vendor: str) -> VendorServer:
    """The fake server of `openai`, `gemini` or `cloudflare`, before its `with` block."""
    names = {"openai": "OpenAIServer", "gemini": "GeminiServer", "cloudflare": "CloudflareServer"}
    made: Any = getattr(import_module(f"tests.vendors.{vendor}_server"), names[vendor])()
    assert isinstance(made, VendorServer)
    return made


def settings_for(vendor: str, url: str) -> dict[str, str]:
    """The environment variables that point Dali at a vendor's fake server."""
    if vendor == "openai":
        return {"OPENAI_API_KEY": OPENAI_KEY, "OPENAI_BASE_URL": f"{url}/v1"}
    if vendor == "gemini":
        return {"GEMINI_API_KEY": GEMINI_KEY, "GOOGLE_GEMINI_BASE_URL": url}
    return {
        "CLOUDFLARE_ACCOUNT_ID": CLOUDFLARE_ACCOUNT,
        "CLOUDFLARE_API_TOKEN": CLOUDFLARE_TOKEN,
        "CLOUDFLARE_API_BASE_URL": f"{url}/client/v4",
    }


def _serve(vendor: str, settings: Settings) -> Iterator[VendorServer]:
    with make_server(vendor) as server:
        for name, value in settings_for(vendor, server.url).items():
            setattr(settings, name, value)
        for key in KEYS:
            hide(key)  # hidden like every secret of the environment
        yield server


@pytest.fixture
def openai_server(settings: Settings) -> Iterator[VendorServer]:
    """OpenAI's fake server, configured."""
    yield from _serve("openai", settings)


@pytest.fixture
def gemini_server(settings: Settings) -> Iterator[VendorServer]:
    """Gemini's fake server, configured."""
    yield from _serve("gemini", settings)


@pytest.fixture
def cloudflare_server(settings: Settings) -> Iterator[VendorServer]:
    """Workers AI's fake server, configured."""
    yield from _serve("cloudflare", settings)


@pytest.fixture
def images_server(settings: Settings) -> Iterator[CloudflareImagesServer]:
    """Cloudflare Images' fake server, configured; does not change `DELIVERY`."""
    with CloudflareImagesServer() as server:
        for name, value in settings_for("cloudflare", server.url).items():
            setattr(settings, name, value)
        settings.CLOUDFLARE_IMAGES_ACCOUNT_HASH = ACCOUNT_HASH
        hide(CLOUDFLARE_TOKEN)
        yield server


@pytest.fixture
def vendors(
    openai_server: VendorServer, gemini_server: VendorServer, cloudflare_server: VendorServer
) -> Vendors:
    """All three, configured."""
    return Vendors(openai_server, gemini_server, cloudflare_server)


def configure(request: pytest.FixtureRequest, name: str) -> VendorServer | None:
    """Starts the fake server for the plug-in `name`; returns None if it needs none."""
    if name not in STAND_INS:
        return None
    server = request.getfixturevalue(STAND_INS[name])
    assert isinstance(server, VendorServer)
    return server
