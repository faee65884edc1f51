"""The typed readers of the environment: defaults, bounds, and messages that name the variable."""

from collections.abc import Iterator
from pathlib import Path

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from dali import env


@pytest.fixture(autouse=True)
def declared_apart() -> Iterator[None]:
    """Keeps the tests' declarations out of the project's own list."""
    before = dict(env.VARIABLES)
    yield
    env.VARIABLES.clear()
    env.VARIABLES.update(before)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_an_unset_or_empty_variable_has_its_default(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("X_TEST", raising=False)
    if value is not None:
        monkeypatch.setenv("X_TEST", value)
    assert env.text("X_TEST", "as ever", help="") == "as ever"
    assert env.integer("X_TEST", 7, help="") == 7
    assert env.number("X_TEST", 0.5, help="") == 0.5
    assert env.boolean("X_TEST", True, help="") is True
    assert env.words("X_TEST", ("a", "b"), help="") == ["a", "b"]
    assert env.rate("X_TEST", "30/m", help="") == "30/m"
    assert env.choice("X_TEST", "one", ("one", "two"), help="") == "one"
    assert env.url_dict("X_TEST", "sqlite:////tmp/x", help="", shown="")["NAME"] == "/tmp/x"


def test_a_set_variable_is_read_by_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_TEST", " 12 ")
    assert env.text("X_TEST", help="") == "12"
    assert env.integer("X_TEST", 7, help="") == 12
    assert env.number("X_TEST", 7, help="") == 12.0
    monkeypatch.setenv("X_TEST", "a, b,,c")
    assert env.words("X_TEST", help="") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("word", "meaning"), [("1", True), ("YES", True), ("on", True), ("0", False), ("off", False)]
)
def test_a_boolean_can_be_written_in_several_ways(
    monkeypatch: pytest.MonkeyPatch, word: str, meaning: bool
) -> None:
    monkeypatch.setenv("X_TEST", word)
    assert env.boolean("X_TEST", not meaning, help="") is meaning


@pytest.mark.parametrize(
    ("value", "read", "message"),
    [
        ("many", lambda: env.integer("X_TEST", 1, help=""), "X_TEST='many': must be a whole number"),
        ("0", lambda: env.integer("X_TEST", 1, help="", least=1), "X_TEST=0: must be at least 1"),
        (
            "9",
            lambda: env.integer("X_TEST", 1, help="", least=1, most=5),
            "X_TEST=9: must be between 1 and 5",
        ),
        ("soon", lambda: env.number("X_TEST", 1, help=""), "X_TEST='soon': must be a number"),
        ("nan", lambda: env.number("X_TEST", 1, help=""), "X_TEST=nan: must be at least 0"),
        ("inf", lambda: env.number("X_TEST", 1, help=""), "X_TEST=inf: must be at least 0"),
        (" , ", lambda: env.words("X_TEST", ("a",), help=""), "X_TEST=',': must name at least one"),
        ("maybe", lambda: env.boolean("X_TEST", True, help=""), "X_TEST='maybe': must be true or false"),
        ("3", lambda: env.choice("X_TEST", "1", ("1", "2"), help=""), "X_TEST='3': must be one of 1, 2"),
        ("30", lambda: env.rate("X_TEST", "1/s", help=""), "X_TEST='30': must be a number and s, m, h or d"),
        (
            "what",
            lambda: env.url_dict("X_TEST", "", help="", shown=""),
            "X_TEST: must start with postgresql://",
        ),
        (
            "postgres://nope",
            lambda: env.url_dict("X_TEST", "", help="", shown=""),
            "X_TEST: does not name a database; write it as in postgresql://",
        ),
        (
            "sqlite:///",
            lambda: env.url_dict("X_TEST", "", help="", shown=""),
            "X_TEST: does not name a database; write it as in postgresql://",
        ),
        (
            "postgresql://a@b:port/c",
            lambda: env.url_dict("X_TEST", "", help="", shown=""),
            "X_TEST: is not a database URL",
        ),
    ],
)
def test_an_invalid_value_stops_the_start_and_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, value: str, read: object, message: str
) -> None:
    monkeypatch.setenv("X_TEST", value)
    assert callable(read)
    with pytest.raises(ImproperlyConfigured) as caught:
        read()
    assert str(caught.value).startswith(message)


