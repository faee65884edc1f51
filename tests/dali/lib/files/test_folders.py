"""Folders that are read-only, belong to another user or are full: reported as such, at the start or later."""

import errno
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from pytest_django.fixtures import Settings

from dali.lib.errors import UnavailableError
from dali.lib.files import disk, folders
from dali.lib.files.data_lock import DataLock
from dali.lib.files.folders import UnwritableError, this_user
from dali.lib.objects.probe import probe, refuse_start
from dali.lib.objects.storage import LocalWriteOnceStorage
from dali.lib.secrets import kept_secret
from progressions.delivered_files import place_file
from progressions.errors import DeliveryError
from progressions.models import Upload
from projects.models import Project
from tests.clients import keyed
from tests.conftest import FOREIGN, ROOT, free_port
from tests.factories import JobFactory, ProgressionFactory, VariantFactory
from tests.progressions.fakes import picture_bytes
from tests.users import as_nobody, obey_permissions

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder that every user can reach."""
    made = Path("/tmp") / f"dali-folders-{os.getpid()}"
    made.mkdir(mode=0o755)
    yield made
    shutil.rmtree(made)


def refusing(number: int) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


# --- messages


@pytest.mark.parametrize(
    ("number", "message", "reason"),
    [
        (errno.ENOSPC, "The server's disk is full; try again later.", "the disk is full; free some space"),
        (errno.EDQUOT, "The server's disk is full; try again later.", "the disk quota of user "),
        (errno.EROFS, "The image storage cannot be reached; try again.", "mounted read-only"),
        (
            errno.EACCES,
            "The image storage cannot be reached; try again.",
            f"user {this_user()} has no permission",
        ),
        (errno.EPERM, "The image storage cannot be reached; try again.", "a file system with hard links"),
        (errno.EIO, "The image storage cannot be reached; try again.", "Input/output error"),
    ],
)
def test_errors_of_the_operating_system_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, message: str, reason: str
) -> None:
    storage = LocalWriteOnceStorage(str(tmp_path / "originals"))
    storage.put_once("a/0", b"x", media_type="image/png")
    monkeypatch.setattr(os, "link", refusing(number))
    with pytest.raises(UnavailableError) as caught:
        storage.put_once("a/1", b"x", media_type="image/png")
    assert caught.value.public_message == message
    assert reason in str(caught.value)
    assert f"'a/1' cannot be written below {tmp_path}/originals" in str(caught.value)
    monkeypatch.setattr(Path, "read_bytes", refusing(number))
    with pytest.raises(UnavailableError, match="'a/0' cannot be read below"):
        storage.read("a/0")


def test_an_object_that_ends_early_is_an_error(tmp_path: Path) -> None:
    storage = LocalWriteOnceStorage(str(tmp_path))
    storage.put_once("a/0", bytes(1000), media_type="video/mp4")
    with pytest.raises(UnavailableError, match="the file ends 500 bytes early"):
        list(storage.stream("a/0", 0, 1500))


# --- other users


@as_root
def test_the_owner_of_the_data_directory_can_write_after_a_check_by_root(
    place: Path, settings: Settings
) -> None:
    os.chown(place, 65_534, 65_534)
    location = place / "data" / "originals"
    (place / "data").mkdir()
    os.chown(place / "data", 65_534, 65_534)
    settings.STORAGES = {
        **settings.STORAGES,
        "originals": {
            "BACKEND": "dali.lib.objects.storage.LocalWriteOnceStorage",
            "OPTIONS": {"location": str(location)},
        },
    }
    assert probe("originals").verdict == "fine"
    storage = LocalWriteOnceStorage(str(location))
    storage.put_once("probe/of-root", b"of root", media_type="image/png", note={"n": 1})
    secret = kept_secret(place / "data" / "secret_key")
    assert as_nobody(lambda: storage.put_once("probe/x", b"x", media_type="image/png")) == "True"
    assert as_nobody(lambda: storage.read("probe/of-root")) == "b'of root'"
    assert as_nobody(lambda: storage.read_note("probe/of-root")) == "{'n': 1}"
    assert as_nobody(storage.check_writable) == "None"
    assert as_nobody(lambda: kept_secret(place / "data" / "secret_key")) == repr(secret)


@as_root
def test_a_folder_of_another_user_is_refused_with_its_name_and_the_fix(place: Path) -> None:
    (place / "delivery" / "ab").mkdir(parents=True, mode=0o755)
    storage = LocalWriteOnceStorage(str(place / "delivery"))
    said = as_nobody(storage.check_writable)
    assert said.startswith(
        f"UnwritableError: {place}/delivery cannot be written: user nobody has no permission"
    )
    assert "belongs to" not in said
    assert (
        f"{place}/delivery is root:root rwxr-xr-x, this process runs as nobody: run `chown -R nobody " in said
    )
    os.chown(place / "delivery", 65_534, 65_534)
    said = as_nobody(storage.check_writable)  # one of its folders still belongs to root
    assert f"{place}/delivery/ab is root:root" in said


@as_root
def test_a_check_by_root_names_the_owners_of_the_folders(settings: Settings, place: Path) -> None:
    settings.DATA_DIR = place
    os.chown(place, 65_534, 65_534)
    out = io.StringIO()
    call_command("check_storage", stdout=out)
    lines = out.getvalue().splitlines()
    assert (
        "Checked as user root. The user that the server runs as must be able to write to its folders:"
        in lines
    )
    assert lines[-1].startswith("delivery ")
    assert lines[-1].endswith("root:root rwxr-x---  (the data directory belongs to nobody)")


# --- the start


def test_delivery_by_another_service_needs_no_folder(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "delivery").write_text("a file, and no folder")
    settings.STORAGES = {
        "delivery": {
            "BACKEND": "dali.lib.objects.storage.LocalWriteOnceStorage",
            "OPTIONS": {"location": str(tmp_path / "delivery")},
        },
    }
    with pytest.raises(UnwritableError, match="delivery cannot be written: Not a directory"):
        refuse_start()
    settings.DELIVERY = "cloudflare_images"
    refuse_start()


def test_a_full_disk_does_not_stop_a_server_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "open", refusing(errno.ENOSPC))
    LocalWriteOnceStorage(str(tmp_path)).check_writable()


def test_a_data_directory_that_cannot_be_created_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnwritableError, match="file/data cannot be written: Not a directory"):
        DataLock(tmp_path / "file" / "data").take()
    with pytest.raises(ImproperlyConfigured, match="file/data cannot be written: Not a directory"):
        kept_secret(tmp_path / "file" / "data" / "secret_key")


@pytest.mark.rest
@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("serve", "delivery"),
        ("web", "delivery"),
        ("worker", "delivery"),
        ("serve", "views"),
        ("web", "views"),
    ],
)
def test_no_process_starts_without_write_permission_for_its_folder(
    name: str, folder: str, tmp_path: Path
) -> None:
    variables = {name_: value for name_, value in os.environ.items() if name_ not in FOREIGN}
    variables |= {"DALI_DATA_DIR": str(tmp_path), "PORT": str(free_port())}
    command = ["manage.py", name]
    if name != "serve":
        variables |= {
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "DALI_SECRET_KEY": "x" * 50,
            "DALI_PUBLIC_ORIGIN": "http://127.0.0.1",
        }
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=variables, check=True)
    if name == "worker":
        command = ["-m", "celery", "-A", "dali", "worker", "-P", "threads", "-c", "1"]
    (tmp_path / folder).mkdir()
    (tmp_path / folder).chmod(0o555)
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=obey_permissions,
    )
    assert ended.returncode == 2, ended.stderr
    (line,) = [line for line in ended.stderr.splitlines() if "cannot be written" in line]
    assert line.startswith(f"{tmp_path}/{folder} cannot be written: user {this_user()} has no permission")
    assert f"run `chown -R {this_user()} {tmp_path}/{folder}` as root" in line
    assert "Traceback" not in ended.stderr


# --- full disks


@pytest.fixture
def _no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=100_000, f_frsize=1000))  # 100 MB


@pytest.mark.django_db
@pytest.mark.usefixtures("_no_room")
def test_no_work_is_accepted_below_the_reserve_and_the_disk_is_named(
    project_with_image: tuple[Project, str], caplog: pytest.LogCaptureFixture
) -> None:
    project, image = project_with_image
    job = JobFactory(project=project)
    VariantFactory(job=job, project=project, status="failed")
    body = {"prompt": "x", "providers": ["mock"], "sessionId": "s-1"}
    client = keyed()
    answers = [
        client.post(f"/api/projects/{project.pk}/jobs", body, format="json"),
        client.post(f"/api/jobs/{job.pk}/retry", {}, format="json"),
        client.post(f"/api/progressions/{image}/retry", {"sessionId": "s-1"}, format="json"),
        client.post("/api/uploads", {"file": io.BytesIO(picture_bytes(1))}, format="multipart"),
    ]
    for answer in answers:
        assert (answer.status_code, answer["Retry-After"]) == (503, "60"), answer.content
        (error,) = answer.json()["errors"]
        assert error["detail"] == "The server's disk is full; try again later."
    assert Upload.objects.count() == 0
    lines = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(lines) == 4
    assert all(
        "only 100 MB of disk are free, less than DALI_DISK_RESERVE_MB (200): free some space" in line
        for line in lines
    )


@pytest.fixture
def project_with_image(db: None) -> tuple[Project, str]:
    """A project with an image that `mock` made."""
    project = Project.objects.create(name="Full")
    job = JobFactory(project=project)
    image = ProgressionFactory(project=project, ai_provider="mock", job=job)
    return project, str(image.pk)


@pytest.mark.django_db
@pytest.mark.usefixtures("_no_room")
def test_an_invalid_submission_is_refused_as_invalid_below_the_reserve_too() -> None:
    project = Project.objects.create(name="Full")
    body = {"prompt": "", "providers": ["mock"], "sessionId": "s-1"}
    assert keyed().post(f"/api/projects/{project.pk}/jobs", body, format="json").status_code == 400


@pytest.mark.django_db
def test_an_upload_that_fills_the_disk_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fdatasync", refusing(errno.ENOSPC))
    answer = keyed().post("/api/uploads", {"file": io.BytesIO(picture_bytes(1))}, format="multipart")
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    assert answer.json()["errors"][0]["detail"] == "The server's disk is full; try again later."


def test_a_delivery_that_fills_the_disk_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fdatasync", refusing(errno.ENOSPC))
    with pytest.raises(DeliveryError, match=r"cannot be stored: .*the disk is full") as caught:
        place_file(b"webp", "a" * 64)
    assert (caught.value.public_message, caught.value.retry_after_s) == (folders.FULL, 60)


@as_root
def test_a_full_file_system_is_reported(tmp_path: Path, settings: Settings) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("may not mount")
    try:
        storage = LocalWriteOnceStorage(str(tmp_path / "originals"))
        assert storage.put_once("a/0", bytes(10_000), media_type="image/png") is True
        with pytest.raises(UnavailableError, match="the disk is full; free some space"):
            storage.put_once("a/1", bytes(100_000), media_type="image/png")
        assert not storage.exists("a/1")
        assert storage.read("a/0") == bytes(10_000)
        settings.STORAGES = {"originals": {"OPTIONS": {"location": str(tmp_path / "originals")}}}
        assert disk.is_short()
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
