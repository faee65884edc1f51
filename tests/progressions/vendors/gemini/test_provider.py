"""What the provider `gemini` sends and how it reads answers, through Google's SDK and an equally strict fake server."""

import base64
import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pytest_django.fixtures import Settings

from dali.lib.calls.answers.usage import Unit, Usage
from dali.lib.clock import Deadline
from dali.lib.errors import InputError
from dali.lib.pictures.images import decode
from progressions.enums import Kind
from progressions.provider import Draft, ProviderRequest
from progressions.vendors.gemini.images import MODELS, image_part
from progressions.vendors.gemini.provider import GeminiProvider
from tests.progressions.pictures import landscape, mask_of, png
from tests.vendors.gemini_server import GeminiServer

PROVIDER = GeminiProvider()
START = landscape((600, 400))


def request_for(kind: Kind = Kind.GENERATE, **fields: Any) -> ProviderRequest:
    values: dict[str, Any] = {
        "kind": kind,
        "prompt": "a lighthouse at dusk",
        "seed": 7,
        "model": "gemini-3.1-flash-image",
        "deadline": Deadline.after(60),
        "start_image": None if kind == Kind.GENERATE else png(START),
        "mask": mask_of(START.size, (200, 100, 400, 300)) if kind == Kind.INPAINT else None,
    }
    return ProviderRequest(**{**values, **fields})


def draft(kind: Kind = Kind.GENERATE, **fields: Any) -> Draft:
    values: dict[str, Any] = {"model": "gemini-3.1-flash-image", "size": None, "options": {}}
    return Draft(kind=kind, prompt="a lighthouse at dusk", **{**values, **fields})


def sent(server: GeminiServer) -> tuple[str, list[Image.Image], dict[str, Any]]:
    """The text, the images and the generationConfig of the only request."""
    assert len(server.received) == 1
    body = server.received[0].json()
    parts = body["contents"][0]["parts"]
    images: list[Image.Image] = [
        Image.open(io.BytesIO(base64.urlsafe_b64decode(part["inlineData"]["data"])))
        for part in parts
        if "inlineData" in part
    ]
    return parts[0]["text"], images, body["generationConfig"]


def test_a_generation_is_sent_in_the_form_of_the_api(gemini_server: GeminiServer) -> None:
    answer = PROVIDER.call(request_for(size=(1920, 1080)))
    assert len(gemini_server.received) == 1
    request = gemini_server.received[0]
    assert request.path == "/v1/models/gemini-3.1-flash-image:generateContent"
    assert request.headers["x-goog-api-key"] == "AIza-test-gemini-0123456789abcdef"
    assert 50 <= int(request.headers["x-server-timeout"]) <= 60
    assert request.json() == {
        "contents": [{"parts": [{"text": "a lighthouse at dusk"}], "role": "user"}],
        "generationConfig": {
            "seed": 7,
            "responseModalities": ["IMAGE"],
            "imageConfig": {"aspectRatio": "16:9", "imageSize": "1K"},
        },
    }
    assert decode(answer.content).image.size == (1376, 768)
    assert answer.model == "gemini-3.1-flash-image"
    assert answer.seed == 7
    assert answer.cost_usd is None
    assert answer.meta == {
        "aspect_ratio": "16:9",
        "image_size": "1K",
        "requested": {"size": "1920x1080"},
        "request_id": "resp-0123",
        "version": "gemini-3.1-flash-image",
    }


def test_usage_is_split_by_price(gemini_server: GeminiServer) -> None:
    answer = PROVIDER.call(request_for(Kind.INPAINT))
    assert answer.usage is not None
    assert answer.usage.service == "gemini"
    assert answer.usage.model == "gemini-3.1-flash-image"
    units = dict(answer.usage.units)
    assert units.pop(Unit.TEXT_INPUT) == len(sent(gemini_server)[0]) // 4
    assert units == {Unit.IMAGE_INPUT: 1120, Unit.TEXT_OUTPUT: 180, Unit.IMAGE_OUTPUT: 747}


def test_thoughts_and_text_around_the_image_are_ignored(gemini_server: GeminiServer) -> None:
    answer = PROVIDER.call(request_for())
    assert decode(answer.content).image.size == (1024, 1024)  # the draft has 64


