"""The usage that an answer of Gemini reports, well-formed or not; and the clients that are kept."""

from typing import Any

import pytest
from pytest_django.fixtures import Settings

from dali.lib.calls.answers.usage import Unit, Usage
from progressions.vendors.gemini import api
from progressions.vendors.gemini.images import MODELS


def usage_of(paints: bool = False, **metadata: Any) -> Usage | None:
    response = {"usageMetadata": metadata}
    return api.usage_of("gemini-x", response, paints=paints)


def test_cached_tokens_are_charged_separately() -> None:
    usage = usage_of(
        promptTokenCount=1000,
        promptTokensDetails=[
            {"modality": "TEXT", "tokenCount": 440},
            {"modality": "IMAGE", "tokenCount": 560},
        ],
        cachedContentTokenCount=300,
        cacheTokensDetails=[
            {"modality": "TEXT", "tokenCount": 100},
            {"modality": "IMAGE", "tokenCount": 200},
        ],
        candidatesTokenCount=50,
        thoughtsTokenCount=7,
    )
    assert usage == Usage(
        "gemini",
        "gemini-x",
        {Unit.TEXT_INPUT: 340, Unit.CACHED_INPUT: 300, Unit.IMAGE_INPUT: 360, Unit.TEXT_OUTPUT: 57},
    )


def test_text_next_to_an_image_is_charged_as_text() -> None:
    usage = usage_of(
        paints=True,
        promptTokenCount=9,
        candidatesTokenCount=1150,
        candidatesTokensDetails=[{"modality": "IMAGE", "tokenCount": 1120}],
    )
    assert usage is not None
    assert usage.units == {Unit.TEXT_INPUT: 9, Unit.IMAGE_OUTPUT: 1120, Unit.TEXT_OUTPUT: 30}


def test_unspecified_output_of_an_image_model_counts_as_the_image() -> None:
    painted = usage_of(paints=True, promptTokenCount=9, candidatesTokenCount=1290)
    written = usage_of(promptTokenCount=9, candidatesTokenCount=1290)
    assert painted is not None
    assert written is not None
    assert painted.units == {Unit.TEXT_INPUT: 9, Unit.IMAGE_OUTPUT: 1290}
    assert written.units == {Unit.TEXT_INPUT: 9, Unit.TEXT_OUTPUT: 1290}


@pytest.mark.parametrize("metadata", [{}, {"totalTokenCount": 5}])
def test_an_answer_without_usage_is_not_free(metadata: dict[str, Any]) -> None:
    assert usage_of(**metadata) is None
    assert api.usage_of("gemini-x", {}) is None


def test_a_client_is_kept_for_its_settings_and_the_oldest_closed(settings: Settings) -> None:
    settings.GEMINI_API_KEY = "AIza-one-of-many-0123456789"
    first = api.client(2)
    assert api.client(2) is first
    assert api.client(3) is not first
    for number in range(8):
        settings.GOOGLE_GEMINI_BASE_URL = f"http://127.0.0.1:{9000 + number}"
        assert api.client(2) is not first
    assert len(api._clients) == 8
    assert first._api_client._httpx_client.is_closed


@pytest.mark.parametrize("model", list(MODELS))
def test_the_pixel_sizes_of_a_model_have_their_listed_ratio(model: str) -> None:
    known = MODELS[model]
    for ratio in known.ratios:
        across, down = map(int, ratio.split(":"))
        for image_size in known.image_sizes:
            width, height = known.size_of(ratio, image_size)
            assert width / height == pytest.approx(across / down, rel=0.05)
        assert known.ratio_for(known.size_of(ratio, "1K")) == ratio
