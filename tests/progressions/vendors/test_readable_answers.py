"""The forms in which services and compatible servers send an image: each is read, and an unreadable one costs once."""

import base64
import copy
from collections.abc import Callable
from typing import Any

import pytest

from dali.lib.calls.failures import VendorError
from dali.lib.clock import Deadline
from dali.lib.pictures.images import decode
from progressions.enums import Kind
from progressions.provider import ProviderImage, ProviderRequest
from tests.progressions.fakes import picture_bytes
from tests.progressions.vendors.test_mutated_answers import SERVICES, ask, server, service
from tests.vendors.server import Answer, Fault, VendorServer

__all__ = ["server", "service"]

# With bytes whose base64 contains both letters that differ between the alphabets.
PICTURE = next(
    content for seed in range(50) if {*"+/"} <= {*base64.b64encode(content := picture_bytes(seed)).decode()}
)
TEXT = base64.b64encode(PICTURE).decode()
LINES = "\r\n".join(TEXT[at : at + 76] for at in range(0, len(TEXT), 76))
URL_SAFE = base64.urlsafe_b64encode(PICTURE).decode()
FORMS = {
    "plain": TEXT,
    "line breaks": LINES,
    "spaces around": f"  {TEXT}\n",
    "url-safe": URL_SAFE,
    "without padding": TEXT.rstrip("="),
    "url-safe, without padding": URL_SAFE.rstrip("="),
    "data URL": f"data:image/png;base64,{TEXT}",
    "data URL of a wrong type": f"data:text/plain;charset=utf-8;base64,{TEXT}",
    "data URL with line breaks": f"data:image/png;base64,\n{LINES}",
    "data URL, url-safe": f"DATA:image/png;base64,{URL_SAFE.rstrip('=')}",
    "data URL, escaped": f"data:image/png;base64,{TEXT.replace('+', '%2B').replace('/', '%2F').replace('=', '%3D')}",
}


def answer_with(service: str, place: Any) -> Answer:
    """The correct answer with something else in place of the image."""
    body = copy.deepcopy(SERVICES[service][2])
    path = SERVICES[service][3]
    holder: Any = body
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = place
    return Answer.of_json(body)


@pytest.mark.parametrize("form", FORMS)
def test_base64_is_read_in_every_form(service: str, server: VendorServer, form: str) -> None:
    assert ask(service, server, answer_with(service, FORMS[form])).content == PICTURE


def test_the_body_itself_may_be_the_picture(service: str, server: VendorServer) -> None:
    for media_type in ("image/png", "application/json", "application/octet-stream"):
        answer = Answer(200, PICTURE, {"Content-Type": media_type})
        assert ask(service, server, answer).content == PICTURE


def with_address(service: str, address: str) -> Answer:
    """An answer that gives the image's URL instead of its bytes."""
    if service == "openai":
        return Answer.of_json({"created": 1, "data": [{"url": address}]})
    if service == "workers":
        return Answer.of_json({"result": {"image": address}, "success": True})
    part = {"fileData": {"fileUri": address, "mimeType": "image/png"}}
    return Answer.of_json({"candidates": [{"content": {"parts": [part]}}]})


def fetched(service: str, server: VendorServer, address: str) -> ProviderImage:
    """The image of an answer with a URL, which the same server serves next."""
    server.faults = [
        Fault(answer=with_address(service, address)),
        Fault(answer=Answer(200, PICTURE, {"Content-Type": "image/png"})),
    ]
    provider, model, _, _ = SERVICES[service]
    return provider.call(request_of(model))


def request_of(model: str) -> ProviderRequest:
    return ProviderRequest(
        kind=Kind.GENERATE, prompt="a lighthouse", seed=1, model=model, deadline=Deadline.after(20)
    )


def test_a_url_on_the_services_own_server_is_fetched_without_a_key(
    service: str, server: VendorServer
) -> None:
    assert fetched(service, server, f"{server.url}/pictures/1.png").content == PICTURE
    asked, picture = server.received
    assert (asked.method, picture.method, picture.path) == ("POST", "GET", "/pictures/1.png")
    keys = {"authorization", "x-goog-api-key", "cookie"}
    assert keys & set(asked.headers)
    assert not keys & set(picture.headers)


def test_a_relative_url_refers_to_the_services_own_server(openai_server: VendorServer) -> None:
    assert fetched("openai", openai_server, "/pictures/1.png").content == PICTURE
    assert openai_server.received[1].path == "/pictures/1.png"


