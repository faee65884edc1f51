"""The system checks of names and of settings that only work together."""

import pytest
from django.core.checks import CheckMessage
from pytest_django.fixtures import Settings

from dali import env
from dali.settings.checks import (
    check_allowed_hosts,
    check_delivery_bucket,
    check_halves,
    check_names,
    check_production_settings,
)

KEYS = {"R2_ACCESS_KEY_ID": "id", "R2_SECRET_ACCESS_KEY": "secret"}
R2 = "https://account.r2.cloudflarestorage.com"
AWS = "https://s3.eu-central-1.amazonaws.com"


@pytest.fixture(autouse=True)
def nothing_set(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """Clears the settings, and the places where AWS's libraries look for credentials."""
    for name in ("R2_ENDPOINT_URL", "R2_BUCKET", *KEYS, "DELIVERY_BUCKET"):
        setattr(settings, name, "")
    settings.IS_EMBEDDED = True
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, f"{tmp_path}/none")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def found(settings: Settings, **values: str) -> list[CheckMessage]:
    for name, value in values.items():
        setattr(settings, name, value)
    return check_halves(None)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"R2_BUCKET": "b", "R2_ENDPOINT_URL": R2, **KEYS},
        {"R2_BUCKET": "b", **KEYS},
        {"DELIVERY_BUCKET": "b", "R2_ENDPOINT_URL": R2, **KEYS},
    ],
)
def test_complete_settings_pass(settings: Settings, values: dict[str, str]) -> None:
    assert found(settings, **values) == []


@pytest.mark.parametrize(
    ("values", "check_id", "message", "named"),
    [
        ({"R2_BUCKET": "b"}, "dali.E017", "R2_BUCKET is set without a key", [*KEYS, "R2_ENDPOINT_URL"]),
        ({"DELIVERY_BUCKET": "b"}, "dali.E017", "DALI_DELIVERY_BUCKET is set without a key", list(KEYS)),
        ({"R2_BUCKET": "b", "R2_ENDPOINT_URL": R2}, "dali.E017", "R2_BUCKET is set without", list(KEYS)),
        ({"R2_BUCKET": "b", "R2_ENDPOINT_URL": AWS}, "dali.E017", "R2_BUCKET is set without", list(KEYS)),
        (
            {"R2_BUCKET": "b", "R2_ACCESS_KEY_ID": "id"},
            "dali.E015",
            "R2_ACCESS_KEY_ID is set without R2_SECRET_ACCESS_KEY",
            ["R2_SECRET_ACCESS_KEY"],
        ),
        (
            {"R2_BUCKET": "b", "R2_SECRET_ACCESS_KEY": "s"},
            "dali.E015",
            "R2_SECRET_ACCESS_KEY is set without R2_ACCESS_KEY_ID",
            ["R2_ACCESS_KEY_ID"],
        ),
        ({"R2_ENDPOINT_URL": R2}, "dali.E016", "R2_ENDPOINT_URL is set without R2_BUCKET", ["R2_BUCKET"]),
        (KEYS, "dali.E016", "R2_ACCESS_KEY_ID is set without R2_BUCKET", ["R2_BUCKET"]),
    ],
)
def test_incomplete_settings_are_refused_naming_what_is_missing(
    settings: Settings, values: dict[str, str], check_id: str, message: str, named: list[str]
) -> None:
    (error,) = found(settings, **values)
    assert (error.id, error.is_serious()) == (check_id, True)
    assert error.msg.startswith(message)
    assert error.hint is not None
    assert [name for name in named if name not in error.hint] == []


def test_an_aws_bucket_may_get_its_credentials_from_aws(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert found(settings, R2_BUCKET="b") == []
    assert found(settings, R2_BUCKET="b", R2_ENDPOINT_URL=AWS) == []
    assert [error.id for error in found(settings, R2_ENDPOINT_URL=R2)] == ["dali.E017"]
    assert [error.id for error in found(settings, R2_ENDPOINT_URL="https://amazonaws.com.evil.example")] == [
        "dali.E017"
    ]


def test_the_bucket_of_the_originals_is_never_public(settings: Settings) -> None:
    settings.R2_BUCKET, settings.DELIVERY_BUCKET = "dali", "dali-public"
    assert check_delivery_bucket(None) == []
    settings.DELIVERY_BUCKET = "dali"
    (error,) = check_delivery_bucket(None)
    assert error.id == "dali.E011"
    assert "both 'dali': originals would be public" in error.msg


def test_a_task_queue_without_a_redis_for_the_stream_is_refused(settings: Settings) -> None:
    settings.IS_EMBEDDED, settings.REDIS_URL = False, ""
    assert [error.id for error in check_halves(None)] == ["dali.E019"]
    settings.REDIS_URL = "redis://h"
    assert check_halves(None) == []


def test_a_misspelt_name_is_a_warning_embedded_and_an_error_in_production(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(env, "given", lambda: {"DALI_REQUIRE_KEYS": "all", "DALI_QQQ": "1", "PATH": "/bin"})
    assert [(each.id, each.is_serious(), each.msg) for each in check_names(None)] == [
        ("dali.W014", False, "DALI_QQQ is not a setting"),
        ("dali.W014", False, "DALI_REQUIRE_KEYS is not a setting; did you mean DALI_REQUIRE_KEY?"),
    ]
    settings.IS_EMBEDDED = False
    assert [(each.id, each.is_serious()) for each in check_names(None)] == [("dali.E014", True)] * 2


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        ({}, []),
        ({"IS_SECRET_KEY_GIVEN": False}, ["dali.E001"]),
        ({"SECRET_KEY": "short"}, ["dali.E003"]),
        ({"IS_PUBLIC_ORIGIN_GIVEN": False}, ["dali.E002"]),
    ],
)
def test_production_needs_a_secret_and_a_public_origin(
    settings: Settings, values: dict[str, object], ids: list[str]
) -> None:
    settings.IS_EMBEDDED, settings.SECRET_KEY = False, "s" * 50
    settings.IS_SECRET_KEY_GIVEN = settings.IS_PUBLIC_ORIGIN_GIVEN = True
    for name, value in values.items():
        setattr(settings, name, value)
    assert [each.id for each in check_production_settings(None)] == ids
    settings.IS_EMBEDDED = True
    assert check_production_settings(None) == []


@pytest.mark.parametrize(
    ("origin", "hosts", "ids"),
    [
        ("https://dali.example.com", ["dali.example.com"], []),
        ("https://dali.example.com", [".example.com"], []),
        ("http://[::1]:8000", ["[::1]"], []),
        ("https://dali.example.com", ["localhost"], ["dali.W004"]),
    ],
)
def test_production_accepts_its_public_host(
    settings: Settings, origin: str, hosts: list[str], ids: list[str]
) -> None:
    settings.IS_EMBEDDED, settings.PUBLIC_ORIGIN, settings.ALLOWED_HOSTS = False, origin, hosts
    assert [each.id for each in check_allowed_hosts(None)] == ids
