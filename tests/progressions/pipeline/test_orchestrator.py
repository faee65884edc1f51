"""The life cycle of a variant: its steps, its outcomes, its retries."""

import io
import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from dali.lib.clock import Deadline
from dali.lib.objects.storage import originals
from dali.lib.pictures.images import InvalidImageError
from dali.lib.pictures.phash import VERSION
from progressions.enums import Code, Judgment, Kind
from progressions.errors import JudgeError, ProviderError
from progressions.judge import JudgeRequest, Verdict
from progressions.models import Cooldown, ImageProgression, Job, Step, Variant
from progressions.pipeline import late_judging, tools, writes
from progressions.vendors.local.judge import LocalJudge
from tests.motifs import SHAPES, motif
from tests.progressions.conftest import told, work_all
from tests.progressions.fakes import FakeJudge, FakeProvider, picture_bytes
from tests.progressions.pictures import png

Submit = Callable[..., Job]


def make_due() -> None:
    """Skips the pause before the next attempt."""
    Variant.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    Cooldown.objects.all().delete()


def test_a_variant_runs_through_its_steps_and_publishes_them(submit: Submit) -> None:
    job = submit(seed=7)
    work_all()
    said = [(event["type"], event.get("step")) for event in told()]
    assert said == [
        ("queued", None),
        ("running", None),
        ("progress", "refine"),
        ("progress", "generate"),
        ("progress", "generate"),
        ("progress", "dedupe"),
        ("progress", "deliver"),
        ("progress", "insert"),
        ("judge", None),
        ("complete", None),
        ("complete", None),
    ]
    assert [event["seq"] for event in told()] == list(range(1, 12))
    variant = job.variants.get()
    steps = list(Step.objects.filter(owner_id=variant.id).order_by("id").values_list("name", "status"))
    assert steps == [
        ("refine", "ok"),
        ("generate", "ok"),
        ("dedupe", "ok"),
        ("deliver", "ok"),
        ("insert", "ok"),
        ("judge", "ok"),
    ]


def test_progress_never_falls_and_images_are_shown_as_soon_as_they_exist(submit: Submit) -> None:
    submit()
    work_all()
    progress = [event["progress"] for event in told() if event["type"] == "progress"]
    assert progress == sorted(progress)
    shown = [event for event in told() if event.get("step") in ("deliver", "insert")]
    assert all(event["generatedImageUrl"].startswith("http://testserver/images/") for event in shown)


def test_the_row_of_an_image_records_how_it_was_made(submit: Submit, fake_provider: FakeProvider) -> None:
    job = submit(seed=7, prompt="a lighthouse")
    work_all()
    row = ImageProgression.objects.get()
    variant = job.variants.get()
    assert (row.kind, row.ai_provider, row.model, row.seed) == ("generate", "fake", "fake-1", 7)
    assert (row.prompt, row.job_id, row.variant_index) == ("a lighthouse", job.id, 0)
    assert row.generated_image_r2_key == f"project/{job.project_id}/jobs/{job.id}/orig/0"
    assert row.original_image_r2_key == row.generated_image_r2_key
    assert originals().read(row.generated_image_r2_key) == picture_bytes(7)
    assert (row.width, row.height, row.bytes) == (64, 64, len(picture_bytes(7)))
    assert row.cost_usd == Decimal("0.01")
    assert (row.judgment, row.ai_notes, row.ai_tags) == ("pass", ["Looks right."], ["bright"])
    assert (variant.status, variant.progression_id, variant.progress) == ("complete", row.id, 1.0)


def test_the_last_variant_ends_the_job_with_a_summary(submit: Submit) -> None:
    job = submit(variants=3)
    work_all()
    job.refresh_from_db()
    last = told()[-1]
    assert (job.status, job.remaining) == ("complete", 0)
    assert (last["type"], last["scope"], last["costUsd"]) == ("complete", "job", 0.03)
    assert last["summary"] == {
        "queued": 0, "running": 0, "complete": 3, "failed": 0, "skipped": 0, "cancelled": 0,
    }  # fmt: skip
    assert [event.get("scope") for event in told()].count("job") == 1


