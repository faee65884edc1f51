"""Each provider's `job_rules` allow exactly what its `check` accepts for at least one model and kind."""

from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from dali.lib.errors import InputError
from progressions.enums import Kind
from progressions.provider import Draft, Provider, providers

NAMES = ("gemini", "mock", "openai", "workers")


def takes(provider: Provider, options: dict[str, Any], size: tuple[int, int] | None = None) -> bool:
    """Whether any model of the provider accepts this for any kind."""
    for model in (provider.default_model(), *provider.models):
        for kind in sorted(provider.kinds):
            draft = Draft(Kind(kind), "a lighthouse", model, size, options)
            try:
                provider.check(draft)
            except InputError:
                continue
            return True
    return False


def allowed(name: str, value: object) -> bool:
    """Whether the rules allow an option."""
    return bool(OAS31Validator(providers.get(name).job_rules()["options"]).is_valid(value))


def described() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (name, option, schema)
        for name in NAMES
        for option, schema in providers.get(name).job_rules()["options"]["properties"].items()
    ]


def edges(schema: dict[str, Any]) -> Iterator[object]:
    """Values at the limits of a schema, and just beyond."""
    yield from schema.get("enum", [])
    for bound, step in (("minimum", -1), ("maximum", 1)):
        if bound in schema:
            yield from (schema[bound], schema[bound] + step)
    yield from ("", "nosuch", None, True, [], {}, [0], [-1], "a" * 2_001)


@pytest.mark.parametrize(("name", "option", "schema"), described())
def test_an_option_is_allowed_if_a_model_accepts_it(name: str, option: str, schema: dict[str, Any]) -> None:
    with_others = {"output_compression": {"output_format": "webp"}}.get(option, {})
    for value in edges(schema):
        sent = {**with_others, option: value}
        assert allowed(name, sent) is takes(providers.get(name), sent), sent


@pytest.mark.parametrize("name", NAMES)
def test_no_other_option_is_allowed(name: str) -> None:
    assert not allowed(name, {"nosuch": 1})
    assert not takes(providers.get(name), {"nosuch": 1})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("side", [10, 63, 64, 255, 256, 2048, 2049, 2500, 2501, 12_288, 12_289, 99_999])
def test_a_size_is_allowed_if_it_is_accepted(name: str, side: int) -> None:
    provider = providers.get(name)
    rules = OAS31Validator(provider.job_rules().get("size", {}))
    for size in ((side, 300), (300, side)):
        assert rules.is_valid(f"{size[0]}x{size[1]}") is takes(provider, {}, size)


@pytest.mark.parametrize("name", NAMES)
def test_only_the_models_of_a_provider_are_allowed(name: str) -> None:
    provider = providers.get(name)
    rules = OAS31Validator(provider.job_rules()["model"])
    assert all(rules.is_valid(model) for model in (provider.default_model(), *provider.models))
    assert not rules.is_valid("nosuch")
