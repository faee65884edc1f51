"""Whether a storage writes once: `manage.py check_storage`, and what refuses a start."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.core.management import call_command
from pytest_django.fixtures import Settings

from dali.lib.errors import UnavailableError
from dali.lib.files.folders import described, this_user
from dali.lib.objects import probe as probe_module
from dali.lib.objects.probe import OverwritingError, probe, refuse_overwriting
from dali.lib.objects.storage import LocalWriteOnceStorage, originals
from tests.conftest import FOREIGN, ROOT, free_port
from tests.s3_servers import ACCESS_KEY, SECRET, environment_for, make_bucket, objects_in, storages_at


def report() -> tuple[int, list[str]]:
    out = io.StringIO()
    try:
        call_command("check_storage", stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


@pytest.fixture
def on_nanio(settings: Settings, nanio_endpoint: str, close_clients: Callable[[Any], Any]) -> str:
    """Points every named storage at a server that overwrites."""
    make_bucket(nanio_endpoint, "dali")
    make_bucket(nanio_endpoint, "dali-public")
    settings.STORAGES = storages_at(
        nanio_endpoint, bucket="dali", delivery_bucket="dali-public", region_name="us-east-1"
    )
    for alias in ("originals", "uploads", "templates", "published", "delivery"):
        close_clients(storages[alias])
    return nanio_endpoint


def test_folders_pass_as_write_once(settings: Settings) -> None:
    code, lines = report()
    assert code == 0
    aliases = ("originals", "uploads", "templates", "published", "delivery")
    assert lines[:5] == [f"{alias:9}  ok: written once, read, removed" for alias in aliases]
    assert lines[5] == (
        f"Checked as user {this_user()}. The user that the server runs as must be able to write to its folders:"
    )
    assert lines[6:] == [
        f"{alias:9}  {settings.DATA_DIR / alias}  {described(settings.DATA_DIR / alias)}" for alias in aliases
    ]
    assert list(Path(originals().path("probe")).iterdir()) == []


def test_buckets_pass_as_write_once_and_are_left_empty(on_s3: str) -> None:
    code, lines = report()
    assert code == 0
    assert [line.partition("  ")[2].strip() for line in lines] == ["ok: written once, read, removed"] * 5
    refuse_overwriting()
    assert objects_in(on_s3, "dali") == objects_in(on_s3, "dali-public") == []


def test_a_server_that_overwrites_is_detected_and_refused(on_nanio: str) -> None:
    code, lines = report()
    assert code == 1
    assert lines[0].startswith(
        "originals  OVERWRITES: an object was overwritten: this server does not support"
    )
    with pytest.raises(
        OverwritingError, match=r"STORAGES\['originals'\]: an object was overwritten.*use R2, S3"
    ):
        refuse_overwriting()
    assert objects_in(on_nanio, "dali") == objects_in(on_nanio, "dali-public") == []


def test_a_server_that_is_down_does_not_stop_a_start(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.STORAGES = storages_at(
        f"http://127.0.0.1:{free_port()}", bucket="dali", delivery_bucket="dali-public"
    )
    refuse_overwriting()
    said = [record.getMessage() for record in caplog.records if "storage_not_checked" in record.getMessage()]
    assert len(said) == 2  # one for each bucket
    assert SECRET not in caplog.text
    code, lines = report()
    assert code == 1
    assert lines[0].startswith(
        "originals  UNAVAILABLE: the bucket 'dali' could not be used (EndpointConnectionError)"
    )


def test_a_server_that_hangs_does_not_stop_a_start(
    on_s3: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def hang(alias: str, *_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(probe_module, "call_within", hang)
    refuse_overwriting()
    assert "it did not answer within 15 s" in caplog.text


def test_wrong_keys_are_reported_by_setting_and_not_shown(
    settings: Settings, nanio_endpoint: str, close_clients: Callable[[Any], Any]
) -> None:
    settings.STORAGES = storages_at(
        nanio_endpoint,
        bucket="dali",
        delivery_bucket="dali",
        region_name="us-east-1",
        secret_key="wrong-secret",
    )
    for alias in ("originals", "delivery"):
        close_clients(storages[alias])
    found = probe("originals")
    assert found.verdict == "unavailable"
    assert "SignatureDoesNotMatch" in found.said
    assert "R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY" in found.said
    assert "wrong-secret" not in found.said
    assert ACCESS_KEY not in found.said


def test_a_storage_that_cannot_delete_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalWriteOnceStorage, "delete", lambda *_: None)
    found = probe("published")
    assert found.verdict == "fine"
    assert "not removed" in found.said


def test_a_storage_that_loses_notes_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalWriteOnceStorage, "read_note", lambda *_: None)
    assert report()[1][0] == "originals  ok: written once, read, removed; but metadata of objects is lost"


def test_an_object_that_vanishes_at_once_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def vanish(_: object, key: str) -> bytes:
        raise FileNotFoundError(key)

    monkeypatch.setattr(LocalWriteOnceStorage, "read", vanish)
    assert probe("originals").verdict == "unavailable"


def test_a_full_disk_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> bool:
        raise UnavailableError("no space")

    monkeypatch.setattr(LocalWriteOnceStorage, "put_once", full)
    assert probe("originals").said == "no space"


@pytest.mark.parametrize(
    "command",
    [["manage.py", "serve"], ["-m", "celery", "-A", "dali", "worker", "-P", "threads", "-c", "1"]],
    ids=["serve", "worker"],
)
def test_a_process_does_not_start_when_objects_could_be_overwritten(
    nanio_endpoint: str, tmp_path: Path, command: list[str]
) -> None:
    make_bucket(nanio_endpoint, "dali")
    variables = {"DALI_DATA_DIR": str(tmp_path), "PORT": str(free_port()), "AWS_REGION": "us-east-1"}
    if "celery" in command:
        variables |= {
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "DALI_SECRET_KEY": "x" * 50,
            "DALI_PUBLIC_ORIGIN": "http://127.0.0.1",
        }
    environment = environment_for(nanio_endpoint, **variables)
    for name in FOREIGN:
        if name not in variables:
            environment.pop(name, None)
    result = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 1, result.stderr
    assert "STORAGES['originals']: an object was overwritten" in result.stderr
    assert SECRET not in result.stderr + result.stdout
    assert objects_in(nanio_endpoint, "dali") == []