def test_seeds_count_up_from_the_given_one(submit: Submit, fake_provider: FakeProvider) -> None:
    submit(variants=3, seed=40)
    work_all()
    assert [request.seed for request in fake_provider.requests] == [40, 41, 42]


@pytest.mark.parametrize("code", [Code.REFUSED, Code.QUOTA])
def test_a_permanent_failure_is_not_retried(code: Code, submit: Submit, fake_provider: FakeProvider) -> None:
    fake_provider.script = [ProviderError(code, "The provider said no.")]
    job = submit()
    work_all()
    variant = job.variants.get()
    assert (variant.status, variant.code, variant.retryable, variant.attempts) == ("failed", code, False, 1)
    fail = told()[-2]
    assert (fail["type"], fail["code"], fail["error"], fail["retryable"]) == (
        "fail", code, "The provider said no.", False,
    )  # fmt: skip
    assert told()[-1]["summary"]["failed"] == 1
    assert len(fake_provider.requests) == 1


@pytest.mark.parametrize("code", [Code.RATE_LIMITED, Code.TIMEOUT, Code.PROVIDER_ERROR])
def test_a_temporary_failure_frees_the_slot_and_is_retried(
    code: Code, submit: Submit, fake_provider: FakeProvider
) -> None:
    fake_provider.script = [ProviderError(code, "Not now.")]
    job = submit()
    assert work_all() == 1
    variant = job.variants.get()
    assert (variant.status, variant.lease_until) == ("running", None)
    again = told()[-1]
    assert (again["type"], again["attempt"], again["error"]) == ("progress", 1, "Not now.")
    assert 700 <= again["retryInMs"] <= 1300
    make_due()
    work_all()
    variant.refresh_from_db()
    assert (variant.status, variant.attempts) == ("complete", 2)
    assert [request.attempt for request in fake_provider.requests] == [1, 2]
    assert [event["type"] for event in told()].count("running") == 1


def test_attempts_are_capped(submit: Submit, fake_provider: FakeProvider, settings: Settings) -> None:
    settings.MAX_ATTEMPTS = 2
    fake_provider.script = [ProviderError(Code.PROVIDER_ERROR, "Broken.")] * 3
    job = submit()
    for _ in range(4):
        work_all()
        make_due()
    variant = job.variants.get()
    assert (variant.status, variant.code, variant.retryable) == ("failed", "provider_error", True)
    assert len(fake_provider.requests) == 2


def test_a_rate_limit_holds_back_every_variant_of_the_provider(
    submit: Submit, fake_provider: FakeProvider
) -> None:
    fake_provider.script = [ProviderError(Code.RATE_LIMITED, "Slow down.", retry_after_s=20)]
    submit(variants=3)
    assert work_all() == 1
    wait = Cooldown.objects.get(provider="fake").until - timezone.now()
    assert timedelta(seconds=18) < wait < timedelta(seconds=21)
    assert told()[-1]["retryInMs"] >= 20_000


def test_a_pause_that_is_too_long_is_not_waited_for(submit: Submit, fake_provider: FakeProvider) -> None:
    fake_provider.script = [ProviderError(Code.RATE_LIMITED, "Come back tomorrow.", retry_after_s=151)]
    job = submit()
    work_all()
    variant = job.variants.get()
    assert (variant.status, variant.code) == ("failed", "rate_limited")


def test_an_answer_that_is_not_a_picture_is_requested_once_more(
    submit: Submit, fake_provider: FakeProvider
) -> None:
    fake_provider.script = [b"<html>sorry</html>", picture_bytes(1)[:-30]]
    job = submit()
    work_all()
    make_due()
    work_all()
    variant = job.variants.get()
    assert (variant.status, variant.code, variant.attempts) == ("failed", "invalid_image", 2)