def test_a_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environ.Env, "ENVIRON", {"X_TEST": "given"})
    (tmp_path / ".env").write_text("# of a test\nX_TEST=file\nexport X_OTHER='a b'\n")
    env.load_file(tmp_path / ".env")
    assert (env.text("X_TEST", help=""), env.text("X_OTHER", help="")) == ("given", "a b")
    assert env.given() == {"X_TEST": "given", "X_OTHER": "a b"}


def test_a_missing_file_or_a_folder_of_its_name_is_fine(tmp_path: Path) -> None:
    env.load_file(tmp_path / ".env")
    env.load_file(tmp_path)


def test_an_unreadable_file_is_not_treated_as_missing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"DALI_REQUIRE_KEY=\xff")
    with pytest.raises(ImproperlyConfigured, match=r"\.env: is not valid UTF-8 at byte"):
        env.load_file(tmp_path / ".env")


def test_a_variable_is_declared_in_its_group_when_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "_group", "Before")
    env.group("Tests")
    env.text("X_TEST", secret=True, shown="made up", help="Something.")
    assert env.VARIABLES["X_TEST"] == env.Variable(
        "X_TEST", "text", "made up", "Something.", "Tests", secret=True
    )


@pytest.mark.parametrize(
    "value",
    ["api.example.com", "ftp://x.example", "http://", "https://:80", "http://x.example:port", "http://["],
)
def test_an_http_url_has_a_scheme_and_a_host(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("X_TEST", value)
    with pytest.raises(ImproperlyConfigured, match=r"^X_TEST='.*': must be a URL, as in https://"):
        env.http_address("X_TEST", help="")


@pytest.mark.parametrize("value", ["http://127.0.0.1:9000", "https://x.example/v1/", "http://[::1]:9000/a"])
def test_an_http_url_is_kept_unchanged(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("X_TEST", value)
    assert env.http_address("X_TEST", help="") == value


@pytest.mark.parametrize(
    "value", ["dali.example.com", "https://dali.example.com/app", "https://", "https://a b", "https://x?y"]
)
def test_an_origin_is_scheme_and_host(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("X_TEST", value)
    with pytest.raises(ImproperlyConfigured, match=r"^X_TEST='.*': must be scheme and host"):
        env.origin("X_TEST", help="", shown="")


@pytest.mark.parametrize(
    ("value", "origin"),
    [
        ("https://dali.example.com/", "https://dali.example.com"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("", ""),
    ],
)
def test_an_origin_has_no_trailing_slash(monkeypatch: pytest.MonkeyPatch, value: str, origin: str) -> None:
    monkeypatch.setenv("X_TEST", value)
    assert env.origin("X_TEST", help="", shown="") == origin


@pytest.mark.parametrize(
    "value",
    [
        "nonsense",
        "redis://",
        "redis://:secret@host:port/0",
        "redis://:secret@host/one",
        "http://host/0",
        "redis://h/0/1",
    ],
)
def test_an_invalid_redis_url_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("X_TEST", value)
    with pytest.raises(ImproperlyConfigured, match=r"^X_TEST: must be the URL of a Redis, as in") as caught:
        env.redis_address("X_TEST", help="", shown="")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", ["redis://h", "rediss://:p@h:6380/3", "unix:///run/redis.sock", ""])
def test_redis_urls_are_accepted(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("X_TEST", value)
    assert env.redis_address("X_TEST", help="", shown="") == value


@pytest.mark.parametrize("value", ["nonsense", "http://host/", "redis://h/one"])
def test_a_task_queue_unknown_to_celery_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("X_TEST", value)
    with pytest.raises(ImproperlyConfigured, match=r"^X_TEST: must be the URL of a "):
        env.broker_address("X_TEST", "memory://localhost/", help="", shown="")


def test_a_task_queue_need_not_be_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_TEST", "amqp://user:pass@h//")
    assert env.broker_address("X_TEST", "", help="", shown="") == "amqp://user:pass@h//"
