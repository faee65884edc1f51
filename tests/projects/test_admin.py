"""Projects and API keys in the admin; the hash of a key is never in a page or a URL."""

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from rest_framework_api_key.models import APIKey as LibraryApiKey

from projects.authentication import find_owner
from projects.models import ApiKey, Project
from tests.factories import JobFactory, ProgressionFactory, ProjectFactory

pytestmark = pytest.mark.django_db

KEYS = "/admin/projects/apikey/"
PROJECTS = "/admin/projects/project/"


def make_key(name: str = "front end") -> tuple[ApiKey, str]:
    _, key = ApiKey.objects.create_key(name=name)
    return ApiKey.objects.get(name=name), key


def test_a_new_key_is_shown_once_and_works(admin_client: Client) -> None:
    answer = admin_client.post(f"{KEYS}add/", {"name": "laptop", "expiry_date_0": "", "expiry_date_1": ""})
    row = ApiKey.objects.get()
    assert answer.headers["Location"] == f"{KEYS}{row.prefix}/change/"
    page = admin_client.get(f"{KEYS}{row.prefix}/change/").content.decode()
    key = page.partition("<code class='key'>")[2].partition("</code>")[0]
    assert find_owner(key) == row.prefix
    assert key not in admin_client.get(f"{KEYS}{row.prefix}/change/").content.decode()


def test_no_page_and_no_url_of_the_admin_contains_a_hash(admin_client: Client) -> None:
    row, key = make_key()
    admin_client.post(
        f"{KEYS}{row.prefix}/change/", {"name": "renamed", "expiry_date_0": "", "expiry_date_1": ""}
    )
    row.refresh_from_db()
    assert row.name == "renamed"
    for address in (
        KEYS,
        f"{KEYS}?q=renamed",
        f"{KEYS}{row.prefix}/change/",
        f"{KEYS}{row.prefix}/history/",
        "/admin/",
    ):
        page = admin_client.get(address)
        assert page.status_code == 200
        for secret in (row.pk, row.hashed_key, row.hashed_key[:20], key):
            assert secret not in page.content.decode(), address
    assert list(LogEntry.objects.values_list("object_id", flat=True)) == [row.prefix]
    assert "Changed Name." in admin_client.get(f"{KEYS}{row.prefix}/history/").content.decode()


def test_the_id_of_a_key_grants_no_access(admin_client: Client) -> None:
    row, _ = make_key()
    assert admin_client.get(f"{KEYS}{row.pk}/change/").headers["Location"] == "/admin/"


def test_a_revoked_key_stays_revoked(admin_client: Client) -> None:
    row, key = make_key()
    form = {"name": "front end", "expiry_date_0": "", "expiry_date_1": "", "revoked": "on"}
    assert admin_client.post(f"{KEYS}{row.prefix}/change/", form).headers["Location"] == KEYS
    assert find_owner(key) is None
    admin_client.post(f"{KEYS}{row.prefix}/change/", {"name": "again"})
    row.refresh_from_db()
    assert (row.revoked, row.name) == (True, "front end")


def test_keys_cannot_be_deleted(admin_client: Client) -> None:
    row, _ = make_key()
    assert admin_client.post(f"{KEYS}{row.prefix}/delete/", {"post": "yes"}).status_code == 403
    assert ApiKey.objects.count() == 1


def test_the_list_of_keys_shows_which_are_valid(admin_client: Client) -> None:
    make_key("good")
    revoked, _ = make_key("old")
    revoked.revoked = True
    revoked.save()
    page = admin_client.get(KEYS).content.decode()
    assert (page.count("badge-valid"), page.count("badge-revoked")) == (1, 1)


def test_the_librarys_own_keys_are_not_in_the_admin() -> None:
    assert not admin.site.is_registered(LibraryApiKey)


@pytest.mark.parametrize("count", [1, 3])
def test_the_query_count_of_the_list_of_projects_is_constant(
    admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for project in ProjectFactory.create_batch(count):
        ProgressionFactory(project=project)
    admin_client.get(PROJECTS)
    with django_assert_num_queries(5):  # session, user, count, page, costs
        assert admin_client.get(PROJECTS).status_code == 200


def test_the_list_of_projects_has_counts_and_links(admin_client: Client) -> None:
    project = ProjectFactory()
    ProgressionFactory.create_batch(2, project=project)
    JobFactory(project=project)
    page = admin_client.get(PROJECTS).content.decode()
    images = f'<a href="/admin/progressions/imageprogression/?project__id__exact={project.pk}">2</a>'
    assert images in page
    assert f'<a href="/admin/progressions/job/?project__id__exact={project.pk}">1</a>' in page
    for address in ("imageprogression", "job"):
        shown = admin_client.get(f"/admin/progressions/{address}/?project__id__exact={project.pk}")
        assert shown.context["cl"].result_count == (2 if address == "imageprogression" else 1)


def test_a_project_is_added_and_changed(admin_client: Client) -> None:
    assert admin_client.post(f"{PROJECTS}add/", {"name": "Harbour", "description": ""}).status_code == 302
    project = Project.objects.get()
    admin_client.post(f"{PROJECTS}{project.pk}/change/", {"name": "Harbour lights", "description": "x"})
    project.refresh_from_db()
    assert (project.name, project.description) == ("Harbour lights", "x")


def test_a_project_with_work_cannot_be_deleted(admin_client: Client) -> None:
    project = JobFactory().project
    assert admin_client.post(f"{PROJECTS}{project.pk}/delete/", {"post": "yes"}).status_code == 403
    empty = ProjectFactory()
    assert admin_client.post(f"{PROJECTS}{empty.pk}/delete/", {"post": "yes"}).status_code == 302
    assert list(Project.objects.all()) == [project]