@pytest.mark.parametrize(
    "made",
    [
        lambda other: f"{other.url}/1.png",
        lambda _: "http://169.254.169.254/latest/meta-data",
        lambda _: "http://localhost:6379/",
        lambda _: "ftp://example.com/1.png",
        lambda _: "http://[bad",
        lambda _: "http://\ud83d.example.com/\ud83d",
    ],
    ids=["another-port", "metadata", "localhost", "ftp", "broken", "half-a-character"],
)
def test_an_internal_url_is_not_fetched_and_the_call_not_repeated(
    service: str, server: VendorServer, made: Callable[[VendorServer], str]
) -> None:
    with VendorServer(lambda _: Answer(200, PICTURE)) as other:
        with pytest.raises(VendorError) as caught:
            ask(service, server, with_address(service, made(other)))
        assert other.received == []
    assert (caught.value.outcome, caught.value.is_retryable) == ("invalid_image", False)
    assert len(server.received) == 1


def test_a_redirect_from_the_own_server_to_an_internal_url_is_not_followed(
    service: str, server: VendorServer
) -> None:
    with VendorServer(lambda _: Answer(200, PICTURE)) as other:
        server.faults = [
            Fault(answer=with_address(service, f"{server.url}/1.png")),
            Fault(answer=Answer(302, b"", {"Location": f"{other.url}/1.png"})),
        ]
        with pytest.raises(VendorError) as caught:
            SERVICES[service][0].call(request_of(SERVICES[service][1]))
        assert other.received == []
    assert (caught.value.outcome, caught.value.is_retryable) == ("invalid_image", False)


def test_a_url_that_fails_at_first_is_fetched_again_without_another_call(
    service: str, server: VendorServer
) -> None:
    server.faults = [
        Fault(answer=with_address(service, f"{server.url}/1.png")),
        Fault(answer=Answer(503)),
        Fault(answer=Answer(200, PICTURE)),
    ]
    provider, model, _, _ = SERVICES[service]
    assert provider.call(request_of(model)).content == PICTURE
    assert [received.method for received in server.received] == ["POST", "GET", "GET"]


@pytest.mark.parametrize(
    "place", ["Sorry, I cannot.", "data:image/png", "***", "/pictures/1.png", "data:image/png;base64,***"]
)
def test_data_that_is_not_an_image_is_not_requested_again(
    service: str, server: VendorServer, place: str
) -> None:
    with pytest.raises(VendorError) as caught:
        ask(service, server, answer_with(service, place))
    error = caught.value
    assert (error.outcome, error.is_retryable) == ("invalid_image", False)
    assert error.is_possibly_billed or error.usage is not None


@pytest.mark.parametrize("media_type", [None, "", "text/plain", "application/octet-stream", 5])
def test_an_inline_image_is_recognised_by_its_bytes(gemini_server: VendorServer, media_type: object) -> None:
    blob = {"data": TEXT} if media_type is None else {"data": TEXT, "mimeType": media_type}
    answer = Answer.of_json({"candidates": [{"content": {"parts": [{"inlineData": blob}]}}]})
    assert decode(ask("gemini", gemini_server, answer).content).image.size == (64, 64)


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"b64_json": TEXT}},
        {"data": [{}, {"b64_json": TEXT}]},
        {"data": [TEXT]},
        {"images": [{"url": f"data:image/png;base64,{TEXT}"}]},
        {"data": [{"b64_json": None, "url": f"data:image/png;base64,{TEXT}"}]},
        {"data": [{"b64_json": "***", "image": TEXT}]},
        {"data": [{"b64_json": TEXT}], "error": {"message": "nothing"}},
    ],
)
def test_the_image_is_found_in_any_field(openai_server: VendorServer, body: dict[str, Any]) -> None:
    assert ask("openai", openai_server, Answer.of_json(body)).content == PICTURE


@pytest.mark.parametrize("result", [TEXT, [TEXT], {"images": [TEXT]}, {"data": [{"b64_json": TEXT}]}])
def test_workers_ai_may_put_it_in_another_field(cloudflare_server: VendorServer, result: object) -> None:
    answer = Answer.of_json({"result": result, "success": True, "errors": []})
    assert ask("workers", cloudflare_server, answer).content == PICTURE
