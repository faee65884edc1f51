"""The fake Gemini refuses what Gemini refuses; otherwise it would hide errors in requests."""

import base64
import io
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests
from PIL import Image

from tests.vendors.gemini_server import GeminiServer

KEY = {"x-goog-api-key": "AIza-test-gemini-0123456789abcdef"}
IMAGE = "gemini-3.1-flash-image"
TEXT = {"contents": [{"parts": [{"text": "a lighthouse"}]}]}


@pytest.fixture
def server() -> Iterator[GeminiServer]:
    with GeminiServer() as running:
        yield running


def ask(
    server: GeminiServer, body: Mapping[str, Any], model: str = IMAGE, headers: Mapping[str, str] = KEY
) -> tuple[int, dict[str, Any]]:
    answer = requests.post(
        f"{server.url}/v1beta/models/{model}:generateContent", json=body, headers=headers, timeout=20
    )
    return answer.status_code, answer.json()


def painted(**config: Any) -> dict[str, Any]:
    return {**TEXT, "generationConfig": config}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({**TEXT, "prompt": "x"}, 'Unknown name "prompt": Cannot find field.'),
        (painted(n=2), "Unknown name \"n\" at 'generationConfig': Cannot find field."),
        (painted(imageConfig={"size": "1K"}), "Unknown name \"size\" at 'generationConfig.imageConfig'"),
        ({"contents": [{"parts": [{"txt": "a"}]}]}, "Unknown name \"txt\" at 'contents[0].parts[0]'"),
        (painted(candidateCount=2), "Multiple candidates is not enabled for this model"),
        (painted(imageConfig={"aspectRatio": "7:5"}), "aspect_ratio must be one of 1:1, 2:3"),
        (painted(imageConfig={"imageSize": "1k"}), "image_size is not supported"),
        (painted(seed=2**31), "TYPE_INT32"),
        (painted(temperature=3), "out of range"),
        (painted(responseMimeType="application/json"), "JSON mode is not enabled"),
        (painted(thinkingConfig={"thinkingLevel": "LOW"}), "Thinking level is not supported"),
        ({"contents": []}, "contents is not specified"),
        ({"contents": [{"parts": [{}]}]}, "data must have one field"),
    ],
)
def test_an_invalid_request_is_refused(server: GeminiServer, body: dict[str, Any], said: str) -> None:
    status, answer = ask(server, body)
    assert status == 400
    assert answer["error"]["status"] == "INVALID_ARGUMENT"
    assert said in answer["error"]["message"]


def test_keys_and_models_are_checked(server: GeminiServer) -> None:
    assert ask(server, TEXT, headers={})[0] == 403
    status, answer = ask(server, TEXT, headers={"x-goog-api-key": "wrong"})
    assert (status, answer["error"]["details"][0]["reason"]) == (400, "API_KEY_INVALID")
    assert ask(server, TEXT, model="imagen-4")[0] == 404
    assert ask(server, TEXT, model="gemini-2.5-flash-image")[0] == 200
    assert ask(server, painted(imageConfig={"imageSize": "1K"}), model="gemini-2.5-flash-image")[0] == 400


def test_more_than_20_mb_are_refused(server: GeminiServer) -> None:
    status, answer = ask(server, {"contents": [{"parts": [{"text": "a" * 21_000_000}]}]})
    assert (status, "payload size exceeds" in answer["error"]["message"]) == (400, True)


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("names", [("inlineData", "mimeType"), ("inline_data", "mime_type")])
def test_images_are_accepted_in_both_alphabets_and_both_spellings(
    server: GeminiServer, encode: Any, names: tuple[str, str]
) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(buffer, "PNG")
    blob = {names[1]: "image/png", "data": encode(buffer.getvalue()).decode()}
    assert ask(server, {"contents": [{"parts": [{"text": "a"}, {names[0]: blob}]}]})[0] == 200
    assert ask(server, {"contents": [{"parts": [{names[0]: {**blob, names[1]: "image/jpeg"}}]}]})[0] == 400
    assert ask(server, {"contents": [{"parts": [{names[0]: {**blob, "data": "***"}}]}]})[0] == 400


def test_the_same_request_gives_the_same_picture_and_another_seed_another(server: GeminiServer) -> None:
    def picture(seed: int) -> str:
        _, answer = ask(server, painted(seed=seed, imageConfig={"imageSize": "512"}))
        content: str = answer["candidates"][0]["content"]["parts"][-1]["inlineData"]["data"]
        return content

    assert picture(1) == picture(1)
    assert picture(1) != picture(2)
