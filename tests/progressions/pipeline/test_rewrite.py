"""Prompts rewritten by a text model: one call for all variants that need the same, and the tips' words if it fails."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from dali.lib.calls.answers.usage import Usage
from dali.lib.calls.failures import VendorError
from dali.lib.errors import DaliError
from knowledgebase.models import Price, Tip
from knowledgebase.refine import TipText
from progressions.enums import Purpose
from progressions.models import Charge, Job, Rewrite, Step, Variant
from progressions.money import ledger
from progressions.pipeline.rewrite import checked, refine_prompt
from progressions.text_model import TextRequest, text_models
from progressions.upkeep import pruning
from tests.progressions.conftest import told, work_all
from tests.progressions.fake_models import WRITTEN, FakeTextModel
from tests.progressions.fakes import FakeProvider
from tests.vendors.configured import configure
from tests.waiting import PATIENCE_S

Submit = Callable[..., Job]
NEW = "A lighthouse at dusk, in soft light."
LIGHT = TipText("fake.light", "soft window light", (), (), 1, "Say where the light comes from.")
NIGHT = TipText("fake.night", "under the stars", (), ("night",), 2, "Name what shines.")


@pytest.fixture
def model(settings: Settings) -> Iterator[FakeTextModel]:
    """The text model that refines prompts."""
    settings.REFINER, settings.DEFAULT_MODEL_REASONING = "model", "fake:writer-1"
    with text_models.register_temporarily(FakeTextModel()) as fake:
        assert isinstance(fake, FakeTextModel)
        yield fake


@pytest.fixture
def _tip(db: None) -> None:
    value = {"guidance": LIGHT.guidance, "addition": LIGHT.addition, "kinds": [], "keywords": []}
    Tip.objects.create(key=LIGHT.key, provider="fake", value=value, position=1)


def variant_of(submit: Submit) -> Variant:
    return submit().variants.get()


def test_a_model_rewrites_the_prompt_by_the_guidance_of_the_tips_that_fit(
    submit: Submit, model: FakeTextModel
) -> None:
    refined = refine_prompt(variant_of(submit), "a lighthouse at dusk", [LIGHT, NIGHT])
    assert (refined.prompt, refined.tips, refined.model, refined.reason) == (
        NEW,
        (LIGHT,),
        "fake:writer-1",
        "",
    )
    (request,) = model.requests
    assert (request.model, request.text) == ("writer-1", "a lighthouse at dusk")
    assert "- Say where the light comes from. (for example: soft window light)" in request.instructions
    assert "Name what shines." not in request.instructions
    assert "a lighthouse at dusk" not in request.instructions


def test_the_same_prompt_is_rewritten_and_charged_once(submit: Submit, model: FakeTextModel) -> None:
    first, second = submit(variants=2).variants.all()
    prompts = [refine_prompt(variant, "a lighthouse", [LIGHT]).prompt for variant in (first, second)]
    assert prompts == [NEW, NEW]
    assert len(model.requests) == 1
    charge = Charge.objects.get()
    assert (charge.purpose, charge.service, charge.model) == (Purpose.REFINE, "fake", "writer-1")
    assert (charge.job_id, charge.variant_id) == (first.job_id, first.id)
    assert Rewrite.objects.get().usage == WRITTEN.as_json()


@pytest.mark.parametrize(
    ("prompt", "tips", "named"),
    [
        ("a barn", [LIGHT], "fake:writer-1"),
        ("a lighthouse", [TipText(LIGHT.key, LIGHT.addition, (), (), 1, "Another.")], "fake:writer-1"),
        ("a lighthouse", [LIGHT], "fake:writer-2"),
    ],
)
def test_another_prompt_tip_or_model_is_another_call(
    prompt: str, tips: list[TipText], named: str, submit: Submit, model: FakeTextModel, settings: Settings
) -> None:
    variant = variant_of(submit)
    refine_prompt(variant, "a lighthouse", [LIGHT])
    settings.DEFAULT_MODEL_REASONING = named
    refine_prompt(variant, prompt, tips)
    assert len(model.requests) == 2


FAILURES = {
    "a failing service": (VendorError("provider_error", "Fake: 503"), "Fake: 503", 0),
    "a paid failure": (VendorError("provider_error", "Fake: no JSON", usage=WRITTEN), "Fake: no JSON", 1),
    "a refusal": (VendorError("refused", "Fake refused."), "Fake refused.", 0),
    "a mistake of the plug-in": (ZeroDivisionError("oops"), "fake broke (ZeroDivisionError).", 0),
    "no prompt": ({"text": "x"}, "The model's answer holds no prompt.", 1),
    "another type": ({"prompt": ["x"]}, "The model's answer holds no prompt.", 1),
    "nothing": ({"prompt": " \n "}, "The model's prompt is empty.", 1),
    "control characters": ({"prompt": "a\x1b[2J barn"}, "The model's prompt holds control characters.", 1),
    "an essay": ({"prompt": "barn " * 600}, "The model's prompt is too long (2999 characters).", 1),
    "talk": (
        {"prompt": "Here is the rewritten prompt: a barn"},
        "The model's prompt speaks about the task.",
        1,
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_when_the_model_fails_the_tips_words_are_added_and_the_reason_is_stored(
    failure: str, submit: Submit, model: FakeTextModel
) -> None:
    answer, reason, charges = FAILURES[failure]
    assert isinstance(answer, dict | Exception)
    model.script = [answer]
    refined = refine_prompt(variant_of(submit), "a lighthouse", [LIGHT])
    assert (refined.prompt, refined.tips) == ("a lighthouse, soft window light", (LIGHT,))
    assert (refined.model, refined.reason) == ("", reason)
    assert Charge.objects.filter(purpose=Purpose.REFINE, is_possible=False).count() == charges
    row = Rewrite.objects.get()
    assert (row.text, row.fault) == ("", reason)


def test_a_rewrite_that_has_just_failed_is_not_retried_by_the_next_variant(
    submit: Submit, model: FakeTextModel
) -> None:
    model.script = [VendorError("provider_error", "Fake: 503")]
    variant = variant_of(submit)
    reasons = [refine_prompt(variant, "a lighthouse", [LIGHT]).reason for _ in range(3)]
    assert (reasons, len(model.requests)) == (["Fake: 503"] * 3, 1)
    Rewrite.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    assert refine_prompt(variant, "a lighthouse", [LIGHT]).prompt == NEW
    assert not Charge.objects.filter(is_possible=True).exists()


def test_a_hanging_model_is_not_waited_for(submit: Submit, model: FakeTextModel, settings: Settings) -> None:
    settings.REFINER_TIMEOUT_S = 0.2
    let_go = threading.Event()
    model.before_answer = lambda request: bool(let_go.wait(20))
    refined = refine_prompt(variant_of(submit), "a lighthouse", [LIGHT])
    let_go.set()
    assert refined.prompt == "a lighthouse, soft window light"
    assert refined.reason == "fake gave no answer within 0.2 s."
    assert_possibly_billed(Charge.objects.get())


def assert_possibly_billed(charge: Charge) -> None:
    """Checks the charge of a call to the fake model that was never answered: priced at its estimate."""
    assert (charge.purpose, charge.service, charge.model) == (Purpose.REFINE, "fake", "writer-1")
    assert (charge.is_possible, charge.usage, charge.usd) == (True, {}, None)


def test_a_call_whose_answer_was_lost_is_possibly_billed_at_its_estimate(
    submit: Submit, model: FakeTextModel
) -> None:
    for unit, usd in (("text_input_tokens", "1"), ("text_output_tokens", "10")):
        Price.objects.create(
            service="fake", model="writer-1", unit=unit, usd=usd, per=1000, source="x", read_on="2026-11-01"
        )
    model.script = [VendorError("provider_error", "Fake: cut", is_possibly_billed=True)]
    job = submit()
    refine_prompt(job.variants.get(), "a lighthouse", [LIGHT])
    (request,) = model.requests
    tokens_in = (len(request.instructions) + len(request.text)) // 4
    charge = Charge.objects.get()
    assert (charge.is_possible, charge.job_id) == (True, job.id)
    assert charge.usd == Decimal(tokens_in) / 1000 + Decimal("2.03")
    spent = ledger.spent_by_job(job.id)
    assert (spent.possible, spent.possible_usd, spent.at_most) == (1, charge.usd, charge.usd)


def test_a_rewrite_in_progress_in_another_process_is_waited_for(
    submit: Submit, model: FakeTextModel, settings: Settings
) -> None:
    variant = variant_of(submit)
    refine_prompt(variant, "a lighthouse", [LIGHT])
    Rewrite.objects.update(text="", lease_until=timezone.now() + timedelta(seconds=60))
    settings.REFINER_TIMEOUT_S = 0.5
    assert refine_prompt(variant, "a lighthouse", [LIGHT]).reason == (
        "Another variant was still waiting for the same text."
    )
    looks: list[int] = []

    def answer_elsewhere() -> None:
        looks.append(1)
        if len(looks) == 3:
            Rewrite.objects.update(text="Written elsewhere.", lease_until=None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("progressions.pipeline.rewrite.release_db_connection", answer_elsewhere)
        settings.REFINER_TIMEOUT_S = 20
        assert refine_prompt(variant, "a lighthouse", [LIGHT]).prompt == "Written elsewhere."
    assert len(model.requests) == 1


def test_the_rewrite_of_a_dead_process_is_taken_over_and_its_call_possibly_billed(
    submit: Submit, model: FakeTextModel
) -> None:
    variant = variant_of(submit)
    refine_prompt(variant, "a lighthouse", [LIGHT])
    Charge.objects.all().delete()
    Rewrite.objects.update(text="", usage={}, lease_until=timezone.now() - timedelta(seconds=1))
    assert refine_prompt(variant, "a lighthouse", [LIGHT]).prompt == NEW
    unseen, paid = Charge.objects.order_by("id")
    assert_possibly_billed(unseen)
    assert (paid.is_possible, Rewrite.objects.get().text) == (False, NEW)


@pytest.mark.parametrize(
    ("named", "reason"),
    [("", "No text model is set."), ("nobody:x", "DEFAULT_MODEL_REASONING='nobody:x' does not name")],
)  # fmt: skip
def test_without_a_usable_model_the_tips_are_applied(
    named: str, reason: str, submit: Submit, model: FakeTextModel, settings: Settings
) -> None:
    settings.DEFAULT_MODEL_REASONING = named
    refined = refine_prompt(variant_of(submit), "a lighthouse", [LIGHT])
    assert refined.prompt == "a lighthouse, soft window light"
    assert refined.reason.startswith(reason)


def test_no_call_is_made_when_no_tip_fits_or_the_prompt_is_long(submit: Submit, model: FakeTextModel) -> None:
    variant = variant_of(submit)
    assert refine_prompt(variant, "a lighthouse", [NIGHT]).reason == "No tip fits this prompt."
    assert refine_prompt(variant, "x" * 6001, [LIGHT]).reason == "The prompt has more than 6000 characters."
    assert model.requests == []


def test_no_call_is_made_when_tips_refine(submit: Submit, model: FakeTextModel, settings: Settings) -> None:
    settings.REFINER = "tips"
    refined = refine_prompt(variant_of(submit), "a lighthouse", [LIGHT])
    assert (refined.prompt, refined.record()) == ("a lighthouse, soft window light", {"tips": ["fake.light"]})
    assert model.requests == []


@pytest.mark.django_db(transaction=True)
def test_simultaneous_variants_wait_for_one_call(submit: Submit, model: FakeTextModel) -> None:
    variants = list(submit(variants=6).variants.all())
    waiting = threading.Barrier(len(variants))
    own: list[BaseDatabaseWrapper] = []
    held: list[bool] = []

    def look_around(request: TextRequest) -> None:
        threading.Event().wait(0.3)
        held.extend(wrapper.connection is not None for wrapper in own)

    def refine_one(variant: Variant) -> str:
        own.append(connections["default"])
        waiting.wait(PATIENCE_S)
        try:
            return refine_prompt(variant, "a lighthouse", [LIGHT]).prompt
        finally:
            connection.close()

    model.before_answer = look_around
    with ThreadPoolExecutor(len(variants)) as pool:
        prompts = list(pool.map(refine_one, variants))
    assert prompts == [NEW] * 6
    assert (len(model.requests), Charge.objects.count(), Rewrite.objects.count()) == (1, 1, 1)
    if connection.vendor != "sqlite":  # which has no pool
        assert held == [False] * 6


@pytest.mark.usefixtures("_tip")
def test_a_job_is_made_with_the_new_prompt(
    submit: Submit, model: FakeTextModel, fake_provider: FakeProvider
) -> None:
    job = submit(variants=2)
    work_all()
    assert [request.prompt for request in fake_provider.requests] == [NEW, NEW]
    assert [variant.refined_prompt for variant in job.variants.all()] == [NEW, NEW]
    running = [event for event in told() if event["type"] == "running"]
    tips = [{"key": "fake.light", "addition": "soft window light"}]
    assert [(event["refinedPrompt"], event["tips"]) for event in running] == [(NEW, tips), (NEW, tips)]
    for step in Step.objects.filter(name="refine"):
        assert step.result == {"tips": ["fake.light"], "model": "fake:writer-1"}
    assert len(model.requests) == 1


@pytest.mark.usefixtures("_tip")
def test_a_job_continues_without_the_model_and_its_step_says_why(
    submit: Submit, model: FakeTextModel, fake_provider: FakeProvider
) -> None:
    model.script = [VendorError("timeout", "Fake: too slow")]
    job = submit()
    work_all()
    assert [request.prompt for request in fake_provider.requests] == ["a lighthouse, soft window light"]
    assert job.variants.get().status == "complete"
    assert Step.objects.get(name="refine").result == {"tips": ["fake.light"], "reason": "Fake: too slow"}


@pytest.mark.django_db
def test_a_rewrite_is_kept_for_a_month() -> None:
    old = Rewrite.objects.create(digest="a", text="x", created_at=timezone.now() - timedelta(days=31))
    new = Rewrite.objects.create(digest="b", text="y", created_at=timezone.now() - timedelta(days=29))
    pruning.tidy()
    assert list(Rewrite.objects.all()) == [new]
    assert str(old) == "x"


@pytest.mark.parametrize(
    ("said", "prompt", "text"),
    [
        ("  A barn.\r\n", "a barn", "A barn."),
        ('"A red barn"', "a barn", "A red barn"),
        ('"Go" in neon', 'the word "Go"', '"Go" in neon'),
        ("```\nA barn\n```", "a barn", "A barn"),
        ("Here is a barn prompt, in oil", "here is a barn prompt", "Here is a barn prompt, in oil"),
        ("Okapi in a field", "okapi", "Okapi in a field"),
    ],
)
def test_an_answer_is_used_without_its_wrapping(said: str, prompt: str, text: str) -> None:
    assert checked({"prompt": said}, prompt) == text


@pytest.mark.parametrize(
    ("said", "prompt"),
    [
        ("Sure! A red barn in a field.", "a barn"),
        ("I'm sorry, but I can't help with that.", "a barn"),
        ("Rewritten prompt: a barn", "a barn"),
        ("As an AI, I would paint a barn", "a barn"),
        ("A barn with a sign", 'a barn with the sign "EGGS TODAY"'),
        ("A barn with the sign \u201cEggs\u201d", "a barn with the sign \u201cEGGS\u201d"),
    ],
)
def test_an_answer_about_the_task_or_without_the_quoted_words_is_refused(said: str, prompt: str) -> None:
    with pytest.raises(DaliError):
        checked({"prompt": said}, prompt)


@given(st.dictionaries(st.sampled_from(["prompt", "x"]), st.text() | st.integers() | st.none()), st.text())
def test_any_answer_is_a_complete_prompt_or_refused(data: dict[str, object], prompt: str) -> None:
    try:
        text = checked(data, prompt, Usage("fake", "writer-1"))
    except DaliError as error:
        assert str(error)
    else:
        assert text == text.strip()
        assert 0 < len(text) <= 40_000
        assert "\x00" not in text


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("openai", "gpt-5.4-mini"),
        ("gemini", "gemini-3.8-flash"),
        ("workers", "@cf/meta/llama-3.3-70b-instruct-fp8-fast"),
    ],
)
@pytest.mark.usefixtures("_tip")
def test_every_service_rewrites_prompts(
    name: str, named: str, submit: Submit, settings: Settings, request: pytest.FixtureRequest
) -> None:
    server: Any = configure(request, name)
    if name == "workers":
        server.text = {"prompt": NEW}
    settings.REFINER, settings.DEFAULT_MODEL_REASONING = "model", named
    job = submit()
    work_all()
    assert job.variants.get().status == "complete"
    kept = Step.objects.get(name="refine").result
    assert kept == {"tips": ["fake.light"], "model": f"{name}:{named}"}
    charge = Charge.objects.get(purpose=Purpose.REFINE)
    assert (charge.service, charge.model) == (name, named)
    assert Rewrite.objects.get().text == job.variants.get().refined_prompt
