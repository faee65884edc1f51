"""What is accepted as a job and what is refused, before anything is stored or spent."""

from collections.abc import Callable
from typing import Any

import pytest

from dali.lib.errors import ConflictError, InputError
from dali.lib.objects.storage import originals
from progressions.enums import Code, Kind
from progressions.errors import ProviderError
from progressions.models import Event, ImageProgression, Job, Variant
from progressions.pipeline import writes
from progressions.pipeline.intake.submit import JobDraft, retry_job, retry_progression, submit_job
from projects.models import Project
from tests.progressions.conftest import told, work_all
from tests.progressions.fakes import FakeProvider, picture_bytes

Submit = Callable[..., Job]


def test_a_job_is_stored_with_its_variants_and_events(submit: Submit, project: Project) -> None:
    before = project.updated_at
    job = submit(prompt="a boat", variants=2, seed=4, size="64x64", models={"fake": "fake-2"})
    project.refresh_from_db()
    assert (job.status, job.kind, job.prompt, job.remaining, job.ingest) == (
        "queued", "generate", "a boat", 2, "none",
    )  # fmt: skip
    rows = job.variants.order_by("number").values_list(
        "provider", "index", "number", "seed", "model", "status"
    )
    assert list(rows) == [("fake", 0, 0, 4, "fake-2", "queued"), ("fake", 1, 1, 5, "fake-2", "queued")]
    assert [(event["type"], event["variantIndex"]) for event in told()] == [("queued", 0), ("queued", 1)]
    assert project.updated_at > before


def test_variants_without_a_seed_get_different_ones(submit: Submit) -> None:
    job = submit(variants=5)
    assert len(set(job.variants.values_list("seed", flat=True))) == 5


def test_each_variant_can_have_its_own_seed_by_provider(submit: Submit) -> None:
    job = submit(variants=3, seeds={"fake": [2**32 - 1, 5, 0]})
    assert list(job.variants.order_by("number").values_list("seed", flat=True)) == [2**32 - 1, 5, 0]
    assert job.seed is None


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"providers": ("nope",)}, "providers", "'nope' is not known; known: fake"),
    ({"seed": 1, "seeds": {"fake": [1]}}, "seeds", "either seed or seeds"),
    ({"seeds": {"other": [1]}}, "seeds", "'other' is not among"),
    ({"seeds": {"fake": [1, 2]}}, "seeds", "fake has 2 seeds for 1 variants"),
    ({"kind": "edit"}, "startImageUrl", "fake cannot edit without an image"),
    ({"kind": "inpaint", "start_image_url": "https://example.com/a.png"}, "maskImageUrl", "without a mask"),
    ({"mask_image_url": "https://example.com/m.png"}, "maskImageUrl", "takes no mask"),
    ({"kind": "generate", "start_image_url": "https://example.com/a.png"}, "startImageUrl", "no start image"),
    ({"start_image_url": "file:///etc/passwd"}, "startImageUrl", "cannot be used"),
    ({"start_image_url": "http://127.0.0.1/x.png"}, "startImageUrl", "cannot be used"),
    ({"models": {"other": "m"}}, "models.other", "not among"),
    ({"options": {"nope": {}}}, "options.nope", "is not known"),
    ({"options": {"fake": 3}}, "options.fake", "must be an object"),
]


@pytest.mark.parametrize(("fields", "named", "said"), REFUSED)
def test_a_refusal_names_field_and_fix_and_leaves_nothing_behind(
    fields: dict[str, Any], named: str, said: str, submit: Submit
) -> None:
    with pytest.raises(InputError) as refused:
        submit(**fields)
    assert refused.value.field == named
    assert said in str(refused.value)
    assert (Job.objects.count(), Variant.objects.count(), Event.objects.count()) == (0, 0, 0)


def test_a_kind_that_a_provider_does_not_support_is_refused(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeProvider, "kinds", frozenset({Kind.GENERATE}))
    with pytest.raises(InputError, match="fake does not support upscale; it supports generate"):
        submit(kind="upscale", start_image_url="https://example.com/a.png")


def test_a_provider_without_its_settings_is_refused(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeProvider, "missing", lambda self: ["FAKE_KEY"])
    with pytest.raises(InputError, match="'fake' is not configured: set FAKE_KEY"):
        submit()


def test_a_parent_of_another_project_is_refused(submit: Submit) -> None:
    submit()
    work_all()
    image = ImageProgression.objects.get()
    other = Project.objects.create(name="Other")
    draft = JobDraft("x", ("fake",), "s-2", parent_progression_id=image.id)
    with pytest.raises(InputError, match="not a progression of this project"):
        submit_job(project=other, draft=draft)


