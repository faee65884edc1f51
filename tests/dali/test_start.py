"""Every entry point refuses unusable settings or an unusable database: in one line, with exit code 2, in time."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import FOREIGN, ROOT

pytestmark = pytest.mark.rest

# The duration of a start on a busy machine. A database that is down adds at most 10 s.
WITHIN_S = 300
PRODUCTION = {
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    "DALI_SECRET_KEY": "a secret that is only good for a test, and long enough",
    "DALI_PUBLIC_ORIGIN": "http://127.0.0.1",
    "DALI_ALLOWED_HOSTS": "127.0.0.1",
}
MANAGE = [sys.executable, "manage.py"]
# Celery warns a superuser, as which the tests sometimes run, before it runs any of our code.
WORKER = [sys.executable, "-W", "ignore", "-m", "celery", "-A", "dali", "worker", "-P", "threads", "-c", "1"]
ENTRIES = {
    "web": [*MANAGE, "web"],
    "worker": WORKER,
    "migrate": [*MANAGE, "migrate"],
    "recover": [*MANAGE, "recover"],
    "generate": [*MANAGE, "generate", "a pier"],
}


def run(folder: Path, command: list[str], **variables: str) -> tuple[int, list[str]]:
    """The exit code of a command and its combined output."""
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    environment |= {
        "DALI_DATA_DIR": str(folder),
        "PORT": "0",
        "AWS_EC2_METADATA_DISABLED": "true",
        **variables,
    }
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        output, _ = process.communicate(timeout=WITHIN_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        output, _ = process.communicate()
        pytest.fail(f"it did not end:\n{output[-2000:]}")
    return process.returncode, output.splitlines()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """The URL of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_invalid_value_is_reported_in_one_line(tmp_path: Path, entry: str) -> None:
    code, lines = run(tmp_path, ENTRIES[entry], **{**PRODUCTION, "DALI_JOBS_RATE": "fast"})
    assert lines == ["DALI_JOBS_RATE='fast': must be a number and s, m, h or d, as in 30/m"]
    assert code == 2


@pytest.mark.parametrize("entry", ["web", "worker"])
def test_a_misspelt_name_and_incomplete_settings_get_a_line_each(tmp_path: Path, entry: str) -> None:
    wrong = {"DALI_REQUIRE_KEYS": "all", "R2_BUCKET": "b", "R2_ENDPOINT_URL": "http://127.0.0.1:1"}
    code, lines = run(tmp_path, ENTRIES[entry], **PRODUCTION, **wrong)
    assert {line.partition(". ")[0] for line in lines} == {
        "R2_BUCKET is set without a key for the bucket",
        "DALI_REQUIRE_KEYS is not a setting; did you mean DALI_REQUIRE_KEY?",
    }
    assert code == 2


@pytest.mark.parametrize("entry", ["web", "worker", "migrate"])
def test_a_database_that_is_down_is_reported_in_one_line(tmp_path: Path, entry: str) -> None:
    code, lines = run(tmp_path, ENTRIES[entry], **PRODUCTION)
    (line,) = lines
    assert line.startswith("The database cannot be used (connection failed: ")
    assert line.endswith("): check DATABASE_URL and the server that it names.")
    assert code == 2


@pytest.mark.parametrize("entry", ["web", "worker"])
def test_a_database_that_hangs_is_reported_in_one_line(tmp_path: Path, entry: str, silent_port: int) -> None:
    hanging = {"DATABASE_URL": f"postgresql://nobody@127.0.0.1:{silent_port}/nothing"}
    code, lines = run(tmp_path, ENTRIES[entry], **{**PRODUCTION, **hanging})
    assert [line.partition(" (")[0] for line in lines] == ["The database cannot be used"]
    assert code == 2


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"PORT": "notaport"}, "PORT='notaport': must be a whole number"),
        ({"DATABASE_URL": "sqlite:////no/such/folder/x.db"}, "The database cannot be used (unable to open"),
        (
            {"DALI_DATA_DIR": f"{__file__}/data"},
            f"{__file__}/data cannot be written: Not a directory. ",
        ),
        (
            {"R2_BUCKET": "b", "R2_ENDPOINT_URL": "http://h"},
            "R2_BUCKET is set without a key for the bucket. Set ",
        ),
        ({"DALI_JUDGE": "nobody"}, "DALI_JUDGE='nobody' is not known. Set it to one of: "),
        (
            {"DALI_DELIVERY": "storage"},
            "DALI_DELIVERY='storage' is not configured. Set DALI_DELIVERY_BASE_URL",
        ),
    ],
)
def test_the_embedded_server_refuses_in_one_line_too(
    tmp_path: Path, variables: dict[str, str], said: str
) -> None:
    code, lines = run(tmp_path, [*MANAGE, "serve"], **variables)
    (line,) = lines
    assert line.startswith(said)
    assert code == 2


def test_a_file_that_is_not_a_database_is_reported_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "dali.sqlite3").write_text("no database at all, but words " * 100)
    code, lines = run(tmp_path, [*MANAGE, "serve"])
    assert [line.partition(":")[0] for line in lines] == [
        "The database cannot be used (file is not a database)"
    ]
    assert code == 2


def test_a_misspelt_name_is_a_warning_embedded(tmp_path: Path) -> None:
    code, lines = run(tmp_path, [*MANAGE, "check"], DALI_REQUIRE_KEYS="all")
    assert "?: (dali.W014) DALI_REQUIRE_KEYS is not a setting; did you mean DALI_REQUIRE_KEY?" in lines
    assert code == 0


@pytest.mark.parametrize("arguments", [["help", "web"], ["web", "--help"], ["check"]])
def test_commands_without_a_database_run_without_one(tmp_path: Path, arguments: list[str]) -> None:
    code, lines = run(tmp_path, [*MANAGE, *arguments], **PRODUCTION)
    assert code == 0, lines


def test_another_asgi_server_gets_an_exception(tmp_path: Path) -> None:
    load = [sys.executable, "-c", "import dali.asgi"]
    code, lines = run(tmp_path, load, **PRODUCTION, DALI_REQUIRE_KEYS="all")
    assert lines[-1].startswith(
        "django.core.exceptions.ImproperlyConfigured: DALI_REQUIRE_KEYS is not a setting"
    )
    assert code == 1
