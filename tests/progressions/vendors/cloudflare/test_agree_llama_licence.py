"""`manage.py agree_llama_licence`: asks, agrees once, and reports the result."""

import io

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from tests.vendors.cloudflare_server import CloudflareServer, failure
from tests.vendors.configured import CLOUDFLARE_ACCOUNT, CLOUDFLARE_TOKEN
from tests.vendors.server import Fault

LLAMA = "@cf/meta/llama-3.2-11b-vision-instruct"


def agree(*arguments: str) -> str:
    said = io.StringIO()
    call_command("agree_llama_licence", *arguments, stdout=said)
    return said.getvalue()


def test_it_agrees_once_and_reports_success_although_the_service_answers_403(
    cloudflare_server: CloudflareServer,
) -> None:
    said = agree("--yes")
    assert f"Agreed: {LLAMA} may now be used." in said
    assert CLOUDFLARE_ACCOUNT in said
    assert CLOUDFLARE_TOKEN not in said
    assert [request.json() for request in cloudflare_server.received] == [{"prompt": "agree"}]
    assert cloudflare_server.agreed == {LLAMA}
    assert "accepted before" in agree("--yes")


def test_it_explains_what_agreeing_means_and_asks(
    cloudflare_server: CloudflareServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda: " Agree ")
    said = agree()
    assert "licence" in said
    assert "European Union" in said
    assert cloudflare_server.agreed == {LLAMA}


@pytest.mark.parametrize("answer", ["yes", "", "no"])
def test_any_other_answer_sends_nothing(
    cloudflare_server: CloudflareServer, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr("builtins.input", lambda: answer)
    with pytest.raises(CommandError, match="Nothing was sent"):
        agree()
    assert cloudflare_server.received == []


def test_without_a_terminal_it_sends_nothing(
    cloudflare_server: CloudflareServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(CommandError, match="Nothing was sent"):
        agree()
    assert cloudflare_server.received == []


def test_another_refusal_with_the_same_code_does_not_count_as_agreement(
    cloudflare_server: CloudflareServer,
) -> None:
    cloudflare_server.faults = [
        Fault(failure(403, 5016, "AiError: Model Agreement: Prior to using this model"))
    ]
    with pytest.raises(CommandError, match="did not accept the agreement"):
        agree("--yes")


def test_failures_of_the_service_are_reported(cloudflare_server: CloudflareServer) -> None:
    with pytest.raises(CommandError, match="No such model @cf/no/such"):
        agree("--yes", "--model", "@cf/no/such")


def test_it_names_the_missing_settings(settings: Settings) -> None:
    settings.CLOUDFLARE_API_TOKEN = ""
    with pytest.raises(CommandError, match="CLOUDFLARE_API_TOKEN"):
        agree("--yes")