def test_a_parent_alone_makes_an_edit_of_its_image(submit: Submit, fake_provider: FakeProvider) -> None:
    submit(seed=1)
    work_all()
    image = ImageProgression.objects.get()
    job = submit(prompt="at night", parent_progression_id=image.id)
    assert (job.kind, job.ingest, job.parent_id) == ("edit", "waiting", image.id)
    work_all()
    job.refresh_from_db()
    assert job.ingest == "done"
    assert fake_provider.requests[-1].start_image is not None
    child = ImageProgression.objects.exclude(id=image.id).get()
    assert child.parent_progression_id == image.id
    assert child.original_image_r2_key == f"project/{job.project_id}/jobs/{job.id}/orig/start"


def test_the_url_of_an_image_sets_the_parent(submit: Submit) -> None:
    submit(seed=1)
    work_all()
    image = ImageProgression.objects.get()
    job = submit(prompt="at night", start_image_url=f"http://testserver{image.generated_image_url}")
    assert (job.kind, job.parent_id) == ("edit", image.id)


def test_an_unavailable_start_image_fails_every_variant_before_any_call(
    submit: Submit, fake_provider: FakeProvider
) -> None:
    job = submit(variants=2, start_image_url="https://dali.invalid/a.png")
    work_all()
    assert [(variant.status, variant.code) for variant in job.variants.all()] == [
        ("failed", "unreachable")
    ] * 2
    assert [event["type"] for event in told()] == ["queued", "queued", "fail", "fail", "complete"]
    assert fake_provider.requests == []
    job.refresh_from_db()
    assert (job.status, job.remaining) == ("complete", 0)


def test_retrying_a_job_makes_a_new_one_of_the_failed_variants(
    submit: Submit, fake_provider: FakeProvider
) -> None:
    fake_provider.script = [None, ProviderError(Code.REFUSED, "No.")]
    job = submit(variants=2, seed=10)
    work_all()
    again = retry_job(job=job, session_id="s-2")
    variant = again.variants.get()
    assert (again.retry_of_id, again.session_id, again.remaining) == (job.id, "s-2", 1)
    assert (variant.index, variant.seed, variant.status) == (0, 11, "queued")
    work_all()
    assert again.variants.get().status == "complete"
    with pytest.raises(ConflictError, match="nothing to retry"):
        retry_job(job=again)


def test_retrying_an_image_adds_the_suggestion_to_its_prompt(
    submit: Submit, fake_provider: FakeProvider
) -> None:
    submit(prompt="a lighthouse", seed=1)
    work_all()
    image = ImageProgression.objects.get()
    image.retry_suggestion = "Show more sea."
    image.save()
    job = retry_progression(progression=image, session_id="s-2", variants=2)
    assert (job.prompt, job.kind, job.parent_id, job.ingest) == (
        "a lighthouse\nShow more sea.", "generate", image.id, "none",
    )  # fmt: skip
    assert job.variants.count() == 2
    assert retry_progression(progression=image, session_id="s-2", prompt="a boat").prompt == "a boat"


def test_retrying_an_edit_uses_the_stored_start_image(submit: Submit, fake_provider: FakeProvider) -> None:
    submit(seed=1)
    work_all()
    submit(prompt="at night", parent_progression_id=ImageProgression.objects.get().id)
    work_all()
    edited = ImageProgression.objects.get(kind="edit")
    job = retry_progression(progression=edited, session_id="s-3")
    assert (job.kind, job.ingest, job.start_image_key) == ("edit", "done", edited.original_image_r2_key)
    work_all()
    assert job.variants.get().status == "complete"


def test_rolling_back_shows_the_start_image_again(submit: Submit) -> None:
    submit(seed=1)
    work_all()
    first = ImageProgression.objects.get()
    submit(prompt="at night", parent_progression_id=first.id)
    work_all()
    edited = ImageProgression.objects.get(kind="edit")
    back = writes.roll_back(progression=edited)
    assert (back.kind, back.parent_progression_id, back.prompt, back.judgment) == (
        "rollback", edited.id, "at night", None,
    )  # fmt: skip
    assert back.generated_image_url == edited.start_image_delivery_url
    assert back.generated_image_r2_key == edited.original_image_r2_key
    assert (back.width, back.bytes) == (64, len(picture_bytes(1)))
    own = writes.roll_back(progression=first)
    assert own.generated_image_r2_key == first.generated_image_r2_key
    with pytest.raises(ConflictError, match="no provider made this image"):
        retry_progression(progression=back, session_id="s-1")


def test_rolling_back_to_deleted_bytes_is_a_conflict(submit: Submit) -> None:
    submit(seed=1)
    work_all()
    submit(prompt="at night", parent_progression_id=ImageProgression.objects.get().id)
    work_all()
    edited = ImageProgression.objects.get(kind="edit")
    originals().delete(edited.original_image_r2_key)
    with pytest.raises(ConflictError, match="is gone from its storage"):
        writes.roll_back(progression=edited)
