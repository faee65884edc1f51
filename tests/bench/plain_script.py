"""The script that the provider benchmark compares with: the same calls, stored as safely, and their events."""

import asyncio
import base64
import hashlib
import json
import os
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
from google import genai
from google.genai import types
from openai import AsyncOpenAI

from dali.lib.objects.storage import LocalWriteOnceStorage
from dali.lib.pictures.images import decode, encode_delivery
from dali.lib.pictures.phash import fingerprint
from tests.bench.fanout import _report as report
from tests.vendors.configured import CLOUDFLARE_ACCOUNT

PROMPT = "a lighthouse at dusk"


class Services:
    """The three services through their SDKs; Cloudflare, which has no SDK, through the HTTP client."""

    def __init__(self) -> None:
        base = types.HttpOptions(base_url=os.environ["GOOGLE_GEMINI_BASE_URL"])
        token = os.environ["CLOUDFLARE_API_TOKEN"]
        self._openai = AsyncOpenAI(max_retries=0)
        self._gemini = genai.Client(api_key=os.environ["GEMINI_API_KEY"], http_options=base).aio
        self._cloudflare = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=300)
        self._run = f"{os.environ['CLOUDFLARE_API_BASE_URL']}/accounts/{CLOUDFLARE_ACCOUNT}/ai/run"

    async def ask_openai(self) -> bytes:
        """One picture."""
        images = self._openai.images
        answer = await images.generate(model="gpt-image-2.6-flare", prompt=PROMPT, size="1024x1024")
        assert answer.data is not None
        return base64.b64decode(answer.data[0].b64_json or "")

    async def ask_gemini(self) -> bytes:
        """One picture."""
        answer = await self._gemini.models.generate_content(model="gemini-3.1-flash-image", contents=PROMPT)
        assert answer.parts is not None
        assert answer.parts[0].inline_data is not None
        return answer.parts[0].inline_data.data or b""

    async def ask_cloudflare(self) -> bytes:
        """One picture."""
        fields = {"prompt": (None, PROMPT), "width": (None, "1024"), "height": (None, "1024")}
        answer = await self._cloudflare.post(f"{self._run}/@cf/black-forest-labs/flux-2-dev", files=fields)
        return base64.b64decode(answer.json()["result"]["image"])


class Shelf:
    """The place where the script keeps pictures, rows and events."""

    def __init__(self, folder: Path) -> None:
        self._storage = LocalWriteOnceStorage(str(folder / "objects"))
        self._database = sqlite3.connect(folder / "plain.sqlite3", check_same_thread=False)
        for statement in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=NORMAL",
            "CREATE TABLE images (number INTEGER PRIMARY KEY, hash TEXT, delivery TEXT, bytes INTEGER)",
            "CREATE TABLE events (seq INTEGER PRIMARY KEY, text TEXT)",
        ):
            self._database.execute(statement)

    def tell(self, number: int, step: str) -> None:
        """Writes an event."""
        with self._database:
            text = json.dumps({"type": "progress", "variantIndex": number, "step": step})
            self._database.execute("INSERT INTO events (text) VALUES (?)", (text,))

    def insert(self, number: int, phash: str, name: str, size_bytes: int) -> None:
        """Writes a row."""
        with self._database:
            self._database.execute(
                "INSERT INTO images VALUES (?, ?, ?, ?)", (number, phash, name, size_bytes)
            )

    async def put(self, key: str, content: bytes, media_type: str) -> None:
        """Writes an object, once and synced."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, lambda: self._storage.put_once(key, content, media_type=media_type))


async def everything(shelf: Shelf, variants: int, concurrency: int) -> None:
    """Makes all variants, with at most `concurrency` calls at once to each service."""
    services, cpus = Services(), ThreadPoolExecutor(os.cpu_count())
    loop = asyncio.get_running_loop()

    def derive(content: bytes) -> tuple[str, bytes]:
        picture = decode(content)
        return fingerprint(picture), encode_delivery(picture)

    async def variant(number: int, ask: Callable[[], Awaitable[bytes]], slots: asyncio.Semaphore) -> None:
        async with slots:
            shelf.tell(number, "generate")
            content = await ask()
        await shelf.put(f"{number}", content, "image/png")
        shelf.tell(number, "store")
        phash, webp = await loop.run_in_executor(cpus, derive, content)
        shelf.tell(number, "hash")
        name = hashlib.sha256(webp).hexdigest()
        await shelf.put(name, webp, "image/webp")
        shelf.tell(number, "deliver")
        shelf.insert(number, phash, name, len(content))
        shelf.tell(number, "complete")

    asks = (services.ask_openai, services.ask_gemini, services.ask_cloudflare)
    slots = [asyncio.Semaphore(concurrency) for _ in asks]
    await asyncio.gather(*(variant(n, asks[n % 3], slots[n % 3]) for n in range(variants)))


if __name__ == "__main__":
    shelf = Shelf(Path(os.environ["DALI_DATA_DIR"]))
    began, cpu = time.perf_counter(), time.process_time()
    asyncio.run(everything(shelf, int(sys.argv[1]), int(sys.argv[2])))
    report(began, cpu, int(sys.argv[1]))
