"""`manage.py verify_archive`: names every difference between a manifest and the current state."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from artifacts.generator import generators
from artifacts.making.gathering import gather
from artifacts.options import parse
from artifacts.reading import verifying
from dali.lib.errors import UnavailableError
from dali.lib.objects.storage import LocalWriteOnceStorage, delivery_files, originals
from progressions.delivered_files import file_key
from progressions.models import ImageProgression
from projects.models import Project
from tests.artifacts.materials import original
from tests.factories import JobFactory, ProgressionFactory

pytestmark = pytest.mark.django_db

HEAD = "storage,key,bytes,sha256,media_type,row,state\r\n"
ID = "019a0000-0000-7000-8000-000000000000"
LINE = f"originals,project/p/a,5,{'a' * 64},image/png,image_progressions/{ID},stored\r\n"


def written(project: Project, folder: Path, format_: str = "csv") -> Path:
    """The manifest of a project in its current state."""
    generator = generators.get("r2ArchiveManifest")
    material = gather(title="Harbour", project_ids=[project.pk], needs={"jobs"})
    (file,) = generator.generate(material, parse(generator.options, {"format": format_}))
    path = folder / file.name
    path.write_bytes(file.content)
    return path


def verify(path: Path) -> tuple[int, list[str]]:
    """The exit code and the output."""
    out = io.StringIO()
    try:
        call_command("verify_archive", path, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


def key(project: Project, number: int) -> str:
    """The path where the fixture keeps an image."""
    return f"project/{project.pk}/jobs/j/orig/{number}"


def delivery_key(image: ImageProgression) -> str:
    """The path where this server's delivery keeps it."""
    return file_key(image.generated_image_url.removeprefix("/images/").removesuffix(".webp"))


@pytest.fixture(params=["csv", "json"])
def archived(request: pytest.FixtureRequest, shown: Project, tmp_path: Path) -> Path:
    """The manifest of the project, in either form, before its delivery images exist."""
    for image in ImageProgression.objects.all():
        delivery_files().delete(delivery_key(image))
    return written(shown, tmp_path, request.param)


def test_an_unchanged_project_has_no_difference(archived: Path) -> None:
    assert verify(archived) == (
        0,
        ["Objects: 6 checked, 6 unchanged. Differences: 0 missing, 0 altered, 0 unknown, 0 unreadable."],
    )


def test_every_difference_of_an_object_is_named(archived: Path, shown: Project) -> None:
    originals().delete(key(shown, 0))
    originals().delete(key(shown, 1))
    originals().put_once(key(shown, 1), original(1)[:-1] + b"!", media_type="image/jpeg")
    originals().delete(key(shown, 2))
    originals().put_once(key(shown, 2), b"", media_type="image/png")
    originals().put_once(f"project/{shown.pk}/jobs/j/orig/9", b"x", media_type="image/png", note={"n": 1})
    row = ImageProgression.objects.get(generated_image_r2_key=key(shown, 0))
    webp = delivery_key(row)
    delivery_files().put_once(webp, b"webp", media_type="image/webp")
    code, lines = verify(archived)
    assert code == 1
    (altered,) = (line for line in lines if key(shown, 1) in line)
    assert altered.startswith(f"altered  originals  {key(shown, 1)}  has SHA-256 ")
    assert sorted(set(lines) - {altered}) == [
        "Objects: 6 checked, 2 unchanged. Differences: 1 missing, 3 altered, 1 unknown, 0 unreadable.",
        f"altered  delivery  {webp}  was missing, and exists now",
        f"altered  originals  {key(shown, 2)}  has 0 bytes, had {len(original(2))}",
        f"missing  originals  {key(shown, 0)}  the object is missing; it belongs to image_progressions/{row.pk}",
        f"unknown  originals  project/{shown.pk}/jobs/j/orig/9  neither a row nor the manifest names it",
    ]


def test_every_difference_of_a_row_is_named(archived: Path, shown: Project) -> None:
    gone, other, _ = ImageProgression.objects.order_by("generated_image_r2_key")
    gone_id, other_id, webp = gone.pk, other.pk, delivery_key(gone)
    gone.delete()
    job = JobFactory(project=shown, start_image_key=other.generated_image_r2_key)
    later = ProgressionFactory(project=shown, generated_image_r2_key=f"project/{shown.pk}/later")
    ImageProgression.objects.filter(pk=other_id).update(
        generated_image_r2_key=later.generated_image_r2_key, generated_image_url=later.generated_image_url
    )
    code, lines = verify(archived)
    said = [line for line in lines if "originals" in line or webp in line]
    assert code == 1
    assert sorted(said) == [
        (
            f"altered  originals  {key(shown, 1)}  image_progressions/{other_id} no longer names it; "
            f"jobs/{job.pk} does"
        ),
        f"missing  delivery  {webp}  its row image_progressions/{gone_id} is missing, or does not name it",
        (
            f"missing  originals  {key(shown, 0)}  its row image_progressions/{gone_id} is missing, "
            "or does not name it"
        ),
        (
            f"unknown  originals  project/{shown.pk}/later  image_progressions/{other_id} names it; "
            "the manifest does not"
        ),
    ]


