"""The pages for people: home, and the pages for missing and failed ones."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client, override_settings
from pytest_django import DjangoAssertNumQueries

from tests.factories import ProgressionFactory

STATIC = Path(settings.BASE_DIR) / "static" / "dali"

pytestmark = pytest.mark.django_db


def test_home_explains_the_site_and_has_links(client: Client) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "several image providers at once" in page
    for address in ("/api/docs", "/api/schema", "/admin/"):
        assert f'href="{address}"' in page
        assert client.get(address).status_code in (200, 302)


def test_home_without_images_says_how_to_make_the_first(client: Client) -> None:
    page = client.get("/").content.decode()
    assert "curl -sS http://testserver/api/projects/$project/jobs" in page
    assert "<img" in page  # the logo
    assert "gallery" not in page


def test_home_shows_the_newest_images_first_by_their_delivery_urls(client: Client) -> None:
    images = [ProgressionFactory(prompt=f"boat {number}", judgment="pass") for number in range(26)]
    page = client.get("/").content.decode()
    shown = re.findall(r'<img src="(/images/[^"]+)" width="64" height="48" alt="([^"]*)"', page)
    newest = [(image.generated_image_url, image.prompt) for image in reversed(images)][:24]
    assert shown == newest
    assert page.count('loading="lazy"') == 20
    assert "curl" not in page
    assert not any(image.original_image_r2_key in page for image in images)


@pytest.mark.parametrize("count", [1, 3])
def test_home_makes_one_query(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    ProgressionFactory.create_batch(count)
    with django_assert_num_queries(1):
        client.get("/")


def test_markup_in_a_prompt_is_shown_and_not_run(client: Client) -> None:
    ProgressionFactory(prompt='"><script>alert(1)</script>')
    assert "<script" not in client.get("/").content.decode()


@override_settings(REQUIRE_KEY="all")
def test_images_are_only_for_staff_when_reading_needs_a_key(client: Client) -> None:
    image = ProgressionFactory()
    page = client.get("/").content.decode()
    assert image.generated_image_url not in page
    assert image.prompt not in page
    assert "Sign in" in page
    client.force_login(User.objects.create_user("staff", is_staff=True))
    assert image.generated_image_url in client.get("/").content.decode()


def test_home_is_read_only(client: Client) -> None:
    assert client.head("/").status_code == 200
    assert client.post("/").status_code == 405


def test_home_has_no_inline_script_or_style(client: Client) -> None:
    ProgressionFactory()
    answer = client.get("/")
    page = answer.content.decode()
    assert re.findall(r"<script|<style|\sstyle=|\son\w+=", page) == []
    assert "style-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]


def test_a_missing_page_says_so_and_links_home(client: Client) -> None:
    answer = client.get("/nope")
    assert answer.status_code == 404
    assert "Page not found." in answer.content.decode()
    assert '<a href="/">' in answer.content.decode()


def test_the_error_page_depends_on_nothing_else() -> None:
    page = render_to_string("500.html")
    assert "Something went wrong." in page
    assert '<link rel="stylesheet" href="/static/dali/site.css">' in page


@pytest.mark.parametrize("name", ["site.css", "admin.css", "mark.svg"])
def test_styles_and_logo_are_served(client: Client, name: str) -> None:
    answer = client.get(f"/static/dali/{name}")
    content = b"".join(answer)
    answer.close()
    assert (answer.status_code, content) == (200, (STATIC / name).read_bytes())