def test_a_stored_answer_that_does_not_decode_is_discarded(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    derive = tools.derive
    answers = [InvalidImageError("the picture breaks off"), None]

    def derive_second(content: bytes, area: object) -> tools.Derived:
        error = answers.pop(0)
        if error is not None:
            raise error
        return derive(content)

    monkeypatch.setattr(tools, "derive", derive_second)
    job = submit(seed=3)
    work_all()
    variant = job.variants.get()
    assert (variant.status, variant.attempts) == ("complete", 2)
    outcomes = Step.objects.filter(owner_id=variant.id, name="generate").order_by("attempt")
    assert [step.status for step in outcomes] == ["failed", "ok"]


def test_an_exception_fails_only_its_variant_and_reveals_nothing(
    submit: Submit, fake_provider: FakeProvider
) -> None:
    fake_provider.script = [RuntimeError("the key is sk-123")]
    job = submit(variants=2)
    work_all()
    assert [variant.status for variant in job.variants.order_by("number")] == ["failed", "complete"]
    fail = next(event for event in told() if event["type"] == "fail")
    assert (fail["code"], "sk-123" in fail["error"]) == ("internal", False)


def test_a_near_duplicate_is_skipped_and_can_be_kept(submit: Submit, fake_provider: FakeProvider) -> None:
    fake_provider.script = [picture_bytes(1), picture_bytes(1)]
    job = submit(variants=2)
    work_all()
    first, second = job.variants.order_by("number")
    assert (first.status, second.status) == ("complete", "skipped")
    assert (second.duplicate_of_id, second.distance, second.progression_id) == (first.id, 0, None)
    skipped = next(event for event in told() if event.get("skipped"))
    assert (skipped["type"], skipped["scope"], skipped["duplicateOf"], skipped["distance"]) == (
        "complete", "variant", str(first.id), 0,
    )  # fmt: skip
    assert told()[-1]["summary"]["skipped"] == 1
    kept, is_new = writes.keep_variant(variant_id=second.id)
    assert (is_new, kept.variant_index) == (True, 1)
    assert writes.keep_variant(variant_id=second.id) == (kept, False)


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (128, 128, 128)])
def test_transparent_motifs_of_one_colour_are_neither_duplicates_nor_blank(
    submit: Submit, fake_provider: FakeProvider, colour: tuple[int, int, int]
) -> None:
    shapes = [png(motif(shape, colour)) for shape in SHAPES]
    again = io.BytesIO()
    motif("star", colour).save(again, "WEBP", quality=60)
    fake_provider.script = [*shapes, again.getvalue()]
    job = submit(variants=4)
    work_all()
    *different, same = job.variants.order_by("number")
    assert [variant.status for variant in different] == ["complete"] * 3
    assert (same.status, same.duplicate_of_id) == ("skipped", different[1].id)
    assert [len(variant.phash) for variant in different] == [184] * 3
    for variant in different:
        image = variant.progression
        assert image is not None
        assert (image.phash, image.phash_version) == (variant.phash[:64], VERSION)
        assert image.ground == (0 if colour[0] == 255 else 255)
        verdict = LocalJudge().judge(
            JudgeRequest(
                kind=Kind.GENERATE,
                prompt="a motif",
                generated_image=tools.open_picture(image.generated_image_r2_key),
                deadline=Deadline.after(30),
            )
        )
        assert verdict.judgment == Judgment.PASS


def test_duplicates_are_kept_when_the_job_allows_them(submit: Submit, fake_provider: FakeProvider) -> None:
    fake_provider.script = [picture_bytes(1), picture_bytes(1)]
    job = submit(variants=2, allow_duplicates=True)
    work_all()
    assert [variant.status for variant in job.variants.all()] == ["complete", "complete"]


