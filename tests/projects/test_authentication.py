"""API keys: which are valid, what is allowed without one, and what is stored about their use."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.urls import URLResolver, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from projects.authentication import find_owner
from projects.models import ApiKey
from tests.clients import anonymous, keyed, wrong
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
UNKNOWN = "01890000-0000-7000-8000-000000000000"


def with_key(key: str) -> APIClient:
    return APIClient(headers={"X-Api-Key": key})


def test_writes_need_a_key_reads_do_not() -> None:
    assert anonymous().get("/api/projects").status_code == 200
    refused = anonymous().post("/api/projects", {"name": "a"})
    assert refused.status_code == 401
    assert refused.json()["errors"] == [
        {"code": "not_authenticated", "detail": "Send a key in the header X-Api-Key.", "attr": None}
    ]
    assert refused.headers["WWW-Authenticate"] == 'ApiKey realm="Dali", header="X-Api-Key"'


def test_a_wrong_key_is_refused_on_reads_too() -> None:
    for answer in (
        wrong().get("/api/projects"),
        wrong().head("/api/projects"),
        wrong().post("/api/projects", {}),
    ):
        assert answer.status_code == 401
        assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize("key", ["x", "\x00.x", "é.x", "a" * 5000, "nosuchke.", "."])
def test_an_arbitrary_text_is_not_a_key(key: str) -> None:
    assert find_owner(key) is None


def test_options_needs_no_key_and_head_what_get_needs() -> None:
    assert anonymous().options("/api/projects").status_code == 204
    assert wrong().options("/api/projects").status_code == 204
    head = anonymous().head("/api/projects")
    assert (head.status_code, head.content) == (200, b"")


def asks_nothing(path: str) -> bool:
    return path in ("/api/schema", "/api/docs")


@pytest.mark.parametrize("requires", ["writes", "all"])
def test_head_is_answered_as_get_is_on_every_route(requires: str) -> None:
    key = keyed()
    with override_settings(REQUIRE_KEY=requires):
        for path in read_paths():
            is_open = asks_nothing(path) or (requires == "writes" and "/answers" not in path)
            for client, is_let_in in ((anonymous(), is_open), (wrong(), False), (key, True)):
                get, head = client.get(path), client.head(path)
                assert (get.status_code == 401) is not is_let_in, path
                assert (head.status_code, head.headers.get("Content-Length"), head.content) == (
                    get.status_code,
                    get.headers.get("Content-Length"),
                    b"",
                ), path
                assert client.options(path).status_code == 204


def read_paths() -> list[str]:
    """Every URL below /api that can be read, for existing rows and missing ones."""
    found: list[str] = []

    def walk(resolver: URLResolver, prefix: str) -> None:
        for entry in resolver.url_patterns:
            path = prefix + str(entry.pattern)
            if isinstance(entry, URLResolver):
                walk(entry, path)
            elif path.startswith("/api/") and "get" in getattr(entry.callback, "actions", {"get": ""}):
                found.append(re.sub(r"<id:\w+>", UNKNOWN, path))

    walk(get_resolver(), "/")
    assert len(found) > 15
    return found


@override_settings(REQUIRE_KEY="all")
def test_head_reveals_no_ids_and_no_lengths_without_a_key() -> None:
    project = ProjectFactory()
    ProjectFactory()
    for path in ("/api/projects?limit=1", f"/api/projects/{project.id}"):
        head = anonymous().head(path)
        assert (head.status_code, "Link" in head.headers) == (401, False)
        assert head.headers["Content-Length"] == anonymous().head("/api/providers").headers["Content-Length"]
    assert "Link" in keyed().head("/api/projects?limit=1").headers


@override_settings(REQUIRE_KEY="all")
def test_all_requires_a_key_for_reads() -> None:
    assert anonymous().get("/api/projects").status_code == 401
    assert keyed().get("/api/projects").status_code == 200


def test_the_owner_is_the_keys_prefix() -> None:
    row, key = ApiKey.objects.create_key(name="test")
    assert find_owner(key) == row.prefix
    assert find_owner(key + "x") is None


def test_revoked_and_expired_keys_are_refused_at_once() -> None:
    row, key = ApiKey.objects.create_key(name="test", expiry_date=timezone.now() + timedelta(hours=1))
    assert with_key(key).get("/api/projects").status_code == 200
    ApiKey.objects.filter(pk=row.pk).update(expiry_date=timezone.now() - timedelta(seconds=1))
    assert with_key(key).get("/api/projects").status_code == 401
    ApiKey.objects.filter(pk=row.pk).update(expiry_date=None, revoked=True)
    assert with_key(key).get("/api/projects").status_code == 401


@override_settings(API_KEY="embedded-key-of-this-server")
def test_the_key_from_the_environment_is_valid() -> None:
    assert find_owner("embedded-key-of-this-server") == "env"
    assert with_key("embedded-key-of-this-server").post("/api/projects", {"name": "a"}).status_code == 201
    assert find_owner("embedded-key-of-this-serve") is None


@override_settings(API_KEY="")
def test_an_empty_key_in_the_environment_grants_no_access() -> None:
    assert find_owner("") is None
    assert with_key("").post("/api/projects", {"name": "a"}).status_code == 401


def test_use_is_recorded_at_most_once_a_minute() -> None:
    row, key = ApiKey.objects.create_key(name="test")
    find_owner(key)
    first = ApiKey.objects.get(pk=row.pk).last_used_at
    assert first is not None
    find_owner(key)
    assert ApiKey.objects.get(pk=row.pk).last_used_at == first
    ApiKey.objects.filter(pk=row.pk).update(last_used_at=first - timedelta(minutes=2))
    find_owner(key)
    assert ApiKey.objects.get(pk=row.pk).last_used_at > first


def test_keys_are_stored_hashed() -> None:
    row, key = ApiKey.objects.create_key(name="test")
    assert key.partition(".")[2] not in "".join(str(value) for value in vars(row).values())


def test_a_new_key_is_printed_once_and_works() -> None:
    out, told = StringIO(), StringIO()
    call_command("create_api_key", "Ada", expires_days=2, stdout=out, stderr=told)
    key = out.getvalue().strip()
    row = ApiKey.objects.get()
    assert find_owner(key) == row.prefix
    assert row.name == "Ada"
    assert row.expiry_date is not None
    assert timedelta(days=1) < row.expiry_date - timezone.now() <= timedelta(days=2)
    assert key not in told.getvalue()


@pytest.mark.parametrize(("name", "days"), [("", None), ("x" * 51, None), ("Ada", 0), ("Ada", -1)])
def test_a_key_needs_a_name_and_an_expiry_in_the_future(name: str, days: int | None) -> None:
    with pytest.raises(CommandError):
        call_command("create_api_key", name, expires_days=days)
    assert ApiKey.objects.count() == 0


def test_a_patch_without_a_key_changes_nothing() -> None:
    project = ProjectFactory(name="Coast")
    assert anonymous().patch(f"/api/projects/{project.id}", {"name": "x"}).status_code == 401
    project.refresh_from_db()
    assert project.name == "Coast"
