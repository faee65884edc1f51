"""Signed-in staff, and only they, call the routes of Dali's own pages without a key."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.request import Request

from projects.authentication import StaffAuthentication

pytestmark = pytest.mark.django_db

TICKETS = "/api/stream/s-1/tickets"


def signed_in(*, is_staff: bool = True, is_active: bool = True) -> tuple[Client, str]:
    """A client like a page of Dali, and its CSRF token."""
    user = User.objects.create_user("pat", password="a password", is_staff=is_staff)
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(user)
    User.objects.filter(pk=user.pk).update(is_active=is_active)
    token = client.get("/admin/login/").cookies.get("csrftoken")
    return client, token.value if token else ""


def test_staff_write_with_the_token_of_a_page() -> None:
    client, _ = signed_in()
    token = client.get("/admin/password_change/").cookies["csrftoken"].value
    answer = client.post(TICKETS, content_type="application/json", headers={"X-CSRFToken": token})
    assert answer.status_code == 201


def test_a_foreign_page_cannot_write_as_staff() -> None:
    client, _ = signed_in()
    answer = client.post(TICKETS)
    assert answer.status_code == 403
    assert [error["code"] for error in answer.json()["errors"]] == ["permission_denied"]
    assert "CSRF" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize("who", [{"is_staff": False}, {"is_active": False}])
def test_other_signed_in_users_need_a_key(who: dict[str, bool]) -> None:
    client, token = signed_in(**who)
    assert client.post(TICKETS, headers={"X-CSRFToken": token}).status_code == 401


def test_a_session_opens_no_route_that_does_not_name_it() -> None:
    client, _ = signed_in()
    token = client.get("/admin/password_change/").cookies["csrftoken"].value
    answer = client.post(
        "/api/projects", {"name": "a"}, content_type="application/json", headers={"X-CSRFToken": token}
    )
    assert answer.status_code == 401


def test_a_wrong_key_is_refused_even_for_signed_in_staff() -> None:
    client, _ = signed_in()
    token = client.get("/admin/password_change/").cookies["csrftoken"].value
    headers = {"X-CSRFToken": token, "X-Api-Key": "nosuchke.0123456789012345678901234567890"}
    assert client.post(TICKETS, headers=headers).status_code == 401


def test_a_route_may_ask_for_a_permission() -> None:
    class Needing(StaffAuthentication):
        permission = "artifacts.change_artifact"

    client, _ = signed_in()
    request = client.get("/admin/password_change/").wsgi_request
    assert Needing().authenticate(Request(request)) is None
    User.objects.update(is_superuser=True)
    request.user = User.objects.get()
    assert Needing().authenticate(Request(request)) == (User.objects.get(), f"staff-{User.objects.get().pk}")
