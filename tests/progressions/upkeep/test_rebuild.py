"""`manage.py rebuild_hashes` and `rebuild_delivery`: rows and files rebuilt from the originals."""

import io
import uuid

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from dali.lib.objects.storage import delivery_files, originals, uploads
from dali.lib.pictures import phash
from dali.lib.pictures.images import decode
from progressions.delivered_files import file_key
from progressions.models import HashBands, ImageProgression, Job, Upload, Variant
from progressions.pipeline.duplicates import find_nearest, reserve
from progressions.upkeep import rebuild
from tests.factories import JobFactory, ProgressionFactory, ProjectFactory, VariantFactory
from tests.motifs import motif

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


def test_a_lost_index_row_is_written_again() -> None:
    job = JobFactory()
    VariantFactory(job=job, progression=image("teal", project=job.project), status="complete")
    report("rebuild_hashes")
    HashBands.objects.all().delete()
    assert report("rebuild_hashes") == "1 looked at: 1 written, 0 right already, 0 failed."
    assert HashBands.objects.count() == 1


def test_only_the_repainted_part_of_an_inpaint_is_hashed() -> None:
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


def test_an_image_that_cannot_be_hashed_is_counted_and_stops_no_other() -> None:
    ProgressionFactory(generated_image_r2_key=stored(b"<svg/>"))
    ProgressionFactory(generated_image_r2_key="project/p/jobs/none/orig/0")
    good = image("navy")
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 could not be made"):
        call_command("rebuild_hashes", stdout=out)
    assert out.getvalue().strip() == (
        "3 looked at: 1 written, 0 right already, 1 failed, 1 skipped because their originals are gone."
    )
    good.refresh_from_db()
    assert good.phash == phash.fingerprint(decode(png("navy")))


def test_a_missing_original_fails_nothing_and_keeps_its_old_fingerprint() -> None:
    row = ProgressionFactory(generated_image_r2_key="project/p/jobs/none/orig/0", phash="a" * 64)
    assert report("rebuild_hashes") == (
        "1 looked at: 0 written, 0 right already, 0 failed, 1 skipped because their originals are gone."
    )
    row.refresh_from_db()
    assert (row.phash, row.phash_version) == ("a" * 64, None)


def made_by_an_earlier_version(content: bytes, **fields: object) -> tuple[ImageProgression, Variant]:
    """An image, its variant and its reservation from before versions were stored."""
    job = JobFactory(**fields)
    row = ProgressionFactory(
        project=job.project, job=job, generated_image_r2_key=stored(content), phash="f" * 64
    )
    variant = VariantFactory(job=job, progression=row, status="complete")
    reserve(variant=variant, phash="f" * 64)
    Variant.objects.filter(id=variant.id).update(phash_version=None)
    return row, variant


def test_old_fingerprints_are_updated_and_found_again() -> None:
    row, variant = made_by_an_earlier_version(png("teal"))
    wanted = phash.fingerprint(decode(png("teal")))
    later = VariantFactory(job=JobFactory(project=row.project), status="running")
    assert find_nearest(variant=later, phash=wanted, max_distance=7) is None
    assert find_nearest(variant=later, phash="f" * 64, max_distance=7) is None
    assert report("rebuild_hashes") == "1 looked at: 1 written, 0 right already, 0 failed."
    match = find_nearest(variant=later, phash=wanted, max_distance=0)
    assert match is not None
    assert match.variant_id == variant.id
    row.refresh_from_db()
    assert (row.phash, row.phash_version) == (wanted, phash.VERSION)


def test_a_transparent_image_keeps_its_alpha_in_the_variant_and_64_digits_in_the_image() -> None:
    row, variant = made_by_an_earlier_version(motif_png("star"))
    report("rebuild_hashes")
    wanted = phash.fingerprint(decode(motif_png("star")))
    row.refresh_from_db()
    variant.refresh_from_db()
    assert len(wanted) == 184
    assert (row.phash, variant.phash) == (wanted[:64], wanted)
    assert row.ground == 0  # black, for a white motif
    assert report("rebuild_hashes") == "1 looked at: 0 written, 1 right already, 0 failed."


