"""Prices in the admin: listed, filtered, searched, changed with clear units, switched off."""

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from dali.lib.calls.answers.usage import Unit, Usage
from knowledgebase.models import Price
from knowledgebase.pricing import cost_of
from tests.factories import PriceFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/knowledgebase/price/"
FORM = {
    "service": "openai",
    "model": "painter-2",
    "unit": "image_output_tokens",
    "usd": "30.5",
    "per": "1000000",
    "valid_from": "",
    "source": "the service's page",
    "read_on": "2026-11-22",
    "enabled": "on",
}
USED = Usage("openai", "painter-2", {Unit.IMAGE_OUTPUT: 1000})
DAY = date(2026, 11, 22)


def test_a_price_is_added_and_applies_at_once(admin_client: Client) -> None:
    assert cost_of(USED, DAY) is None
    assert admin_client.post(f"{LIST}add/", FORM).status_code == 302
    assert cost_of(USED, DAY) == Decimal("0.0305")
    row = Price.objects.get()
    assert admin_client.post(f"{LIST}{row.pk}/change/", {**FORM, "usd": "20"}).status_code == 302
    assert cost_of(USED, DAY) == Decimal("0.02")
    assert admin_client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert cost_of(USED, DAY) is None


@pytest.mark.parametrize(
    ("field", "value"), [("unit", "bananas"), ("usd", "-1"), ("per", "7"), ("source", ""), ("read_on", "")]
)
def test_an_invalid_price_is_refused(admin_client: Client, field: str, value: str) -> None:
    answer = admin_client.post(f"{LIST}add/", {**FORM, field: value})
    assert list(answer.context["adminform"].form.errors) == [field]
    assert not Price.objects.exists()


@pytest.mark.parametrize("valid_from", ["", "2026-11-01"])
def test_a_second_price_from_the_same_day_is_refused_and_one_from_another_accepted(
    admin_client: Client, valid_from: str
) -> None:
    form = {**FORM, "valid_from": valid_from}
    admin_client.post(f"{LIST}add/", form)
    assert admin_client.post(f"{LIST}add/", {**form, "usd": "3"}).context["adminform"].form.errors
    assert admin_client.post(f"{LIST}add/", {**form, "valid_from": "2027-01-01"}).status_code == 302
    assert Price.objects.count() == 2


def test_prices_are_listed_with_their_units_filtered_and_searched(admin_client: Client) -> None:
    PriceFactory(model="painter-1", unit="image_output_tokens", usd="30")
    PriceFactory(service="workers", model="tiles", unit="output_tile_steps", usd="0.00041", per=1)
    page = admin_client.get(LIST).content.decode()
    assert "30 for a million" in page
    assert "0.00041 each" in page
    assert "output tile steps" in page
    for query, expected in (("service=workers", 1), ("q=painter", 1), ("enabled__exact=0", 0)):
        assert admin_client.get(f"{LIST}?{query}").context["cl"].result_count == expected


def test_prices_are_switched_off_and_on(admin_client: Client) -> None:
    row = PriceFactory(model="painter-2", unit="image_output_tokens", usd="30")
    form = {"action": "switch_off", "_selected_action": [str(row.pk)]}
    assert "1 price switched off." in admin_client.post(LIST, form, follow=True).content.decode()
    assert cost_of(USED, DAY) is None
    admin_client.post(LIST, {**form, "action": "switch_on"})
    assert cost_of(USED, DAY) == Decimal("0.03")


@pytest.mark.parametrize("count", [1, 3])
def test_the_query_count_of_the_list_is_constant(
    admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for number in range(count):
        PriceFactory(model=f"painter-{number}")
    with django_assert_num_queries(5):  # session, user, services of the filter, count, page
        assert admin_client.get(LIST).context["cl"].result_count == count
