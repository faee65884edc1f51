"""Signing in to the admin: wrong passwords are counted by address, and hashing never takes all cores."""

import logging
import threading
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password, make_password
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client, override_settings

from dali.sign_in import BoundedPBKDF2PasswordHasher
from tests.waiting import PATIENCE_S

TRIES = 3
RIGHT = "right-horse-battery"
LOGIN = "/admin/login/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def few_tries(settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = TRIES
    settings.TRUSTED_PROXIES = ["127.0.0.1"]


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss", "boss@example.com", RIGHT)


def sign_in(password: str, *, address: str = "203.0.113.7", name: str = "boss") -> HttpResponse:
    form = {"username": name, "password": password, "next": "/admin/"}
    answer: Any = Client().post(LOGIN, form, headers={"X-Forwarded-For": address})
    return answer  # type: ignore[no-any-return]  # the client's own class


def test_an_address_with_too_many_wrong_passwords_waits(boss: User) -> None:
    statuses = [sign_in("wrong").status_code for _ in range(TRIES)]
    assert statuses == [200] * (TRIES - 1) + [429]
    locked_out = sign_in(RIGHT)
    assert locked_out.status_code == 429
    assert locked_out["Retry-After"] == "900"
    assert "Try again in 15 minutes." in locked_out.content.decode()
    assert "sessionid" not in locked_out.cookies


def test_the_user_names_tried_make_no_difference(boss: User) -> None:
    for number in range(TRIES):
        sign_in("wrong", name=f"user-{number}")
    assert sign_in(RIGHT).status_code == 429


def test_other_addresses_still_sign_in(boss: User) -> None:
    for _ in range(TRIES):
        sign_in("wrong")
    assert sign_in(RIGHT, address="203.0.113.8").status_code == 302


def test_an_ipv6_client_is_counted_by_its_network(boss: User) -> None:
    for number in range(TRIES):
        sign_in("wrong", address=f"2001:db8:1:2::{number + 1}")
    assert sign_in(RIGHT, address="2001:db8:1:2:ffff::9").status_code == 429
    assert sign_in(RIGHT, address="2001:db8:1:3::9").status_code == 302


def test_a_locked_out_address_costs_no_hashing(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(TRIES):
        sign_in("wrong")

    def refuse(*_: Any, **__: Any) -> bool:
        raise AssertionError("a password was hashed")

    monkeypatch.setattr("django.contrib.auth.hashers.verify_password", refuse)
    assert sign_in("wrong").status_code == 429


def test_failures_during_the_wait_do_not_prolong_it(boss: User) -> None:
    for _ in range(TRIES):
        sign_in("wrong")
    before = AccessAttempt.objects.values_list("attempt_time", "failures_since_start").get()
    sign_in("wrong")
    assert AccessAttempt.objects.values_list("attempt_time", "failures_since_start").get() == before


def test_staff_unlock_an_address_by_deleting_its_row(boss: User, client: Client) -> None:
    for _ in range(TRIES):
        sign_in("wrong")
    client.force_login(boss)
    row = AccessAttempt.objects.get()
    assert "203.0.113.7" in client.get("/admin/axes/accessattempt/").content.decode()
    assert client.get(f"/admin/axes/accessattempt/{row.pk}/change/").status_code == 200
    client.post(f"/admin/axes/accessattempt/{row.pk}/delete/", {"post": "yes"})
    assert sign_in(RIGHT).status_code == 302


def test_the_log_has_no_typed_text_and_the_row_no_password(
    boss: User, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for _ in range(TRIES):
            sign_in("wrong-secret", name="typed-into-the-wrong-field")
    assert "sign_in_locked_out" in caplog.text
    assert "wrong-secret" not in caplog.text
    assert "typed-into-the-wrong-field" not in caplog.text
    row = AccessAttempt.objects.get()
    assert "wrong-secret" not in f"{row.get_data}{row.post_data}{row.path_info}"


@pytest.mark.parametrize(
    "name", ["", "x" * 5000, "\x00", "\ud83d".encode("utf-8", "replace").decode(), "é" * 300]
)
def test_garbage_is_just_a_wrong_name(name: str, boss: User) -> None:
    assert sign_in("wrong", name=name).status_code == 200


@override_settings(PASSWORD_HASHERS=["dali.sign_in.BoundedPBKDF2PasswordHasher"])
def test_passwords_hashed_earlier_are_still_valid() -> None:
    before = PBKDF2PasswordHasher().encode(RIGHT, "saltsaltsalt", 1000)
    assert check_password(RIGHT, before)
    assert make_password(RIGHT).startswith("pbkdf2_sha256$")


def test_the_number_of_concurrent_hashings_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dali.sign_in._TURNS", threading.BoundedSemaphore(1))
    at_once: list[int] = []
    inside = threading.Semaphore(0)
    let_go = threading.Event()

    def hash_slowly(*_: Any) -> str:
        at_once.append(1)
        inside.release()
        let_go.wait(PATIENCE_S)
        return "hash"

    monkeypatch.setattr(PBKDF2PasswordHasher, "encode", hash_slowly)
    hasher = BoundedPBKDF2PasswordHasher()
    threads = [threading.Thread(target=hasher.encode, args=("a", "salt")) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert inside.acquire(timeout=PATIENCE_S)
    assert not inside.acquire(timeout=0.2)  # no second one while the first is running
    let_go.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(at_once) == 4
