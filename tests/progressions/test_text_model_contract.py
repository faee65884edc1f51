"""The contract of every text model service, tested through its fake server, if any."""

import re

import pytest

from dali.lib.calls.failures import VendorError
from dali.lib.clock import Deadline
from progressions.text_model import TextRequest, text_models
from tests.vendors.configured import STAND_INS, configure

ALL = [pytest.param(name, id=name) for name in text_models.names()]
# Testable here: nothing is missing although no credential is set, or tests/vendors has a fake of the service.
ASKED = [
    pytest.param(model.name, id=model.name)
    for model in text_models.all()
    if model.name in STAND_INS or not model.missing()
]
MODELS = {
    "openai": "gpt-5.4-mini",
    "gemini": "gemini-3.8-flash",
    "workers": "@cf/meta/llama-4-scout-17b-16e-instruct",
}
SCHEMA = {
    "type": "object",
    "properties": {"prompt": {"type": "string"}},
    "required": ["prompt"],
    "additionalProperties": False,
}


def asking(name: str, *, left_s: float = 20) -> TextRequest:
    return TextRequest(
        model=MODELS.get(name, "any"), instructions="Write the prompt anew.", text="a lighthouse at dusk",
        name="prompt", schema=SCHEMA, deadline=Deadline.after(left_s), max_tokens=300,
    )  # fmt: skip


def test_the_three_services_are_registered() -> None:
    assert {"openai", "gemini", "workers"} <= set(text_models.names())


@pytest.mark.parametrize("name", ALL)
def test_a_service_has_a_plain_name_prefixes_and_names_its_settings(name: str) -> None:
    service = text_models.get(name)
    assert re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", service.name)
    assert service.prefixes
    assert all(prefix.strip() == prefix != "" for prefix in service.prefixes)
    assert all(setting.strip() == setting != "" for setting in service.missing())


def test_no_two_services_have_the_same_prefix() -> None:
    prefixes = [prefix for service in text_models.all() for prefix in service.prefixes]
    assert len(prefixes) == len(set(prefixes))


@pytest.mark.parametrize("name", ASKED)
def test_an_answer_is_an_object_with_its_usage(name: str, request: pytest.FixtureRequest) -> None:
    configure(request, name)
    service = text_models.get(name)
    assert service.missing() == []
    answer = service.answer(asking(name))
    assert isinstance(answer.data, dict)
    assert (answer.usage.service, answer.usage.model) == (name, asking(name).model)
    assert answer.usage.units
    assert all(amount >= 0 for amount in answer.usage.units.values())


@pytest.mark.parametrize("name", ASKED)
def test_nothing_is_waited_for_without_time(name: str, request: pytest.FixtureRequest) -> None:
    configure(request, name)
    with pytest.raises(VendorError) as failed:
        text_models.get(name).answer(asking(name, left_s=-1))
    assert failed.value.outcome == "timeout"
