"""What every provider of the registry must keep to; those that need a setting are asked only what needs no call."""

import re
from dataclasses import replace

import pytest

from dali.lib.clock import Deadline
from dali.lib.errors import InputError
from dali.lib.images import decode
from progressions.enums import Kind
from progressions.provider import Draft, Provider, ProviderRequest, providers
from tests.progressions.pictures import landscape, mask_of, png

START = landscape((192, 128))
ALL = [pytest.param(name, id=name) for name in providers.names()]
# Callable without a network: nothing is missing although no credential is set.
OFFLINE = [
    pytest.param(provider.name, kind, id=f"{provider.name}-{kind}")
    for provider in providers.all()
    if not provider.missing()
    for kind in sorted(provider.kinds)
]


def draft_for(provider: Provider, kind: Kind = Kind.GENERATE) -> Draft:
    return Draft(
        kind=kind, prompt="a lighthouse at dusk", model=provider.default_model(), size=None, options={}
    )


def request_for(provider: Provider, kind: Kind) -> ProviderRequest:
    has_start = kind != Kind.GENERATE
    return ProviderRequest(
        kind=kind,
        prompt="a lighthouse at dusk",
        seed=7,
        model=provider.default_model(),
        deadline=Deadline.after(30),
        start_image=png(START) if has_start else None,
        mask=mask_of(START.size, (40, 30, 120, 90)) if kind == Kind.INPAINT else None,
    )


def test_the_built_in_provider_is_among_those_tested_offline() -> None:
    assert {param.values[0] for param in OFFLINE} >= {"mock"}


@pytest.mark.parametrize("name", ALL)
def test_a_provider_describes_itself(name: str) -> None:
    provider = providers.get(name)
    assert re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", provider.name)
    assert provider.title.strip() == provider.title != ""
    assert provider.kinds
    assert all(isinstance(kind, Kind) for kind in provider.kinds)
    assert provider.models
    assert len(set(provider.models)) == len(provider.models)
    assert provider.default_model() == provider.models[0]
    assert 1 <= provider.limits["min_px"] <= provider.limits["max_px"]
    assert all(setting.strip() == setting != "" for setting in provider.missing())


@pytest.mark.parametrize("name", ALL)
def test_a_provider_takes_the_sizes_it_offers(name: str) -> None:
    provider = providers.get(name)
    for size in provider.sizes:
        width, height = map(int, size.split("x"))
        assert (
            provider.limits["min_px"] <= min(width, height) <= max(width, height) <= provider.limits["max_px"]
        )
        provider.check(replace(draft_for(provider), size=(width, height)))


@pytest.mark.parametrize("name", ALL)
def test_a_provider_states_a_price_with_its_source_or_none(name: str) -> None:
    price = providers.get(name).price
    if price is not None:
        assert price["usd_per_image"] >= 0
        assert price["source"]
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", price["date"])


@pytest.mark.parametrize("name", ALL)
def test_a_provider_takes_each_of_its_kinds_and_models(name: str) -> None:
    provider = providers.get(name)
    for kind in provider.kinds:
        provider.check(draft_for(provider, kind))
    for model in provider.models:
        provider.check(replace(draft_for(provider, min(provider.kinds)), model=model))


@pytest.mark.parametrize("name", ALL)
def test_a_provider_refuses_an_unknown_model_by_its_field_value_and_cure(name: str) -> None:
    provider = providers.get(name)
    with pytest.raises(InputError) as caught:
        provider.check(replace(draft_for(provider), model="no-such-model"))
    assert caught.value.field == f"models.{name}"
    assert "no-such-model" in str(caught.value)
    assert provider.default_model() in str(caught.value)


@pytest.mark.parametrize("name", ALL)
def test_a_provider_refuses_an_unknown_option_by_its_field(name: str) -> None:
    provider = providers.get(name)
    with pytest.raises(InputError) as caught:
        provider.check(replace(draft_for(provider), options={"no_such_option": 1}))
    assert caught.value.field == f"options.{name}.no_such_option"


@pytest.mark.parametrize(("name", "kind"), OFFLINE)
def test_a_call_answers_with_a_picture_that_decodes(name: str, kind: Kind) -> None:
    provider = providers.get(name)
    answer = provider.call(request_for(provider, kind))
    picture = decode(answer.content)
    assert picture.media_type in ("image/png", "image/jpeg", "image/webp")
    assert answer.model in provider.models
    assert answer.seed in (7, None)
    if kind == Kind.INPAINT:
        assert (picture.width, picture.height) == START.size
    if kind == Kind.OUTPAINT:
        assert (picture.width > START.width) or (picture.height > START.height)
    if kind == Kind.UPSCALE:
        assert picture.width > START.width
        assert picture.height > START.height


@pytest.mark.parametrize(("name", "kind"), OFFLINE)
def test_a_call_makes_the_size_asked_for_or_records_that_it_did_not(name: str, kind: Kind) -> None:
    provider = providers.get(name)
    answer = provider.call(replace(request_for(provider, kind), size=(320, 256)))
    picture = decode(answer.content)
    assert (picture.width, picture.height) == (320, 256) or answer.meta["requested"] == {"size": "320x256"}
