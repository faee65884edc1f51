"""`manage.py rebuild_hashes` and `rebuild_delivery`: rows and files made anew from the originals."""

import io
import uuid

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from dali.lib import phash
from dali.lib.images import decode
from dali.lib.storage import delivery_files, originals, uploads
from progressions.delivered_files import file_key
from progressions.duplicates import find_nearest, reserve
from progressions.models import HashBands, ImageProgression, Job, Upload, Variant
from tests.factories import JobFactory, ProgressionFactory, ProjectFactory, VariantFactory

pytestmark = pytest.mark.django_db


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(buffer, "PNG")
    return buffer.getvalue()


def stored(content: bytes) -> str:
    key = f"project/p/jobs/{uuid.uuid4()}/orig/0"
    originals().put_once(key, content, media_type="image/png")
    return key


def image(colour: str, **fields: object) -> ImageProgression:
    return ProgressionFactory(generated_image_r2_key=stored(png(colour)), **fields)


def report(command: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue().strip()


def test_hashes_are_written_to_image_variant_and_index() -> None:
    job = JobFactory()
    row = image("teal", project=job.project, job=job)
    variant = VariantFactory(job=job, progression=row, status="complete")
    assert report("rebuild_hashes") == "1 looked at: 1 written, 0 right already, 0 failed."
    wanted = phash.fingerprint(decode(png("teal")))
    row.refresh_from_db()
    variant.refresh_from_db()
    assert (row.phash, variant.phash) == (wanted, wanted)
    later = VariantFactory(job=JobFactory(project=job.project), status="running")
    match = find_nearest(variant=later, phash=wanted, max_distance=0)
    assert match is not None
    assert match.variant_id == variant.id
    assert report("rebuild_hashes") == "1 looked at: 0 written, 1 right already, 0 failed."


def test_a_lost_index_row_is_written_anew() -> None:
    job = JobFactory()
    VariantFactory(job=job, progression=image("teal", project=job.project), status="complete")
    report("rebuild_hashes")
    HashBands.objects.all().delete()
    assert report("rebuild_hashes") == "1 looked at: 1 written, 0 right already, 0 failed."
    assert HashBands.objects.count() == 1


def test_of_an_inpaint_the_repainted_part_is_hashed() -> None:
    mask = Image.new("L", (40, 30))
    mask.paste(255, (0, 0, 10, 10))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    picture = Image.new("RGB", (40, 30), "teal")
    picture.paste("navy", (0, 0, 10, 10))
    made = io.BytesIO()
    picture.save(made, "PNG")
    job = JobFactory(kind="inpaint", mask_key=stored(buffer.getvalue()))
    row = ProgressionFactory(
        project=job.project, job=job, kind="inpaint", generated_image_r2_key=stored(made.getvalue())
    )
    report("rebuild_hashes")
    row.refresh_from_db()
    assert row.phash == phash.fingerprint(decode(png("navy")))


def test_index_rows_without_an_image_are_dropped() -> None:
    running, failed = VariantFactory(status="running"), VariantFactory(status="failed")
    for variant in (running, failed):
        reserve(variant=variant, phash="a" * 64)
    report("rebuild_hashes")
    assert list(HashBands.objects.values_list("variant_id", flat=True)) == [running.id]


def test_what_cannot_be_hashed_is_counted_and_stops_no_other() -> None:
    ProgressionFactory(generated_image_r2_key=stored(b"<svg/>"))
    ProgressionFactory(generated_image_r2_key="project/p/jobs/none/orig/0")
    good = image("navy")
    out = io.StringIO()
    with pytest.raises(CommandError, match="2 could not be made"):
        call_command("rebuild_hashes", stdout=out)
    assert out.getvalue().strip() == "3 looked at: 1 written, 0 right already, 2 failed."
    good.refresh_from_db()
    assert good.phash == phash.fingerprint(decode(png("navy")))


def test_one_project_alone_can_be_rebuilt() -> None:
    ours, other = image("teal"), image("navy")
    assert report("rebuild_hashes", "--project", str(ours.project_id)).startswith("1 looked at: 1 written")
    other.refresh_from_db()
    assert other.phash == ""


@pytest.mark.parametrize("command", ["rebuild_hashes", "rebuild_delivery"])
@pytest.mark.parametrize(
    ("value", "reason"), [("nonsense", "is no project id"), (str(uuid.UUID(int=1)), "there is no project")]
)
def test_an_unknown_project_is_refused(command: str, value: str, reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        call_command(command, "--project", value)


def test_missing_delivery_images_are_made_and_their_addresses_written() -> None:
    project = ProjectFactory()
    start, upload_key = stored(png("olive")), f"aa/{uuid.uuid4()}"
    uploads().put_once(upload_key, png("gold"), media_type="image/png")
    row = image(
        "teal", project=project, original_image_r2_key=start, start_image_delivery_url="/images/old.webp"
    )
    job = JobFactory(project=project, start_image_key=start, start_image_delivery="/images/old.webp")
    upload = Upload.objects.create(
        key=upload_key,
        delivery="https://elsewhere.example/1",
        media_type="image/png",
        width=40,
        height=30,
        bytes=9,
    )
    assert report("rebuild_delivery") == "4 looked at: 4 written, 0 right already, 0 failed."
    row.refresh_from_db()
    job = Job.objects.get(id=job.id)
    upload.refresh_from_db()
    assert job.start_image_delivery == row.start_image_delivery_url
    for address, colour in (
        (row.generated_image_url, (0, 128, 128)),
        (row.start_image_delivery_url, (128, 128, 0)),
        (upload.delivery, (255, 215, 0)),
    ):
        content = delivery_files().read(file_key(address.removeprefix("/images/").removesuffix(".webp")))
        shown = decode(content).image.getpixel((20, 15))
        assert isinstance(shown, tuple)
        assert max(abs(a - b) for a, b in zip(shown, colour, strict=True)) <= 6
    assert report("rebuild_delivery") == "4 looked at: 0 written, 4 right already, 0 failed."
    assert report("rebuild_delivery", "--all") == "4 looked at: 4 written, 0 right already, 0 failed."
    assert report("rebuild_delivery", "--project", str(project.id)).startswith("3 looked at: 0 written")


def test_a_lost_file_comes_back_under_its_address() -> None:
    row = image("teal")
    report("rebuild_delivery")
    row.refresh_from_db()
    key = file_key(row.generated_image_url.removeprefix("/images/").removesuffix(".webp"))
    content = delivery_files().read(key)
    delivery_files().delete(key)
    assert report("rebuild_delivery") == "1 looked at: 1 written, 0 right already, 0 failed."
    assert delivery_files().read(key) == content


def test_more_rows_than_a_piece_are_all_seen() -> None:
    key = stored(png("teal"))
    project = ProjectFactory()
    for _ in range(70):
        ProgressionFactory(project=project, generated_image_r2_key=key)
    assert report("rebuild_hashes") == "70 looked at: 70 written, 0 right already, 0 failed."
    assert Variant.objects.count() == 0