def test_a_google_key_in_the_environment_is_ignored(
    gemini_server: GeminiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "AIza-of-somebody-else")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_GENAI_USE_ENTERPRISE", "false")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    PROVIDER.call(request_for())
    assert gemini_server.received[0].headers["x-goog-api-key"] == "AIza-test-gemini-0123456789abcdef"


def test_the_connection_is_kept_for_the_next_call(gemini_server: GeminiServer) -> None:
    for seed in range(3):
        PROVIDER.call(request_for(seed=seed, options={"image_size": "512"}))
    assert gemini_server.connections == 1


def test_a_seed_beyond_their_range_is_mapped_into_it_and_recorded(gemini_server: GeminiServer) -> None:
    answer = PROVIDER.call(request_for(seed=2**32 - 1))
    assert sent(gemini_server)[2]["seed"] == 2**31 - 1
    assert answer.seed == 2**31 - 1


def test_options_are_sent_under_the_names_of_the_api(gemini_server: GeminiServer) -> None:
    options = {
        "aspect_ratio": "21:9",
        "image_size": "512",
        "temperature": 0.4,
        "top_p": 0.9,
        "thinking_level": "high",
    }
    PROVIDER.call(request_for(options=options))
    assert sent(gemini_server)[2] == {
        "seed": 7,
        "responseModalities": ["IMAGE"],
        "temperature": 0.4,
        "topP": 0.9,
        "thinkingConfig": {"thinking_level": "HIGH"},
        "imageConfig": {"aspectRatio": "21:9", "imageSize": "512"},
    }


@pytest.mark.parametrize("model", list(MODELS))
def test_every_model_accepts_what_is_sent_to_it(gemini_server: GeminiServer, model: str) -> None:
    answer = PROVIDER.call(request_for(model=model, size=(800, 1000)))
    assert answer.model == model
    assert sent(gemini_server)[2]["imageConfig"]["aspectRatio"] == "4:5"


def test_the_oldest_model_is_sent_no_image_size(gemini_server: GeminiServer) -> None:
    PROVIDER.call(request_for(model="gemini-2.5-flash-image"))
    assert sent(gemini_server)[2]["imageConfig"] == {"aspectRatio": "1:1"}


def test_a_model_newer_than_dali_works_when_the_setting_names_it(settings: Settings) -> None:
    with pytest.raises(InputError, match=r"gemini-5-image.*known: gemini-nano-banana-2.1"):
        PROVIDER.check(draft(model="gemini-5-image"))
    settings.GEMINI_MODEL = "gemini-5-image"
    assert PROVIDER.default_model() == "gemini-5-image"
    PROVIDER.check(draft(model="gemini-5-image", options={"image_size": "4K"}))
    assert PROVIDER.estimate(draft(model="gemini-5-image")) is not None


@pytest.mark.parametrize(
    ("size", "ratio", "image_size"),
    [
        ((1024, 1024), "1:1", "1K"),
        ((1000, 990), "1:1", "1K"),
        ((300, 300), "1:1", "512"),
        ((1536, 1024), "3:2", "1K"),
        ((1080, 1920), "9:16", "1K"),
        ((1200, 2000), "9:16", "2K"),
        ((3840, 2160), "16:9", "2K"),
        ((4096, 4096), "1:1", "4K"),
        ((12288, 64), "8:1", "1K"),
    ],
)
def test_a_size_is_mapped_to_the_nearest_shape_and_number_of_pixels(
    size: tuple[int, int], ratio: str, image_size: str
) -> None:
    model = MODELS["gemini-3.1-flash-image"]
    assert (model.ratio_for(size), model.image_size_for(size)) == (ratio, image_size)


def test_an_edit_sends_the_start_image_unchanged_and_keeps_its_shape(gemini_server: GeminiServer) -> None:
    PROVIDER.call(request_for(Kind.EDIT))
    text, images, config = sent(gemini_server)
    assert text == "a lighthouse at dusk"
    assert np.array_equal(np.asarray(images[0]), np.asarray(START))
    assert config["imageConfig"] == {"aspectRatio": "3:2", "imageSize": "1K"}


