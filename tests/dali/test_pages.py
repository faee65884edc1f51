"""The pages for people: home, and those for what is missing or broken."""

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


def test_home_says_what_this_is_and_leads_on(client: Client) -> None:
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
    assert "<img" in page  # the mark
    assert "gallery" not in page


def test_home_shows_the_newest_images_first_by_their_delivery_addresses(client: Client) -> None:
    images = [ProgressionFactory(prompt=f"boat {number}", judgment="pass") for number in range(26)]
    page = client.get("/").content.decode()
    shown = re.findall(r'<img src="(/images/[^"]+)" width="64" height="48" alt="([^"]*)"', page)
    newest = [(image.generated_image_url, image.prompt) for image in reversed(images)][:24]
    assert shown == newest
    assert page.count('loading="lazy"') == 20
    assert "curl" not in page
    assert not any(image.original_image_r2_key in page for image in images)


@pytest.mark.parametrize("count", [1, 3])
def test_home_asks_one_question(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    ProgressionFactory.create_batch(count)
    with django_assert_num_queries(1):
        client.get("/")


def test_markup_in_a_prompt_is_shown_and_not_run(client: Client) -> None:
    ProgressionFactory(prompt='"><script>alert(1)</script>')
    assert "<script" not in client.get("/").content.decode()


@override_settings(REQUIRE_KEY="all")
def test_where_reading_needs_a_key_images_are_for_staff(client: Client) -> None:
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


def test_home_holds_no_script_and_no_style_of_its_own(client: Client) -> None:
    ProgressionFactory()
    answer = client.get("/")
    page = answer.content.decode()
    assert re.findall(r"<script|<style|\sstyle=|\son\w+=", page) == []
    assert "style-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]


def test_a_missing_page_says_so_and_leads_home(client: Client) -> None:
    answer = client.get("/nope")
    assert answer.status_code == 404
    assert "Page not found." in answer.content.decode()
    assert '<a href="/">' in answer.content.decode()


def test_the_page_for_a_fault_needs_nothing_but_itself() -> None:
    page = render_to_string("500.html")
    assert "Something went wrong." in page
    assert '<link rel="stylesheet" href="/static/dali/site.css">' in page


@pytest.mark.parametrize("name", ["site.css", "admin.css", "mark.svg"])
def test_styles_and_mark_are_served(client: Client, name: str) -> None:
    answer = client.get(f"/static/dali/{name}")
    content = b"".join(answer)
    answer.close()
    assert (answer.status_code, content) == (200, (STATIC / name).read_bytes())
