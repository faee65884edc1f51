"""No key of an outside service is stored or shown anywhere, although the services repeat it in every answer."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from tests.conftest import ROOT, ServerProcess
from tests.vendors.configured import CLOUDFLARE_TOKEN, GEMINI_KEY, KEYS, OPENAI_KEY, make_server, settings_for
from tests.vendors.server import Answer, Fault
from tests.waiting import wait_until

SECRETS = {"openai": OPENAI_KEY, "gemini": GEMINI_KEY, "cloudflare": CLOUDFLARE_TOKEN}
PROVIDERS = ("openai", "gemini", "workers", "mock")


def echoes(key: str) -> Iterator[Fault | None]:
    """Answers that repeat the key in every field that is read, in every encoding that is decoded."""
    said = f"Bad key {key} given; Authorization: Bearer {key}; see ?key={key}"
    errors = {
        "error": {"message": said, "code": 400, "status": said, "type": said, "details": [{"reason": said}]},
        "errors": [{"code": 1000, "message": said}],
        "success": False,
        "result": None,
        "messages": [],
    }
    headers = {"X_Request_Id": f"r-{key}", "Cf_Ray": f"ray-{key}"}
    for status in (500, 401, 429, 400, 403, 404, 503, 402, 422, 200):
        yield Fault(answer=Answer.of_json(errors, status, **headers))
        yield Fault(answer=Answer(status, f"<html>{said}</html>".encode(), {"Content-Type": "text/html"}))
        # A reader that keeps 500 characters cuts the key off.
        yield Fault(answer=Answer(status, b"x" * 470 + said.encode(), {"Content-Type": "text/plain"}))
        yield Fault(answer=Answer(status, f"Bearer {key}".encode(), {"Content-Type": "image/png"}))
        yield None
        yield Fault(way="cut")


@pytest.fixture
def echoing_server(start_server: Callable[..., ServerProcess]) -> Iterator[ServerProcess]:
    """Dali at its most verbose log level, with three services that repeat their keys."""
    variables = {"DALI_LOG_LEVEL": "DEBUG", "DALI_MAX_ATTEMPTS": "2", "DALI_JUDGE": "openai"}
    variables |= {"DALI_REFINER": "model", "DEFAULT_MODEL_REASONING": "gemini:gemini-3.8-flash"}
    with ExitStack() as running:
        for vendor, key in SECRETS.items():
            server = running.enter_context(make_server(vendor))
            server.faults = [*echoes(key)] * 3
            variables |= settings_for(vendor, server.url)
        yield start_server(**variables)


def run_job(server: ServerProcess) -> tuple[str, str]:
    """A job that gets most of the answers; returns its id and its project's."""
    headers = {"X-Api-Key": server.api_key}
    project = requests.post(
        f"{server.origin}/api/projects", json={"name": "Keys"}, headers=headers, timeout=20
    ).json()["id"]
    body = {
        "prompt": "a lighthouse",
        "providers": PROVIDERS,
        "variants": 10,
        "sessionId": "keys",
        "size": "512x512",
    }
    answer = requests.post(
        f"{server.origin}/api/projects/{project}/jobs", json=body, headers=headers, timeout=20
    )
    assert answer.status_code == 202, answer.text
    job: str = answer.json()["jobId"]
    job_url = f"{server.origin}/api/jobs/{job}"
    wait_until(lambda: requests.get(job_url, timeout=60).json()["status"] == "complete", "the job ended")
    return job, project


def log_in(server: ServerProcess) -> requests.Session:
    """A session of the admin."""
    variables = {"DJANGO_SUPERUSER_PASSWORD": "a long password", "DJANGO_SUPERUSER_EMAIL": "a@example.com"}
    subprocess.run(
        [sys.executable, "manage.py", "createsuperuser", "--noinput", "--username", "keys"],
        cwd=ROOT, env=server.environment | variables, check=True, capture_output=True,
    )  # fmt: skip
    browser = requests.Session()
    browser.trust_env = False
    form = browser.get(f"{server.origin}/admin/login/", timeout=20)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)
    assert token is not None
    values = {
        "username": "keys",
        "password": "a long password",
        "csrfmiddlewaretoken": token[1],
        "next": "/admin/",
    }
    entered = browser.post(
        form.url, data=values, headers={"Referer": form.url}, timeout=20, allow_redirects=False
    )
    assert entered.status_code == 302, "the admin refused the login"
    return browser


def admin_pages(server: ServerProcess, browser: requests.Session) -> dict[str, str]:
    """Every admin page of this server that links lead to, except actions."""
    waiting = [f"{server.origin}/admin/"]
    pages: dict[str, str] = {}
    while waiting and len(pages) < 400:
        address = waiting.pop(0)
        if address in pages:
            continue
        answer = browser.get(address, timeout=30)
        pages[address] = answer.text
        for link in re.findall(r'href="([^"#]+)"', answer.text):
            found = urlsplit(urljoin(address, link))
            is_shown = not re.search(r"logout|password|jsi18n|/(add|delete|history)/|/auth/", found.path)
            if found.path.startswith("/admin/") and not found.query and is_shown:
                waiting.append(f"{server.origin}{found.path}")
    return pages


def test_no_key_is_in_any_log_event_answer_row_or_page(echoing_server: ServerProcess) -> None:
    server = echoing_server
    job, project = run_job(server)
    told = requests.get(f"{server.origin}/api/jobs/{job}/events", timeout=20)
    codes = {event["code"] for event in told.json() if event["type"] == "fail"}
    assert codes >= {"provider_error"}, "the job got the services' answers"
    pages = {
        path: requests.get(f"{server.origin}{path}", timeout=20).text
        for path in (
            f"/api/jobs/{job}",
            f"/api/projects/{project}/jobs",
            f"/api/projects/{project}/progressions",
            "/api/providers",
            "/api/schema",
            "/",
        )
    }
    pages["events"] = told.text
    pages |= admin_pages(server, log_in(server))
    assert any("/job/" in address and address.endswith("/change/") for address in pages)
    for path in server.data_dir.rglob("*"):  # logs, rows, the journal, stored objects
        if path.is_file():
            pages[str(path)] = path.read_bytes().decode("latin-1")
    assert any("step_failed" in text for address, text in pages.items() if address.endswith("server.log"))
    # A truncated key reveals most of itself too.
    found = [
        (address, text[max(0, text.index(key[:16]) - 80) :][:200])
        for address, text in pages.items()
        for key in KEYS
        if key[:16] in text
    ]
    assert found == []