def test_a_variation_says_that_it_is_one(gemini_server: GeminiServer) -> None:
    PROVIDER.call(request_for(Kind.VARIATION, size=(512, 512)))
    text, images, config = sent(gemini_server)
    assert text.startswith("Make a variation of this image")
    assert text.endswith("a lighthouse at dusk")
    assert [image.size for image in images] == [(600, 400)]
    assert config["imageConfig"] == {"aspectRatio": "1:1", "imageSize": "512"}


def test_braces_in_a_prompt_are_ordinary_text(gemini_server: GeminiServer) -> None:
    PROVIDER.call(request_for(Kind.VARIATION, prompt="{prompt} {0} {x!r}"))
    assert sent(gemini_server)[0].endswith("{prompt} {0} {x!r}")


def test_an_inpaint_keeps_every_pixel_outside_of_the_mask(gemini_server: GeminiServer) -> None:
    request = request_for(Kind.INPAINT)
    answer = PROVIDER.call(request)
    text, images, config = sent(gemini_server)
    assert "mask" in text
    assert [image.size for image in images] == [(632, 424), (632, 424)]
    assert images[1].mode == "L"
    assert images[1].getextrema() == (0, 255)
    assert config["imageConfig"] == {"aspectRatio": "3:2", "imageSize": "512"}
    finished = decode(PROVIDER.finish(request, answer.content)).image
    assert finished.size == START.size
    before, after = np.asarray(START).astype(int), np.asarray(finished).astype(int)
    inside = np.zeros((400, 600), bool)
    inside[100:301, 200:401] = True
    assert np.array_equal(before[~inside], after[~inside])
    assert (np.abs(before - after)[inside].max(axis=1) > 0).mean() > 0.5


def test_an_outpaint_keeps_every_pixel_of_the_start_image(gemini_server: GeminiServer) -> None:
    request = request_for(Kind.OUTPAINT, size=(900, 500))
    answer = PROVIDER.call(request)
    text, images, config = sent(gemini_server)
    assert "grey" in text
    assert config["imageConfig"] == {"aspectRatio": "16:9", "imageSize": "512"}
    assert images[0].size == (688, 384)
    assert images[0].convert("RGB").getpixel((8, 192)) == (128, 128, 128)
    finished = decode(PROVIDER.finish(request, answer.content)).image
    assert finished.size == (900, 500)
    assert np.array_equal(np.asarray(finished.crop((150, 50, 750, 450))), np.asarray(START))


def test_a_finished_image_is_the_same_in_another_process(gemini_server: GeminiServer) -> None:
    request = request_for(Kind.OUTPAINT)
    content = PROVIDER.call(request).content
    again = replace(request, deadline=Deadline.after(1), attempt=3)
    assert GeminiProvider().finish(again, content) == PROVIDER.finish(request, content)


def test_an_upscale_is_larger_and_has_the_shape_of_its_start_image(gemini_server: GeminiServer) -> None:
    request = request_for(Kind.UPSCALE, start_image=png(landscape((1000, 600))))
    answer = PROVIDER.call(request)
    assert sent(gemini_server)[2]["imageConfig"] == {"aspectRatio": "16:9", "imageSize": "2K"}
    finished = decode(PROVIDER.finish(request, answer.content)).image
    assert finished.size == (2560, 1536)


def test_an_upscale_exceeds_a_requested_size_that_is_not_larger(gemini_server: GeminiServer) -> None:
    start = png(Image.new("RGB", (2100, 2100), "teal"))
    PROVIDER.call(request_for(Kind.UPSCALE, start_image=start, options={"image_size": "2K"}))
    assert sent(gemini_server)[2]["imageConfig"] == {"aspectRatio": "1:1", "imageSize": "4K"}


def test_a_model_that_only_makes_1k_does_not_upscale() -> None:
    with pytest.raises(InputError, match=r"these can: gemini-nano-banana-2\.1, gemini-3") as caught:
        PROVIDER.check(draft(Kind.UPSCALE, model="gemini-2.5-flash-image"))
    assert caught.value.field == "models.gemini"


