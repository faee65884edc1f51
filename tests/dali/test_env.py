"""The typed readers of the environment: defaults, bounds, and messages that name the variable."""

from collections.abc import Iterator

import pytest
from django.core.exceptions import ImproperlyConfigured

from dali import env


@pytest.fixture(autouse=True)
def declared_apart() -> Iterator[None]:
    """Keeps what the tests declare out of the project's own list."""
    before = dict(env.VARIABLES)
    yield
    env.VARIABLES.clear()
    env.VARIABLES.update(before)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_variable_that_is_not_set_or_empty_has_its_default(
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


def test_a_variable_that_is_set_is_read_by_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_TEST", " 12 ")
    assert env.text("X_TEST", help="") == "12"
    assert env.integer("X_TEST", 7, help="") == 12
    assert env.number("X_TEST", 7, help="") == 12.0
    monkeypatch.setenv("X_TEST", "a, b,,c")
    assert env.words("X_TEST", help="") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("word", "meaning"), [("1", True), ("YES", True), ("on", True), ("0", False), ("off", False)]
)
def test_a_boolean_is_said_in_several_ways(monkeypatch: pytest.MonkeyPatch, word: str, meaning: bool) -> None:
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
        ("maybe", lambda: env.boolean("X_TEST", True, help=""), "X_TEST='maybe': must be true or false"),
        ("3", lambda: env.choice("X_TEST", "1", ("1", "2"), help=""), "X_TEST='3': must be one of 1, 2"),
        ("30", lambda: env.rate("X_TEST", "1/s", help=""), "X_TEST='30': must be a number and s, m, h or d"),
        (
            "what",
            lambda: env.url_dict("X_TEST", "", help="", shown=""),
            "X_TEST: must start with postgresql://",
        ),
        (
            "postgresql://a@b:port/c",
            lambda: env.url_dict("X_TEST", "", help="", shown=""),
            "X_TEST: not a database address",
        ),
    ],
)
def test_what_cannot_be_taken_stops_the_start_and_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, value: str, read: object, message: str
) -> None:
    monkeypatch.setenv("X_TEST", value)
    assert callable(read)
    with pytest.raises(ImproperlyConfigured) as caught:
        read()
    assert str(caught.value).startswith(message)


def test_what_is_read_is_declared_in_its_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "_group", "Before")
    env.group("Tests")
    env.text("X_TEST", secret=True, shown="made up", help="Something.")
    assert env.VARIABLES["X_TEST"] == env.Variable(
        "X_TEST", "text", "made up", "Something.", "Tests", secret=True
    )
