"""`make test` starts no server, and with `make test-rest` it runs every test exactly once."""

import re
import subprocess
import sys

import pytest

from tests.house.tree import ROOT
from tests.processes import is_long
from tests.workers import own_redis_url, worker_count

REDIS = "redis://:secret@127.0.0.1:6379/3"


@pytest.mark.parametrize(
    ("command", "is_of_the_rest"),
    [
        (["/venv/bin/python", "manage.py", "serve"], True),
        (["/venv/bin/python3.11", "-m", "celery", "-A", "dali", "worker"], True),
        (["/venv/bin/celery", "-A", "dali", "worker"], True),
        (
            ["/venv/lib/playwright/driver/node", "/venv/lib/playwright/driver/package/cli.js", "run-driver"],
            True,
        ),
        (["/usr/bin/chromium", "--headless"], True),
        (["redis-server", "--port", "0"], True),
        (["/usr/lib/postgresql/15/bin/postgres", "-D", "/tmp/cluster"], True),
        (["/venv/bin/python", "-c", "print(1)"], False),
        (["/usr/bin/node", "validate_gltf.js"], False),
        (["git", "ls-files"], False),
        (["/venv/bin/lint-imports"], False),
    ],
)
def test_long_running_commands_are_recognised(command: list[str], *, is_of_the_rest: bool) -> None:
    assert is_long(command) is is_of_the_rest


def test_a_test_without_the_mark_cannot_start_a_server() -> None:
    with pytest.raises(AssertionError, match="give it the mark `rest`"):
        subprocess.run([sys.executable, "manage.py", "check"], cwd=ROOT, check=True)


def test_the_two_targets_cover_every_test_exactly_once() -> None:
    makefile = (ROOT / "Makefile").read_text()
    chosen = dict(
        re.findall(r'^(test[a-z-]*): \$\(DEV_STAMP\) .*\n\t@.* -m ("not rest"|rest) ', makefile, re.MULTILINE)
    )
    assert chosen == {"test": '"not rest"', "test-rest": "rest"}
    assert re.search(r"^test-all: test test-rest ", makefile, re.MULTILINE)


@pytest.mark.parametrize(
    ("worker", "address"),
    [
        (None, "redis://:secret@127.0.0.1:6379/3"),
        ("gw0", "redis://:secret@127.0.0.1:6379/3"),
        ("gw2", "redis://:secret@127.0.0.1:6379/5"),
    ],
)
def test_each_worker_has_a_redis_database(
    monkeypatch: pytest.MonkeyPatch, worker: str | None, address: str
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    if worker is not None:
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
    assert own_redis_url(REDIS) == address


@pytest.mark.parametrize(
    ("cores", "redis", "workers"), [(2, "", 3), (64, "", 16), (64, REDIS, 13), (2, "redis://h/15", 1)]
)
def test_there_are_no_more_workers_than_redis_databases(cores: int, redis: str, workers: int) -> None:
    assert worker_count(cores, redis) == workers