def test_another_model_upscales_when_the_default_cannot(settings: Settings) -> None:
    settings.GEMINI_MODEL = "gemini-3.1-flash-lite-image"
    assert PROVIDER.default_model_for(Kind.UPSCALE) == "gemini-nano-banana-2.1"
    assert PROVIDER.default_model_for(Kind.EDIT) == "gemini-3.1-flash-lite-image"
    assert Kind.UPSCALE not in PROVIDER.kinds_of("gemini-3.1-flash-lite-image")


@pytest.mark.parametrize(
    ("options", "model", "name"),
    [
        ({"aspect_ratio": "7:5"}, "gemini-3.1-flash-image", "aspect_ratio"),
        ({"aspect_ratio": "1:8"}, "gemini-3-pro-image", "aspect_ratio"),
        ({"aspect_ratio": ["1:1"]}, "gemini-3-pro-image", "aspect_ratio"),
        ({"image_size": "1k"}, "gemini-3.1-flash-image", "image_size"),
        ({"image_size": "2K"}, "gemini-3.1-flash-lite-image", "image_size"),
        ({"image_size": "512"}, "gemini-nano-banana-2.1", "image_size"),
        ({"image_size": "1K"}, "gemini-2.5-flash-image", "image_size"),
        ({"temperature": 2.1}, "gemini-3.1-flash-image", "temperature"),
        ({"temperature": True}, "gemini-3.1-flash-image", "temperature"),
        ({"temperature": float("nan")}, "gemini-3.1-flash-image", "temperature"),
        ({"top_p": "1"}, "gemini-3.1-flash-image", "top_p"),
        ({"thinking_level": "low"}, "gemini-3.1-flash-image", "thinking_level"),
        ({"thinking_level": "high"}, "gemini-3-pro-image", "thinking_level"),
        ({"negative_prompt": "fog"}, "gemini-3.1-flash-image", "negative_prompt"),
    ],
)
def test_an_option_the_model_does_not_have_is_refused_by_its_field(
    options: Mapping[str, object], model: str, name: str
) -> None:
    with pytest.raises(InputError) as caught:
        PROVIDER.check(draft(model=model, options=options))
    assert caught.value.field == f"options.gemini.{name}"
    assert repr(options[name]) in str(caught.value)


def test_a_shape_is_refused_for_a_kind_that_keeps_the_shape() -> None:
    for kind in (Kind.INPAINT, Kind.OUTPAINT, Kind.UPSCALE):
        with pytest.raises(InputError, match="keeps the shape of its start image"):
            PROVIDER.check(draft(kind, options={"aspect_ratio": "1:1"}))
    with pytest.raises(InputError, match="too small for an upscale"):
        PROVIDER.check(draft(Kind.UPSCALE, options={"image_size": "1K"}))


def test_a_size_beyond_all_models_is_refused() -> None:
    with pytest.raises(InputError, match="'20000x100' is not a size of gemini"):
        PROVIDER.check(draft(size=(20_000, 100)))


def test_an_estimate_is_never_less_than_what_a_call_uses(gemini_server: GeminiServer) -> None:
    for kind in Kind:
        request = request_for(kind)
        estimate = PROVIDER.estimate(draft(kind))
        used = PROVIDER.call(request).usage
        assert isinstance(estimate, Usage)
        assert isinstance(used, Usage)
        for unit, count in used.units.items():
            assert estimate.units[unit] >= count, (kind, unit)


def test_without_a_key_it_names_the_setting(settings: Settings) -> None:
    settings.GEMINI_API_KEY = ""
    assert PROVIDER.missing() == ["GEMINI_API_KEY"]


def test_the_setting_limits_simultaneous_calls(settings: Settings) -> None:
    settings.GEMINI_CONCURRENCY = 3
    assert PROVIDER.concurrency() == 3


def test_a_start_image_too_large_to_send_is_reduced() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (2400, 2400, 3), dtype=np.uint8)
    part = image_part(Image.fromarray(noise))
    assert part.inline_data is not None
    assert part.inline_data.mime_type == "image/jpeg"
    assert len(part.inline_data.data or b"") <= 7_000_000
    wide = image_part(Image.new("RGB", (6000, 600), "teal"))
    assert wide.inline_data is not None
    assert Image.open(io.BytesIO(wide.inline_data.data or b"")).size == (4096, 410)
