"""Misspelt names in the environment: detected, with a suggestion."""

import re

import pytest

from dali import env
from dali.settings.unknown_names import misspelt
from tests.house.tree import modules


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DALI_REQUIRE_KEYS", "DALI_REQUIRE_KEY"),
        ("DALI_REQUIREKEY", "DALI_REQUIRE_KEY"),
        ("dali_require_key", "DALI_REQUIRE_KEY"),
        ("DALI-REQUIRE-KEY", "DALI_REQUIRE_KEY"),
        ("DALI_ALLOWED_HOST", "DALI_ALLOWED_HOSTS"),
        ("DALI_PROVIDER_TIMEOUT", "DALI_PROVIDER_TIMEOUT_S"),
        ("DALI_TEST_KILL", "DALI_TEST_KILLS"),
        ("DALI_QQQ", ""),
        ("DALY_REQUIRE_KEY", "DALI_REQUIRE_KEY"),
        ("DALIREQUIRE_KEY", "DALI_REQUIRE_KEY"),
        ("REDIS_URl", "REDIS_URL"),
        ("DATABSE_URL", "DATABASE_URL"),
        ("DATABAES_URL", "DATABASE_URL"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("OPENAI_APIKEY", "OPENAI_API_KEY"),
        ("CLOUDFLARE_API_TOKENS", "CLOUDFLARE_API_TOKEN"),
        ("CELERY-BROKER-URL", "CELERY_BROKER_URL"),
        ("R2_BUKET", "R2_BUCKET"),
        ("port", "PORT"),
        ("DALI_PORT", "PORT"),
        ("DALI_OPENAI_API_KEY", "OPENAI_API_KEY"),
    ],
)
def test_an_unknown_name_gets_a_suggestion(name: str, meant: str) -> None:
    assert list(misspelt(dict.fromkeys(["PATH", "HOME", name], "x"))) == [(name, meant)]


@pytest.mark.parametrize(
    "name",
    ["OPENAI_ORG_ID", "OPENAI_API_BASE", "HOSTNAME", "CLOUDFLARE_API_KEY", "AWS_ACCESS_KEY_ID", "GOOGLE_API_KEY",
     "HOSTS", "PORTS", "DALIAN", "PGHOST", "REPORT", "DJANGO_SETTINGS_MODULE", "CI", *env.TEST_VARIABLES],
)  # fmt: skip
def test_names_of_other_programs_and_of_the_tests_are_ignored(name: str) -> None:
    assert list(misspelt({name: "x"})) == []


def test_names_that_kubernetes_sets_for_a_service_called_dali_are_ignored() -> None:
    names = ["DALI_SERVICE_HOST", "DALI_SERVICE_PORT", "DALI_SERVICE_PORT_HTTP", "DALI_PORT_8000_TCP"]
    names += ["DALI_PORT_8000_TCP_PROTO", "DALI_PORT_8000_TCP_PORT", "DALI_WEB_PORT_8000_TCP_ADDR"]
    links = dict.fromkeys(names, "x") | dict.fromkeys(["DALI_PORT", "DALI_WEB_PORT"], "tcp://10.0.0.11:8000")
    assert list(misspelt(links)) == []


def test_a_name_similar_to_a_set_one_is_ignored() -> None:
    assert list(misspelt({"DATABASE_URL": "x", "DATABASE_URI": "x"})) == []


def test_every_setting_is_known() -> None:
    from dali import env

    assert list(misspelt(dict.fromkeys(env.VARIABLES, "x"))) == []


def test_every_variable_that_the_tests_read_is_known() -> None:
    text = "".join(path.read_text() for path in modules())
    read = set(re.findall(r"""environ(?:\.get\(|\[)["'](DALI_[A-Z_]+)["']""", text))
    assert read >= {"DALI_REQUIRE_BROWSER", "DALI_CHROMIUM"}
    assert list(misspelt(dict.fromkeys(read, "x"))) == []
