"""Prices: the cost of a usage on a day, the initial fixture, and that a curator's change applies at once."""

from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from dali.lib.calls.answers.usage import Unit, Usage
from knowledgebase.models import Price
from knowledgebase.price_page import prices_page
from knowledgebase.pricing import cost_of, quote
from knowledgebase.services import fixture_rows
from tests.factories import PriceFactory

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 22)
IMAGES = Usage("openai", "painter-1", {Unit.TEXT_INPUT: 100, Unit.IMAGE_OUTPUT: 4000})


def price(unit: str, usd: str, **fields: object) -> Price:
    return PriceFactory(unit=unit, usd=Decimal(usd), **fields)


def seed(*arguments: str) -> str:
    """The output about prices."""
    out = StringIO()
    call_command("seed", *arguments, stdout=out)
    return out.getvalue().splitlines()[1]


def test_a_usage_costs_its_units_at_their_prices() -> None:
    price("text_input_tokens", "5")
    price("image_output_tokens", "30")
    assert cost_of(IMAGES, DAY) == Decimal("0.1205")


def test_a_price_per_unit_and_fractions_of_a_unit_are_exact() -> None:
    price("output_tile_steps", "0.00041", per=1)
    assert cost_of(Usage("openai", "painter-1", {Unit.OUTPUT_TILE_STEP: 100}), DAY) == Decimal("0.041")
    half = Usage("openai", "painter-1", {Unit.OUTPUT_TILE_STEP: Decimal("0.5")})
    assert cost_of(half, DAY) == Decimal("0.000205")


def test_a_unit_without_a_price_makes_the_total_unknown() -> None:
    price("image_output_tokens", "30")
    assert cost_of(IMAGES, DAY) is None


def test_an_unused_unit_needs_no_price() -> None:
    price("image_output_tokens", "30")
    used = Usage("openai", "painter-1", {Unit.TEXT_INPUT: 0, Unit.IMAGE_OUTPUT: 1000})
    assert cost_of(used, DAY) == Decimal("0.03")


def test_an_empty_usage_is_unknown_and_not_free() -> None:
    price("image_output_tokens", "30")
    assert cost_of(Usage("openai", "painter-1"), DAY) is None


def test_a_free_unit_costs_nothing() -> None:
    price("images", "0", per=1)
    assert cost_of(Usage("openai", "painter-1", {Unit.IMAGE: 1}), DAY) == 0


@pytest.mark.parametrize(
    ("service", "model"), [("gemini", "painter-1"), ("openai", "painter-2"), ("openai", "Painter-1")]
)
def test_a_price_applies_to_one_model_of_one_service(service: str, model: str) -> None:
    price("images", "1")
    assert cost_of(Usage(service, model, {Unit.IMAGE: 1}), DAY) is None


def test_the_newest_price_that_is_valid_on_the_day_applies() -> None:
    price("images", "1", per=1)
    price("images", "2", per=1, valid_from=date(2026, 11, 1))
    price("images", "3", per=1, valid_from=date(2027, 1, 1))
    used = Usage("openai", "painter-1", {Unit.IMAGE: 1})
    days = [date(2020, 1, 1), date(2026, 10, 31), date(2026, 11, 1), date(2026, 12, 31), date(2027, 1, 1)]
    assert [cost_of(used, day) for day in days] == [1, 1, 2, 2, 3]


def test_the_cost_is_unknown_before_the_first_day_of_a_price() -> None:
    price("images", "1", valid_from=date(2026, 12, 1))
    assert cost_of(Usage("openai", "painter-1", {Unit.IMAGE: 1}), DAY) is None


def test_a_price_that_is_switched_off_is_unknown() -> None:
    price("images", "1", enabled=False)
    assert cost_of(Usage("openai", "painter-1", {Unit.IMAGE: 1}), DAY) is None


def test_a_quote_names_each_source_once_and_the_oldest_date_it_was_read() -> None:
    price("text_input_tokens", "5", source="a page", read_on=date(2026, 11, 3))
    price("image_output_tokens", "30", source="another page", read_on=date(2026, 11, 2))
    price("image_input_tokens", "8", source="a page", read_on=date(2026, 11, 1))
    told = quote(IMAGES, DAY)
    assert told is not None
    assert (told.source, told.read_on) == ("a page; another page", date(2026, 11, 2))


def test_a_change_by_any_process_applies_from_the_next_call_on() -> None:
    row = price("images", "1", per=1)
    used = Usage("openai", "painter-1", {Unit.IMAGE: 1})
    with CaptureQueriesContext(connection) as queries:
        assert cost_of(used, DAY) == 1
    assert len(queries) == 1
    Price.objects.filter(pk=row.pk).update(usd=3)  # as another process would do it, without a signal
    assert cost_of(used, DAY) == 3
    row.delete()
    assert cost_of(used, DAY) is None