def motif_png(shape: str) -> bytes:
    buffer = io.BytesIO()
    motif(shape, (255, 255, 255)).save(buffer, "PNG")
    return buffer.getvalue()


def test_current_fingerprints_are_read_again_only_with_all() -> None:
    rows = [made_by_an_earlier_version(png(colour))[0] for colour in ("teal", "navy", "gold")]
    report("rebuild_hashes")
    for row in rows[:2]:
        originals().delete(row.generated_image_r2_key)
    assert report("rebuild_hashes") == "3 looked at: 0 written, 3 right already, 0 failed."
    assert report("rebuild_hashes", "--all") == (
        "3 looked at: 0 written, 1 right already, 0 failed, 2 skipped because their originals are gone."
    )


@pytest.mark.parametrize("kind", ["generate", "edit"])
def test_a_stopped_run_is_resumed(kind: str) -> None:
    for _ in range(5):
        made_by_an_earlier_version(png("teal"), kind=kind)

    def stop_after_two(counts: rebuild.RebuildCounts) -> None:
        if counts.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild.rebuild_hashes(None, stop_after_two)
    assert Variant.objects.filter(phash_version=phash.VERSION).count() == 2
    assert report("rebuild_hashes") == "5 looked at: 3 written, 2 right already, 0 failed."


def test_a_current_image_with_an_outdated_variant_is_hashed_again() -> None:
    row, variant = made_by_an_earlier_version(png("teal"))
    wanted = phash.fingerprint(decode(png("teal")))
    ImageProgression.objects.filter(id=row.id).update(phash=wanted, phash_version=phash.VERSION)
    assert report("rebuild_hashes") == "1 looked at: 1 written, 0 right already, 0 failed."
    variant.refresh_from_db()
    assert (variant.phash, variant.phash_version) == (wanted, phash.VERSION)


@pytest.mark.parametrize("images", [1, 3])
def test_the_query_count_for_current_rows_is_constant(images: int, django_assert_num_queries: object) -> None:
    for _ in range(images):
        made_by_an_earlier_version(png("teal"))
    report("rebuild_hashes")
    with django_assert_num_queries(5):  # type: ignore[operator]
        rebuild.rebuild_hashes(None, lambda _: None)


def test_a_single_project_can_be_rebuilt() -> None:
    ours, other = image("teal"), image("navy")
    assert report("rebuild_hashes", "--project", str(ours.project_id)).startswith("1 looked at: 1 written")
    other.refresh_from_db()
    assert other.phash == ""


@pytest.mark.parametrize("command", ["rebuild_hashes", "rebuild_delivery"])
@pytest.mark.parametrize(
    ("value", "reason"), [("nonsense", "is not a project id"), (str(uuid.UUID(int=1)), "there is no project")]
)
def test_an_unknown_project_is_refused(command: str, value: str, reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        call_command(command, "--project", value)


def test_missing_delivery_images_are_made_and_their_urls_stored() -> None:
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


def test_a_lost_file_is_restored_under_its_url() -> None:
    row = image("teal")
    report("rebuild_delivery")
    row.refresh_from_db()
    key = file_key(row.generated_image_url.removeprefix("/images/").removesuffix(".webp"))
    content = delivery_files().read(key)
    delivery_files().delete(key)
    assert report("rebuild_delivery") == "1 looked at: 1 written, 0 right already, 0 failed."
    assert delivery_files().read(key) == content


def test_more_rows_than_one_batch_are_all_processed() -> None:
    key = stored(png("teal"))
    project = ProjectFactory()
    for _ in range(70):
        ProgressionFactory(project=project, generated_image_r2_key=key)
    assert report("rebuild_hashes") == "70 looked at: 70 written, 0 right already, 0 failed."
    assert Variant.objects.count() == 0