def test_an_exception_in_a_judge_loses_no_image_and_it_is_asked_again(
    submit: Submit, fake_judge: FakeJudge
) -> None:
    fake_judge.verdict = ZeroDivisionError("oops")
    job = submit()
    work_all()
    row = ImageProgression.objects.get()
    assert (job.variants.get().status, row.judgment) == ("complete", None)
    assert row.ai_notes == [
        "Not judged yet: The judge broke (ZeroDivisionError). It will be judged again later."
    ]
    judged = next(event for event in told() if event["type"] == "judge")
    assert (judged["judgment"], judged["notes"]) == (None, row.ai_notes)
    assert late_judging.due_for_judging(10) == []
    ImageProgression.objects.update(judge_due_at=timezone.now() - timedelta(seconds=1))
    fake_judge.verdict = Verdict(Judgment.FAIL, ["Too dark."], ["dark"], "Ask for daylight.")
    assert late_judging.judge_late(row.id)
    row.refresh_from_db()
    assert (row.judgment, row.retry_suggestion, row.judge_due_at) == ("fail", "Ask for daylight.", None)
    late = told()[-1]
    assert (late["type"], late["late"], late["judgment"], late["retrySuggestion"]) == (
        "judge", True, "fail", "Ask for daylight.",
    )  # fmt: skip
    assert not late_judging.judge_late(row.id)


def test_a_hanging_judge_is_not_waited_for(
    submit: Submit, fake_judge: FakeJudge, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()
    settings.JUDGE_TIMEOUT_S = 0.2
    monkeypatch.setattr(fake_judge, "judge", lambda request: let_go.wait(20))
    job = submit()
    work_all()
    let_go.set()
    assert job.variants.get().status == "complete"
    assert ImageProgression.objects.get().judgment is None


def test_a_judge_gives_up_after_five_failures(submit: Submit, fake_judge: FakeJudge) -> None:
    fake_judge.verdict = JudgeError("No idea.")
    submit()
    work_all()
    row = ImageProgression.objects.get()
    for _ in range(6):
        ImageProgression.objects.filter(judge_due_at__isnull=False).update(
            judge_due_at=timezone.now() - timedelta(seconds=1)
        )
        late_judging.judge_late(row.id)
    row.refresh_from_db()
    assert (row.judge_attempts, row.judge_due_at) == (6, None)


def test_an_image_with_deleted_bytes_is_noted_and_judging_stops(
    submit: Submit, fake_judge: FakeJudge
) -> None:
    submit()
    work_all()
    row = ImageProgression.objects.get()
    originals().delete(row.generated_image_r2_key)
    ImageProgression.objects.update(judgment=None)
    late_judging.ask_again(progression_ids=[row.id])
    assert late_judging.judge_late(row.id)
    row.refresh_from_db()
    assert (row.judgment, row.ai_notes, row.judge_attempts) == (
        None, ["Not judged yet: The image could not be opened (FileNotFoundError)."], 1,
    )  # fmt: skip


def test_a_job_that_has_spent_its_money_makes_no_more_calls(
    submit: Submit, fake_provider: FakeProvider
) -> None:
    job = submit(variants=4, max_cost_usd=Decimal("0.02"))
    work_all()
    assert [variant.status for variant in job.variants.order_by("number")] == [
        "complete", "complete", "failed", "failed",
    ]  # fmt: skip
    assert {variant.code for variant in job.variants.filter(status="failed")} == {"budget"}
    assert len(fake_provider.requests) == 2


def test_a_cancelled_job_starts_no_more_variants(submit: Submit, fake_provider: FakeProvider) -> None:
    job = submit(variants=2)
    writes.cancel_job(job_id=job.id)
    writes.cancel_job(job_id=job.id)
    job.refresh_from_db()
    assert (job.status, job.remaining) == ("cancelled", 0)
    assert [event["type"] for event in told()] == ["queued", "queued", "fail", "fail", "complete"]
    assert work_all() == 0
    assert fake_provider.requests == []


def test_a_variant_in_progress_ends_at_its_next_step_when_cancelled(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit()
    fake_provider.before_answer = lambda request: writes.cancel_job(job_id=job.id)
    # A call runs in its own thread, outside of this test's transaction.
    monkeypatch.setattr(tools, "call_listening", lambda seconds, call, hear: call(hear))
    work_all()
    variant = job.variants.get()
    assert (variant.status, variant.code, variant.cost_usd) == ("cancelled", "cancelled", Decimal("0.01"))
    assert told()[-1]["summary"]["cancelled"] == 1
    job.refresh_from_db()
    assert job.status == "cancelled"
