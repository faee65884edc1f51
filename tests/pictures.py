"""Makes the pictures of the documents: `python -m tests.pictures [generator ... | studio]`.

A separate server paints a project with the built-in provider, every generator makes its artifact of it, and Chromium
takes its screenshot; PDFs are rendered by pdftoppm, films show a frame, rooms are rendered with three.js
(`npm ci` in tests/node), data shows its first lines.
"""

import html
import io
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import requests
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.rooms import ARGUMENTS, look_into

FOLDER = Path("docs/pictures")
MOST_BYTES = 60_000
SIZE = (960, 840)
_KEY = "pictures-0123456789abcdef0123456789abcdef"
_STAFF = ("pictures", "a password of the pictures alone")
_PROMPTS = (
    ("a lighthouse at dusk, oil on canvas", "1024x768"),
    ("a harbour at night with many lights, rain", "1024x768"),
    ("snowy mountains above a lake, morning", "768x1024"),
    ("a red boat on calm water, watercolour", "1024x768"),
    ("a field of sunflowers under a storm", "768x1024"),
)
_LINES = 20
log = logging.getLogger("pictures")


class Server:
    """The API of a running server."""

    def __init__(self, origin: str) -> None:
        self.origin = origin

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The JSON of a response; raises unless it is a success."""
        answer = requests.request(
            method, self.origin + path, json=body, headers={"X-Api-Key": _KEY}, timeout=120
        )
        answer.raise_for_status()
        return answer.json()

    def wait(self, path: str, *, until: tuple[str, ...]) -> Any:
        """The row at `path` once its status is one of `until`."""
        while (row := self.ask("GET", path))["status"] not in until:
            time.sleep(0.3)
        return row

    def run_job(self, project: str, **body: object) -> list[str]:
        """The images of a job, once it has ended."""
        given = {"providers": ["mock"], "variants": 3, "sessionId": "pictures", "seed": 7, **body}
        job = self.ask("POST", f"/api/projects/{project}/jobs", given)
        ended = self.wait(f"/api/jobs/{job['jobId']}", until=("complete", "cancelled"))
        return [one["progressionId"] for one in ended["variants"] if one["progressionId"]]

    def paint(self) -> str:
        """Creates a project with edits, a refusal and verdicts; returns its id."""
        about = {"name": "Harbour lights", "description": "Lighthouses and harbours for the autumn campaign."}
        project: str = self.ask("POST", "/api/projects", about)["id"]
        for prompt, size in _PROMPTS:
            images = self.run_job(project, prompt=prompt, size=size)
            self.run_job(
                project, prompt="make it winter, with snow", parentProgressionId=images[0], variants=1
            )
        fault = {"mock": {"fault": "refused", "fault_variants": [1]}}
        self.run_job(project, prompt="a storm over the harbour", options=fault)
        return project


@contextmanager
def _serving() -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ, "DALI_DATA_DIR": folder, "PORT": "8867", "DALI_API_KEY": _KEY, "DALI_JOBS_RATE": "1000/m",
            "DJANGO_SUPERUSER_PASSWORD": _STAFF[1],
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        server = Server("http://127.0.0.1:8867")
        try:
            for _ in range(120):
                try:
                    server.ask("GET", "/api/projects")
                    break
                except requests.ConnectionError:
                    time.sleep(0.5)
            staff = ["createsuperuser", "--noinput", "--username", _STAFF[0], "--email", "staff@example.com"]
            subprocess.run([sys.executable, "manage.py", *staff], env=environment, check=True)
            yield server
        finally:
            process.terminate()
            process.wait()


def _picture(browser: Browser, artifact: Any) -> Image.Image | None:
    """What a reader sees first; None if a picture is impossible."""
    address = artifact["public_url"]
    if artifact["output"] == "html":
        return _shot(browser, address)
    content = requests.get(address, timeout=60).content
    if artifact["output"] == "pdf":
        return _drawn(content)
    if artifact["output"] == "video":
        return _frame(content)
    if artifact["output"] in {"json", "csv"}:
        return _shot(browser, text="\n".join(content.decode().splitlines()[:_LINES]))
    if artifact["output"] == "3d":
        return look_into(browser, content)[0]
    return None


def _shot(browser: Browser, address: str = "", *, text: str = "") -> Image.Image:
    page = browser.new_page(viewport={"width": 1280, "height": 1120 if address else 640})
    if address:
        page.goto(address, wait_until="networkidle")
    else:
        style = "body{margin:2rem;background:#f7f2e9;color:#221d17;font:16px/1.7 monospace;white-space:pre}"
        page.set_content(f"<style>{style}</style>{html.escape(text)}")
    page.wait_for_timeout(800)
    shot = Image.open(io.BytesIO(page.screenshot()))
    page.close()
    return shot.convert("RGB")


def _drawn(content: bytes) -> Image.Image:
    """The first two pages of a PDF side by side on a plain background."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.pdf"
        file.write_bytes(content)
        command = [
            shutil.which("pdftoppm") or "pdftoppm",
            "-r",
            "70",
            "-l",
            "2",
            "-png",
            str(file),
            f"{folder}/p",
        ]
        subprocess.run(command, check=True)
        pages = [Image.open(path).convert("RGB") for path in sorted(Path(folder).glob("p*.png"))]
    desk = Image.new("RGB", (1280, 800), "#d8d0c4")
    width = 1280 // len(pages)
    for place, page in enumerate(pages):
        page.thumbnail((width - 40, 760))
        desk.paste(page, (place * width + (width - page.width) // 2, (800 - page.height) // 2))
    return desk


def _frame(content: bytes) -> Image.Image:
    with av.open(io.BytesIO(content), mode="r") as film:
        frames: list[Any] = [frame for number, frame in enumerate(film.decode(video=0)) if number < 90]
    shown: Image.Image = frames[-1].to_image()
    return shown


def _save(picture: Image.Image, name: str) -> None:
    """As WebP, in the best quality that fits."""
    picture.thumbnail(SIZE)
    for quality in range(86, 20, -6):
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=quality, method=6)
        if buffer.tell() <= MOST_BYTES:
            break
        picture = picture.resize((round(picture.width * 0.94), round(picture.height * 0.94)))
    (FOLDER / f"{name}.webp").write_bytes(buffer.getvalue())
    log.info("%s: %d bytes", name, buffer.tell())


def _studio(browser: Browser, server: Server, project: str) -> Image.Image:
    """The example template, half filled by chat."""
    with Path("fixtures/lookbook/template.html").open("rb") as file:
        sent = requests.post(
            f"{server.origin}/api/templates", files={"file": file}, headers={"X-Api-Key": _KEY}, timeout=60
        )
    body = {"templateR2Key": sent.json()["templateR2Key"], "title": "Winter light", "projectIds": [project]}
    draft = server.ask("POST", "/api/artifacts", body)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{server.origin}/studio/artifacts/{draft['id']}/")
    page.get_by_label("Username").fill(_STAFF[0])
    page.get_by_label("Password").fill(_STAFF[1])
    page.get_by_role("button", name="Log in").click()
    for message in ("1", "the lighthouse", "2", "Harbours, before and after the storm"):
        page.locator("body:not(.busy) .said.agent").last.wait_for()
        page.get_by_label("Your message").fill(message)
        page.keyboard.press("Enter")
        page.locator("body.busy").wait_for()
    page.locator("body:not(.busy) .choice img").last.wait_for()
    page.wait_for_timeout(1500)
    shot = Image.open(io.BytesIO(page.screenshot()))
    page.close()
    return shot.convert("RGB")


def main(names: list[str]) -> None:
    """Makes all of them, or the named ones."""
    FOLDER.mkdir(exist_ok=True)
    with _serving() as server, sync_playwright() as playwright:
        chromium = os.environ.get("DALI_CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        project = server.paint()
        for generator in server.ask("GET", "/api/artifact-generators"):
            if names and generator["id"] not in names:
                continue
            body = {"generator": generator["id"], "projectIds": [project]}
            row = server.ask("POST", "/api/artifacts", body)
            row = server.wait(f"/api/artifacts/{row['id']}", until=("published", "failed"))
            picture = _picture(browser, row) if row["status"] == "published" else None
            if picture is None:
                log.warning("%s: no picture (%s %s)", generator["id"], row["output"], row["error"])
            else:
                _save(picture, generator["id"])
        if not names or "studio" in names:
            _save(_studio(browser, server, project), "studio")
        browser.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(sys.argv[1:])
