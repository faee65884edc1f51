"""Answers that still need `finish`, answers found after a crash, and costs: each paid call is booked once."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from PIL import Image

from dali.lib.calls.answers.usage import Unit, Usage
from dali.lib.calls.failures import VendorError
from dali.lib.logs import hide
from dali.lib.objects.storage import originals
from dali.lib.pictures.images import decode
from progressions.enums import Code, Kind
from progressions.errors import ProviderError
from progressions.models import Charge, Cooldown, ImageProgression, Job, Step, Variant
from progressions.money.receipts import Receipt
from progressions.pipeline import tools, writes
from progressions.provider import ProviderImage
from progressions.work import claim_sql
from progressions.work.steps import Journal
from tests.progressions.conftest import told, work_all
from tests.progressions.fakes import FakeProvider, picture_bytes
from tests.progressions.pipeline.test_resume import Killed, die, restart

Submit = Callable[..., Job]
USAGE = Usage("openai", "gpt-image-2.6-flare", {Unit.TEXT_INPUT: 100, Unit.IMAGE_OUTPUT: 1000})


def charges(job: Job) -> list[tuple[str, int, Decimal | None, bool]]:
    return [
        (charge.purpose, charge.attempt, charge.usd, charge.is_possible)
        for charge in Charge.objects.filter(job=job).order_by("id")
    ]


def make_due() -> None:
    Cooldown.objects.all().delete()
    Variant.objects.update(not_before=timezone.now() - timedelta(seconds=1))


# --- finish


@pytest.fixture
def finishing(fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> FakeProvider:
    """The fake provider, whose `finish` turns pictures upside down."""
    monkeypatch.setattr(FakeProvider, "finishes", frozenset({Kind.GENERATE}))
    return fake_provider


def upside_down(content: bytes) -> bytes:
    buffer = io.BytesIO()
    decode(content).image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(buffer, "PNG")
    return buffer.getvalue()


def test_an_answer_to_be_finished_is_stored_first_and_its_image_after_it(
    submit: Submit, finishing: FakeProvider
) -> None:
    job = submit(seed=5)
    work_all()
    variant = job.variants.get()
    assert variant.status == "complete"
    raw = picture_bytes(5)
    assert originals().read(tools.answer_key(variant)) == raw
    assert originals().read(variant.original_key) == upside_down(raw)
    assert variant.original_key == tools.original_key(variant)


@pytest.mark.parametrize("point", ["finish_answer", "put_finished"])
def test_an_answer_whose_finish_was_killed_is_finished_and_not_requested_again(
    point: str, submit: Submit, finishing: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    finishing.usage, finishing.cost = USAGE, Decimal("0.04")
    job = submit(seed=5)
    if point == "finish_answer":
        monkeypatch.setattr(tools, "finish_answer", die)
    else:
        monkeypatch.setattr(Journal, "answer", die)
    with pytest.raises(Killed):
        work_all()
    restart(monkeypatch)
    monkeypatch.setattr(FakeProvider, "finishes", frozenset({Kind.GENERATE}))
    work_all()
    variant = job.variants.get()
    assert (variant.status, len(finishing.requests), variant.attempts) == ("complete", 1, 1)
    assert (variant.cost_usd, variant.possibly_billed) == (Decimal("0.04"), 0)
    assert charges(job) == [("image", 1, Decimal("0.04"), False)]
    assert originals().read(variant.original_key) == upside_down(picture_bytes(5))


def test_an_answer_that_cannot_be_finished_is_discarded_paid_and_requested_once_more(
    submit: Submit, finishing: FakeProvider
) -> None:
    whole = picture_bytes(1, (200, 200))
    middle = len(whole) // 2
    finishing.script = [whole[:middle] + b"\0" * 400 + whole[middle + 400 :]]
    job = submit()
    work_all()
    variant = job.variants.get()
    assert (variant.status, variant.cost_usd) == ("running", Decimal("0.01"))
    assert tools.find_answer(variant) is None
    make_due()
    work_all()
    variant.refresh_from_db()
    assert (variant.status, variant.cost_usd) == ("complete", Decimal("0.02"))
    assert charges(job) == [("image", 1, Decimal("0.01"), False), ("image", 2, Decimal("0.01"), False)]
    steps = Step.objects.filter(owner_id=variant.id, name="generate").order_by("attempt")
    assert [(step.status, step.result.get("code")) for step in steps] == [
        ("failed", "invalid_image"),
        ("ok", None),
    ]


# --- adoption


def test_an_adopted_answer_has_its_cost_model_and_facts(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_provider.usage, fake_provider.cost = USAGE, Decimal("0.0412")
    job = submit(seed=9)
    monkeypatch.setattr(Journal, "answer", die)
    with pytest.raises(Killed):
        work_all()
    assert not Charge.objects.exists()
    restart(monkeypatch)
    work_all()
    variant = job.variants.get()
    assert (variant.status, variant.cost_usd, len(fake_provider.requests)) == (
        "complete",
        Decimal("0.0412"),
        1,
    )
    progression = variant.progression
    assert progression is not None
    assert (progression.model, progression.seed, progression.cost_usd) == ("fake-1", 9, Decimal("0.0412"))
    assert progression.provider_meta["requestId"] == "r-1"
    charge = Charge.objects.get(job=job)
    assert (charge.service, charge.model, charge.usd) == ("openai", "gpt-image-2.6-flare", Decimal("0.0412"))
    assert charge.usage["image_output_tokens"] == 1000


def test_a_note_contains_the_whole_of_a_small_receipt(submit: Submit, fake_provider: FakeProvider) -> None:
    variant = submit().variants.get()
    image = ProviderImage(b"", "m-1", 7, Decimal("0.03"), {"requestId": "r", "revised": "long " * 99}, USAGE)
    note: Any = Receipt.of(image).note(2)
    found = Receipt.found(note, variant)
    assert (found.model, found.seed, found.cost_usd, found.meta) == (
        "m-1",
        7,
        Decimal("0.03"),
        {"requestId": "r"},
    )
    assert found.usage == USAGE
    assert Receipt.found(None, variant) == Receipt(variant.model, variant.seed)


# --- ledger


def test_an_answered_call_is_booked_with_its_step(submit: Submit, fake_provider: FakeProvider) -> None:
    job = submit(variants=2)
    work_all()
    assert charges(job) == [("image", 1, Decimal("0.01"), False)] * 2


def test_a_free_call_leaves_no_row_and_costs_nothing(submit: Submit, fake_provider: FakeProvider) -> None:
    fake_provider.cost = Decimal(0)
    job = submit()
    work_all()
    assert (charges(job), job.variants.get().cost_usd) == ([], Decimal(0))


def test_a_failed_call_that_reports_usage_is_booked(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("progressions.money.receipts.cost_of", lambda usage, on: Decimal("0.002"))
    fake_provider.script = [VendorError("refused", "The safety system said no.", usage=USAGE)]
    job = submit()
    work_all()
    variant = job.variants.get()
    assert (variant.status, variant.code, variant.cost_usd) == ("failed", "refused", Decimal("0.002"))
    assert charges(job) == [("image", 1, Decimal("0.002"), False)]
    assert told()[-1]["costUsd"] == 0.002


def test_a_possibly_billed_call_is_booked_at_its_estimate(
    submit: Submit, fake_provider: FakeProvider
) -> None:
    fake_provider.script = [VendorError("timeout", "No answer in time.", is_possibly_billed=True)]
    job = submit()
    Variant.objects.update(estimate_usd=Decimal("0.05"))
    work_all()
    variant = job.variants.get()
    assert (variant.status, variant.possibly_billed, variant.cost_usd) == ("running", 1, None)
    assert charges(job) == [("image", 1, Decimal("0.05"), True)]
    make_due()
    work_all()
    assert charges(job)[1:] == [("image", 2, Decimal("0.01"), False)]
    assert job.variants.get().cost_usd == Decimal("0.01")


def test_a_call_without_an_answer_is_booked_as_possibly_billed(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit()
    Variant.objects.update(estimate_usd=Decimal("0.05"))
    monkeypatch.setattr(tools, "store_answer", die)
    with pytest.raises(Killed):
        work_all()
    restart(monkeypatch)
    work_all()
    assert charges(job) == [("image", 1, Decimal("0.05"), True), ("image", 2, Decimal("0.01"), False)]


def test_a_call_of_a_dead_worker_of_a_cancelled_job_is_booked_as_possibly_billed(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit()
    Variant.objects.update(estimate_usd=Decimal("0.05"))
    monkeypatch.setattr(tools, "store_answer", die)
    with pytest.raises(Killed):
        work_all()
    restart(monkeypatch)
    writes.cancel_job(job_id=job.id)
    variant = job.variants.get()
    assert (variant.status, variant.possibly_billed) == ("cancelled", 1)
    assert Step.objects.get(owner_id=variant.id, name="generate").status == "unknown"
    assert charges(job) == [("image", 1, Decimal("0.05"), True)]


def test_an_exception_in_a_provider_is_internal_and_possibly_billed(
    submit: Submit, fake_provider: FakeProvider
) -> None:
    fake_provider.script = [KeyError("data")]
    job = submit()
    work_all()
    variant = job.variants.get()
    assert (variant.status, variant.code, variant.possibly_billed) == ("failed", "internal", 1)
    step = Step.objects.get(owner_id=variant.id, name="generate")
    assert (step.status, step.result["code"], step.result["possiblyBilled"]) == ("failed", "internal", True)


def test_a_call_that_was_never_sent_is_not_booked(submit: Submit, fake_provider: FakeProvider) -> None:
    fake_provider.script = [VendorError("provider_error", "No connection.")]
    job = submit()
    work_all()
    assert (charges(job), job.variants.get().possibly_billed) == ([], 0)


def test_a_paid_answer_that_cannot_be_stored_is_booked(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> bytes:
        raise OSError("the disk is gone")

    monkeypatch.setattr(tools, "store_answer", fail)
    job = submit()
    work_all()
    assert (job.variants.get().code, charges(job)) == ("internal", [("image", 1, Decimal("0.01"), False)])


# --- before a call


def test_a_provider_whose_settings_were_removed_is_not_called(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit()
    monkeypatch.setattr(fake_provider, "missing", lambda: ["FAKE_KEY"])
    work_all()
    variant = job.variants.get()
    assert (variant.code, variant.error) == (
        "provider_error",
        "Fake is no longer configured: set FAKE_KEY.",
    )
    assert (variant.attempts, fake_provider.requests) == (0, [])


# --- cooldowns


def test_a_longer_cooldown_is_never_shortened(submit: Submit, fake_provider: FakeProvider) -> None:
    now = timezone.now()
    claim_sql.cool_down("fake", now + timedelta(seconds=60), "long")
    claim_sql.cool_down("fake", now + timedelta(seconds=5), "short")
    cooldown = Cooldown.objects.get(provider="fake")
    assert (cooldown.until, cooldown.reason) == (now + timedelta(seconds=60), "long")
    claim_sql.cool_down("fake", now + timedelta(seconds=90), "longer")
    assert Cooldown.objects.get(provider="fake").reason == "longer"


@pytest.mark.parametrize(("pause_s", "status"), [(150, "running"), (151, "failed")])
def test_a_pause_of_at_most_150_s_is_waited_for(
    pause_s: float, status: str, submit: Submit, fake_provider: FakeProvider
) -> None:
    fake_provider.script = [VendorError("rate_limited", "429", retry_after_s=pause_s)]
    job = submit()
    work_all()
    variant = job.variants.get()
    assert variant.status == status
    assert variant.lease_until is None
    if status == "failed":
        assert (variant.code, variant.retryable) == ("rate_limited", True)
        assert not Cooldown.objects.exists()
    else:
        left_s = (Cooldown.objects.get(provider="fake").until - timezone.now()).total_seconds()
        assert 100 < left_s < 151


def test_the_last_rate_limited_attempt_leaves_a_cooldown_for_the_others(
    submit: Submit, fake_provider: FakeProvider, settings: Any
) -> None:
    settings.MAX_ATTEMPTS = 1
    fake_provider.script = [VendorError("rate_limited", "429", retry_after_s=30)]
    job = submit(variants=2)
    work_all()
    assert [variant.status for variant in job.variants.order_by("index")] == ["failed", "queued"]
    assert len(fake_provider.requests) == 1


def test_a_plain_error_of_a_provider_keeps_its_values(submit: Submit, fake_provider: FakeProvider) -> None:
    fake_provider.script = [ProviderError(Code.QUOTA, "No funds.")]
    job = submit()
    work_all()
    assert (job.variants.get().code, job.variants.get().error) == ("quota", "No funds.")


def test_a_key_that_a_service_repeats_in_its_answer_is_not_stored(
    submit: Submit, fake_provider: FakeProvider
) -> None:
    hide("key-of-a-test-0123456789")
    fake_provider.meta = {
        "revised_prompt": "a barn, drawn for key-of-a-test-0123456789",
        "headers": {"Authorization": "Bearer abc.def", "echo": ["Authorization: Bearer abc.def"]},
        "start_image_at": [0, 16],
    }
    job = submit()
    work_all()
    meta = ImageProgression.objects.get().provider_meta
    assert {name: meta[name] for name in fake_provider.meta} == {
        "revised_prompt": "a barn, drawn for ***",
        "headers": {"Authorization": "***", "echo": ["Authorization: Bearer ***"]},
        "start_image_at": [0, 16],
    }
    key = job.variants.get().original_key
    stored = [*Step.objects.values_list("result", flat=True), originals().read_note(key)]
    assert "key-of-a-test-0123456789" not in json.dumps(stored, default=str)
