"""kill -9 while the Artifact Agent answers: the chat continues where it was, in a new process."""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import requests

from tests.conftest import ServerProcess
from tests.waiting import wait_until

TEMPLATE = b'<!doctype html><title>{{TITLE}}</title><img src="{{HERO_IMAGE}}" alt=""><p>{{SUBTITLE}}</p>'


class Caller:
    """A user who chats with a server that may be replaced by another."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.artifact = ""

    def post(self, path: str, **kwargs: Any) -> dict[str, Any]:
        """The response, which must be a success."""
        headers = {"X-Api-Key": self.server.api_key}
        answer = requests.post(f"{self.server.origin}/api/{path}", headers=headers, timeout=40, **kwargs)
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def begin(self) -> None:
        """A project with one image, and a draft of a template."""
        project = self.post("projects", json={"name": "Harbour"})["id"]
        body = {"prompt": "a boat", "providers": ["mock"], "sessionId": "w", "size": "128x128"}
        job = self.post(f"projects/{project}/jobs", json=body)["jobId"]
        job_url = f"{self.server.origin}/api/jobs/{job}"
        wait_until(lambda: requests.get(job_url, timeout=60).json()["status"] == "complete", "the job ended")
        key = self.post("templates", files={"file": ("page.html", TEMPLATE)})["templateR2Key"]
        draft = {"templateR2Key": key, "title": "Winter Light", "projectIds": [project]}
        self.artifact = self.post("artifacts", json=draft)["id"]

    def say(self, words: str) -> dict[str, Any]:
        """The agent's answer."""
        return self.post(f"artifacts/{self.artifact}/customize", json={"sessionId": "s-1", "input": words})


@pytest.mark.parametrize("alive_s", [0.02])
def test_a_chat_outlives_the_server(start_server: Callable[..., ServerProcess], alive_s: float) -> None:
    first = start_server()
    caller = Caller(first)
    caller.begin()
    caller.say("")
    caller.say("1")

    def send() -> None:
        with suppress(requests.RequestException, AssertionError):
            caller.say("change HERO_IMAGE to the newest")

    thread = threading.Thread(target=send)
    thread.start()
    time.sleep(alive_s)
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    thread.join()
    caller.server = start_server(data_dir=first.data_dir)
    answer = caller.say("change HERO_IMAGE to the newest")
    assert (answer["filled"]["TITLE"], answer["remaining"]) == ("Winter Light", ["SUBTITLE"])
    assert answer["reply"].startswith("HERO_IMAGE is now the image “a boat · mock")
    last = caller.say("Snow")
    assert last["done"] is True
    page = requests.get(f"{caller.server.origin}/public/artifact/{last['public_slug']}", timeout=20).text
    assert "<title>Winter Light</title>" in page
    # The server's URL has changed since the image was chosen, and the page uses the new one.
    assert f'src="{caller.server.origin}/images/' in page
    assert "<p>Snow</p>" in page