@pytest.mark.parametrize("valid_from", [None, date(2026, 11, 1)])
def test_two_prices_of_one_unit_from_one_day_are_refused(valid_from: date | None) -> None:
    price("images", "1", valid_from=valid_from)
    with pytest.raises(IntegrityError), transaction.atomic():
        price("images", "2", valid_from=valid_from)


def test_seeding_twice_changes_nothing_and_keeps_a_curators_change() -> None:
    count = len(fixture_rows(Price))
    assert seed() == f"Prices: {count} made, 0 restored, 0 unchanged, 0 kept as a curator changed them."
    assert seed() == f"Prices: 0 made, 0 restored, {count} unchanged, 0 kept as a curator changed them."
    mine = Price.objects.create(
        service="mine", model="m", unit="images", usd=1, per=1, source="me", read_on=DAY
    )
    one = Price.objects.get(model="gpt-image-2", unit="image_output_tokens")
    Price.objects.filter(pk=one.pk).update(usd=31, source="my bill")
    assert seed() == f"Prices: 0 made, 0 restored, {count - 1} unchanged, 1 kept as a curator changed them."
    assert Price.objects.get(pk=one.pk).usd == 31
    forced = seed("--force")
    assert forced == f"Prices: 0 made, 1 restored, {count - 1} unchanged, 0 kept as a curator changed them."
    assert Price.objects.get(pk=one.pk).usd == 30
    assert Price.objects.filter(pk=mine.pk).exists()


def test_a_deleted_price_is_created_again() -> None:
    seed()
    Price.objects.get(model="gemini-3.8-flash", unit="text_output_tokens", valid_from="2027-01-01").delete()
    assert seed().startswith("Prices: 1 made, 0 restored,")


def test_every_price_of_the_fixture_has_a_known_unit_and_a_source() -> None:
    for row in fixture_rows(Price):
        assert row.unit in list(Unit), row
        assert row.service in ("openai", "gemini", "workers", "mock"), row
        assert row.per == (1_000_000 if row.unit.endswith("tokens") else 1), row
        assert len(row.source) > 10, row
        assert date(2026, 1, 1) < row.read_on <= DAY, row


def test_the_page_of_prices_matches_the_fixture(capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(settings.BASE_DIR) / "docs" / "prices.md"
    assert page.read_text(encoding="utf-8") == prices_page(), "./manage.py describe_prices --write"
    call_command("describe_prices")
    assert capsys.readouterr().out == prices_page()


@pytest.mark.parametrize(
    ("usage", "day", "usd"),
    [
        (
            Usage("openai", "gpt-image-2.6-sunburst", {Unit.TEXT_INPUT: 50, Unit.IMAGE_OUTPUT: 1056}),
            DAY,
            "0.03193",
        ),
        (Usage("gemini", "gemini-3.1-flash-image", {Unit.IMAGE_OUTPUT: 1120}), DAY, "0.0672"),
        (Usage("gemini", "gemini-3-pro-image", {Unit.IMAGE_OUTPUT: 1120}), DAY, "0.1344"),
        (Usage("gemini", "gemini-3.8-flash", {Unit.TEXT_OUTPUT: 1000}), date(2026, 12, 31), "0.00375"),
        (Usage("gemini", "gemini-3.8-flash", {Unit.TEXT_OUTPUT: 1000}), date(2027, 1, 1), "0.0075"),
        (
            Usage("workers", "@cf/black-forest-labs/flux-2-dev", {Unit.OUTPUT_TILE_STEP: 4 * 25}),
            DAY,
            "0.041",
        ),
        (Usage("workers", "@cf/lykon/dreamshaper-8-lcm", {Unit.STEP: 20}), DAY, "0"),
        (Usage("mock", "mock-painter-1", {Unit.IMAGE: 1}), DAY, "0"),
        (Usage("workers", "@cf/runwayml/stable-diffusion-v1-5-inpainting", {Unit.STEP: 20}), DAY, "0"),
        (Usage("workers", "@cf/runwayml/stable-diffusion-v1-5-img2img", {Unit.STEP: 20}), DAY, None),
    ],
    ids=lambda value: str(value.model) if isinstance(value, Usage) else str(value),
)
def test_the_seeded_prices_give_the_costs_that_the_services_name(
    usage: Usage, day: date, usd: str | None
) -> None:
    seed()
    assert cost_of(usage, day) == (None if usd is None else Decimal(usd))
