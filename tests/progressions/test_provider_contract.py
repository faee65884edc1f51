"""The contract of every provider of the registry, tested through the fake server of its service, if any."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from dali.lib.clock import Deadline
from dali.lib.errors import InputError
from dali.lib.pictures.images import InvalidImageError, decode
from progressions.enums import Kind
from progressions.provider import Draft, Provider, ProviderImage, ProviderRequest, providers
from tests.progressions.pictures import landscape, mask_of, png
from tests.vendors.configured import STAND_INS, configure

START = landscape((192, 128))
ALL = [pytest.param(name, id=name) for name in providers.names()]
# Testable here: nothing is missing although no credential is set, or tests/vendors has a fake of the service.
CALLED = [
    pytest.param(provider.name, kind, id=f"{provider.name}-{kind}")
    for provider in providers.all()
    if provider.name in STAND_INS or not provider.missing()
    for kind in sorted(provider.kinds)
]
# The middle of START, large enough that a service that blends the borders has room to.
REPAINTED = (48, 32, 144, 96)


def draft_for(provider: Provider, kind: Kind = Kind.GENERATE) -> Draft:
    model = provider.default_model_for(kind)
    return Draft(kind=kind, prompt="a lighthouse at dusk", model=model, size=None, options={})


def request_for(provider: Provider, kind: Kind) -> ProviderRequest:
    has_start = kind != Kind.GENERATE
    return ProviderRequest(
        kind=kind,
        prompt="a lighthouse at dusk",
        seed=7,
        model=provider.default_model_for(kind),
        deadline=Deadline.after(30),
        start_image=png(START) if has_start else None,
        mask=mask_of(START.size, REPAINTED) if kind == Kind.INPAINT else None,
    )


def image_of(provider: Provider, request: ProviderRequest) -> tuple[ProviderImage, bytes]:
    """The answer, and the image made from it."""
    answer = provider.call(request)
    if request.kind in provider.finishes:
        return answer, provider.finish(request, answer.content)
    return answer, answer.content


def test_the_built_in_provider_is_among_those_tested() -> None:
    assert {param.values[0] for param in CALLED} >= {"mock"}


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
def test_a_provider_accepts_the_sizes_it_offers(name: str) -> None:
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
def test_a_provider_accepts_each_of_its_kinds_and_models(name: str) -> None:
    provider = providers.get(name)
    for kind in provider.kinds:
        provider.check(draft_for(provider, kind))
    for model in provider.models:
        for kind in provider.kinds_of(model):
            provider.check(replace(draft_for(provider, kind), model=model))
    assert frozenset().union(*(provider.kinds_of(model) for model in provider.models)) == provider.kinds


@pytest.mark.parametrize("name", ALL)
def test_a_provider_refuses_an_unknown_model_by_its_field_value_and_fix(name: str) -> None:
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


@pytest.mark.parametrize(("name", "kind"), CALLED)
def test_a_call_returns_a_picture_that_decodes(name: str, kind: Kind, request: pytest.FixtureRequest) -> None:
    configure(request, name)
    provider = providers.get(name)
    assert provider.missing() == []
    answer, content = image_of(provider, request_for(provider, kind))
    picture = decode(content)
    assert picture.media_type in ("image/png", "image/jpeg", "image/webp")
    assert answer.model in provider.models
    assert answer.seed in (7, None)
    json.dumps(answer.meta)
    if kind == Kind.INPAINT:
        assert (picture.width, picture.height) == START.size
    if kind == Kind.OUTPAINT:
        assert (picture.width > START.width) or (picture.height > START.height)
    if kind == Kind.UPSCALE:
        assert picture.width > START.width
        assert picture.height > START.height


@pytest.mark.parametrize("name", [param.values[0] for param in CALLED if param.values[1] == Kind.INPAINT])
def test_an_inpainted_picture_is_the_original_outside_the_mask(
    name: str, request: pytest.FixtureRequest
) -> None:
    configure(request, name)
    provider = providers.get(name)
    _, content = image_of(provider, request_for(provider, Kind.INPAINT))
    before, after = np.asarray(START.convert("RGB")), np.asarray(decode(content).image.convert("RGB"))
    is_changed = (before != after).any(axis=2)
    left, upper, right, lower = (
        REPAINTED  # all of them repainted, because Pillow's rectangles include both corners
    )
    assert is_changed[upper : lower + 1, left : right + 1].any()
    is_changed[upper : lower + 1, left : right + 1] = False
    assert not is_changed.any()


@pytest.mark.parametrize(("name", "kind"), CALLED)
def test_finishing_again_gives_the_same_bytes(name: str, kind: Kind, request: pytest.FixtureRequest) -> None:
    configure(request, name)
    provider = providers.get(name)
    if kind in provider.finishes:
        asked = request_for(provider, kind)
        answer = provider.call(asked)
        later = replace(asked, attempt=2, deadline=Deadline.after(-1))
        assert provider.finish(asked, answer.content) == provider.finish(later, answer.content)
        with pytest.raises(InvalidImageError):
            provider.finish(asked, b"no picture")


@pytest.mark.parametrize(("name", "kind"), CALLED)
def test_a_call_makes_the_requested_size_or_records_the_difference(
    name: str, kind: Kind, request: pytest.FixtureRequest
) -> None:
    configure(request, name)
    provider = providers.get(name)
    answer, content = image_of(provider, replace(request_for(provider, kind), size=(320, 256)))
    picture = decode(content)
    assert (picture.width, picture.height) == (320, 256) or answer.meta["requested"] == {"size": "320x256"}


@pytest.mark.parametrize(
    ("name", "kind"), [param for param in CALLED if providers.get(str(param.values[0])).is_reproducible]
)
def test_a_provider_that_promises_the_same_image_repeats_it(name: str, kind: Kind) -> None:
    first, second = (
        image_of(type(providers.get(name))(), request_for(providers.get(name), kind)) for _ in "12"
    )
    assert first[1] == second[1]
