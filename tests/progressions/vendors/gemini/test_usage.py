"""What a call of Gemini used, as its answer tells it, well or badly; and the clients that are kept."""

from typing import Any

import pytest
from pytest_django.fixtures import Settings

from dali.lib.calls.answers.usage import Unit, Usage
from progressions.vendors.gemini import api
from progressions.vendors.gemini.images import MODELS


def usage_of(paints: bool = False, **metadata: Any) -> Usage | None:
    response = {"usageMetadata": metadata}
    return api.usage_of("gemini-x", response, paints=paints)


def test_what_was_cached_is_charged_apart() -> None:
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


def test_words_beside_an_image_are_charged_as_words() -> None:
    usage = usage_of(
        paints=True,
        promptTokenCount=9,
        candidatesTokenCount=1150,
        candidatesTokensDetails=[{"modality": "IMAGE", "tokenCount": 1120}],
    )
    assert usage is not None
    assert usage.units == {Unit.TEXT_INPUT: 9, Unit.IMAGE_OUTPUT: 1120, Unit.TEXT_OUTPUT: 30}


def test_output_that_is_not_told_apart_is_the_image_of_a_model_that_paints() -> None:
    painted = usage_of(paints=True, promptTokenCount=9, candidatesTokenCount=1290)
    written = usage_of(promptTokenCount=9, candidatesTokenCount=1290)
    assert painted is not None
    assert written is not None
    assert painted.units == {Unit.TEXT_INPUT: 9, Unit.IMAGE_OUTPUT: 1290}
    assert written.units == {Unit.TEXT_INPUT: 9, Unit.TEXT_OUTPUT: 1290}


@pytest.mark.parametrize("metadata", [{}, {"totalTokenCount": 5}])
def test_an_answer_that_tells_nothing_is_not_taken_for_free(metadata: dict[str, Any]) -> None:
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
def test_the_pixels_of_a_model_have_the_ratio_they_are_listed_under(model: str) -> None:
    known = MODELS[model]
    for ratio in known.ratios:
        across, down = map(int, ratio.split(":"))
        for image_size in known.image_sizes:
            width, height = known.size_of(ratio, image_size)
            assert width / height == pytest.approx(across / down, rel=0.05)
        assert known.ratio_for(known.size_of(ratio, "1K")) == ratio
