"""The objects that the storages hold for a project, as the archive manifest lists them."""

import hashlib

from artifacts.making.gathering import gather
from dali.lib.objects.storage import delivery_files, originals
from progressions.delivered_files import file_key
from progressions.models import ImageProgression
from projects.models import Project
from tests.artifacts.materials import original
from tests.factories import JobFactory, VariantFactory


def test_originals_are_listed_with_size_digest_and_row(shown: Project) -> None:
    images = list(ImageProgression.objects.order_by("generated_image_r2_key"))
    found = [one for one in gather(title="", project_ids=[shown.pk]).objects() if one.storage == "originals"]
    assert [(one.key, one.size_bytes, one.sha256, one.row) for one in found] == [
        (
            image.generated_image_r2_key,
            len(original(number)),
            hashlib.sha256(original(number)).hexdigest(),
            f"image_progressions/{image.pk}",
        )
        for number, image in enumerate(images)
    ]
    assert [one.media_type for one in found] == ["image/png", "image/jpeg", "image/png"]


def test_start_images_masks_and_skipped_variants_are_listed_too(shown: Project) -> None:
    job = JobFactory(project=shown, start_image_key="project/p/start", mask_key="project/p/mask")
    variant = VariantFactory(job=job, original_key="project/p/skipped")
    originals().put_once("project/p/start", original(0), media_type="image/png")
    rows = {one.key: one for one in gather(title="", project_ids=[shown.pk]).objects()}
    assert rows["project/p/start"].row == f"jobs/{job.pk}"
    assert not rows["project/p/start"].is_missing
    assert rows["project/p/mask"].is_missing
    assert rows["project/p/skipped"].row == f"variants/{variant.pk}"


def test_delivery_images_are_listed_by_key_when_this_server_has_them(shown: Project) -> None:
    sha256 = "a" * 64
    delivery_files().put_once(file_key(sha256), b"webp", media_type="image/webp")
    addresses = [
        f"/images/{sha256}.webp", f"/images/{'b' * 64}.webp", f"https://other.example/images/{'c' * 64}.webp"
    ]  # fmt: skip
    for image, address in zip(ImageProgression.objects.order_by("pk"), addresses, strict=True):
        ImageProgression.objects.filter(pk=image.pk).update(generated_image_url=address)
    found = gather(title="", project_ids=[shown.pk]).objects()
    assert [
        (one.storage, one.key, one.size_bytes, one.is_missing) for one in found if one.storage != "originals"
    ] == [
        ("delivery", file_key(sha256), 4, False),
        ("delivery", file_key("b" * 64), None, True),
        ("elsewhere", addresses[2], None, False),
    ]