def test_all_objects_of_a_deleted_project_are_missing(archived: Path, shown: Project) -> None:
    shown.delete()
    code, lines = verify(archived)
    assert code == 1
    assert lines[-1] == (
        "Objects: 6 checked, 0 unchanged. Differences: 6 missing, 0 altered, 0 unknown, 0 unreadable."
    )


def test_large_objects_are_read_in_pieces(
    shown: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(shown, tmp_path)

    def refuse(self: LocalWriteOnceStorage, key: str) -> bytes:
        raise AssertionError(f"{key} was read whole")

    monkeypatch.setattr(LocalWriteOnceStorage, "read", refuse)
    assert verify(path)[0] == 0


def test_a_brief_storage_failure_is_retried_and_a_lasting_one_reported(
    shown: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(shown, tmp_path)
    asked: list[str] = []
    stream = LocalWriteOnceStorage.stream

    def failing(self: LocalWriteOnceStorage, name: str, start: int, length: int) -> Iterator[bytes]:
        asked.append(name)
        if name == key(shown, 0) or asked.count(name) == 1:
            raise UnavailableError("the bucket is away")
        return stream(self, name, start, length)

    monkeypatch.setattr(verifying, "_PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(LocalWriteOnceStorage, "stream", failing)
    assert verify(path) == (
        1,
        [
            f"unread  originals  {key(shown, 0)}  the bucket is away",
            "Objects: 6 checked, 5 unchanged. Differences: 0 missing, 0 altered, 0 unknown, 1 unreadable.",
        ],
    )


def changed(**fields: object) -> Callable[[], str]:
    """A record of one object with other fields."""
    one = {
        "storage": "originals", "key": "project/p/a", "bytes": 5, "sha256": "a" * 64, "media_type": "image/png",
        "row": f"jobs/{ID}", "state": "stored",
    }  # fmt: skip
    record = {"format": "dali.archive", "version": 1, "projects": [], "objects": [{**one, **fields}]}
    return lambda: json.dumps(record)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "archive is not an archive manifest: its first line must be storage,key,bytes,"),
        ("a,b\r\n", "archive is not an archive manifest"),
        (HEAD, "the manifest lists no objects"),
        (HEAD + LINE + "x,y\r\n", "line 3 has 2 cells: there must be 7"),
        (HEAD + LINE + LINE, "line 3 names project/p/a of originals a second time"),
        (HEAD + LINE.replace("originals", "bucket"), 'line 2.storage is "bucket": it must be one of originals, '),
        (HEAD + LINE.replace("stored", "lost"), 'line 2.state is "lost": it must be one of stored, missing, not read'),
        (HEAD + LINE.replace(",5,", ",-5,"), 'line 2.bytes is "-5": it must be a whole number'),
        (HEAD + LINE.replace(",5,", ",,"), "line 2.bytes is null: it must be a whole number"),
        (HEAD + LINE.replace("a" * 64, "A" * 64), "line 2.sha256 is "),
        (HEAD + LINE.replace("a" * 64, ""), "line 2.sha256 is null: it must be present"),
        (HEAD + LINE.replace("project/p/a", "../../etc/passwd"), "line 2: '../../etc/passwd' is not a storage key"),
        (HEAD + LINE.replace("image_progressions/", "users/"), "line 2.row is "),
        (HEAD + LINE.replace(ID, "-" * 36), "line 2.row is "),
        (HEAD + '"' + "x" * 200_000, "at line 2, quotes do not match or a cell is longer than 131,072 characters"),
        ("{", "archive is not valid JSON: a name in double quotes is missing at line 1, column 2"),
        ('{"format": "dali.tips"}', "archive is not a dali.archive record"),
        ('{"format": "dali.archive", "version": 2}', "version is 2: it must be 1"),
        ('{"format": "dali.archive", "version": 1}', "projects is missing: it must be a list"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ('{"a": 1, "a": 2}', '"a" stands twice'),
        ('{"a": ' + "[" * 50 + "]" * 50 + "}", "nested too deeply"),
        ('{"a": ' + "[" * 200_000, "nested too deeply"),
        (changed(key="a\nb")(), r"objects[0]: 'a\nb' is not a storage key"),
        (changed(key=5)(), "objects[0].key is 5: it must be text"),
        (changed(bytes=True)(), "objects[0].bytes is true: it must be a whole number"),
        (changed(key="\ud800")(), 'The text "\\ud800" holds half a surrogate pair'),
        ('{"a": ' + "9" * 5000 + "}", "archive is not valid JSON: a whole number has more than 300 digits"),

    ],
)  # fmt: skip
def test_an_invalid_manifest_is_refused_by_line_or_field(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "archive"
    path.write_text(content, newline="")
    with pytest.raises(CommandError) as caught:
        verify(path)
    assert caught.value.returncode == 2
    assert said in str(caught.value)


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(HEAD.encode() + b"\xff\xfe")
    for name, said in (
        ("none", "cannot be read: No such file"),
        ("archive", "is not UTF-8"),
        (".", "cannot be read"),
    ):
        with pytest.raises(CommandError, match=said):
            verify(tmp_path / name)
