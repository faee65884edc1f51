"""The tools of the orchestrator: each does one outside effect and decides nothing.

None of them opens a transaction, and none is called inside one.
"""

import hashlib
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import connection
from PIL import Image

from dali.lib.bounded import call_within
from dali.lib.clock import Deadline
from dali.lib.errors import UnavailableError
from dali.lib.images import (
    CPU_GATE,
    InvalidImageError,
    Picture,
    decode,
    encode_delivery,
    on_pixel_thread,
    sniff,
)
from dali.lib.phash import fingerprint
from dali.lib.storage import originals
from progressions.delivery import deliveries
from progressions.enums import Code, Kind, StepStatus
from progressions.errors import DeliveryError, JudgeError, ProviderError
from progressions.ingest import load_start
from progressions.judge import JudgeRequest, Verdict, judges
from progressions.models import Job, Step, Variant
from progressions.provider import ProviderImage, ProviderRequest, providers

log = structlog.get_logger(__name__)

T = TypeVar("T")

# How long a provider or judge that ignores its deadline is waited for beyond it.
GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class Derived:
    """What one decoding of an original gives: the picture, its hash and its delivery image (WebP)."""

    picture: Picture
    phash: str
    delivery: bytes

    @property
    def width(self) -> int:
        """Pixels."""
        return self.picture.width

    @property
    def height(self) -> int:
        """Pixels."""
        return self.picture.height


def original_key(variant: Variant) -> str:
    """Where the provider's own bytes of a variant are kept, in the originals storage."""
    return f"project/{variant.project_id}/jobs/{variant.job_id}/orig/{variant.number}"


def build_request(variant: Variant, job: Job, *, attempt: int, deadline: Deadline) -> ProviderRequest:
    """The call to be made: start image and mask decoded and upright, as the provider's contract says."""
    start, mask = (None, None)
    if job.start_image_key:
        picture, area = load_start(job)
        with CPU_GATE:
            start = picture.png()
            if area is not None:
                buffer = io.BytesIO()
                area.save(buffer, "PNG", compress_level=1)
                mask = buffer.getvalue()
    options = job.options.get(variant.provider, {})
    return ProviderRequest(
        kind=Kind(variant.kind),
        prompt=variant.refined_prompt,
        seed=variant.seed,
        model=variant.model,
        deadline=deadline,
        variant_index=variant.index,
        attempt=attempt,
        size=parse_size(job.size),
        start_image=start,
        mask=mask,
        options=options,
    )


def call_provider(variant: Variant, request: ProviderRequest) -> ProviderImage:
    """One call, which ends at its deadline whatever the provider does. Raises ProviderError."""
    provider = providers.get(variant.provider)
    let_connection_go()
    try:
        return call_within(request.deadline.left_s() + GRACE_S, lambda: provider.call(request))
    except TimeoutError as error:
        raise ProviderError(Code.TIMEOUT, f"{provider.title} gave no answer in time.") from error


def store_answer(key: str, image: ProviderImage) -> bytes:
    """Stores the answer's bytes under its key, once, and returns what is stored there.

    Raises ProviderError(invalid_image) for bytes that cannot be a whole picture. Where the key is taken, by
    an answer to an earlier call, that answer holds: an object is never overwritten.
    """
    try:
        media_type = sniff(image.content)
    except InvalidImageError as error:
        raise ProviderError(Code.INVALID_IMAGE, f"The answer is not a picture: {error}") from error
    if persistently(lambda: originals().put_once(key, image.content, media_type=media_type)):
        return image.content
    return originals().read(key)


def discard(key: str) -> None:
    """Removes an answer that turned out to be no picture, so that the next one can take its key."""
    originals().delete(key)


def persistently(effect: Callable[[], T]) -> T:
    """The result of an effect that may be repeated, tried three times: a storage that hiccups fails no paid image."""
    for pause_s in (0.2, 1.0):
        try:
            return effect()
        except (DeliveryError, UnavailableError, OSError) as error:
            log.warning("effect_failed", error=str(error)[:500])
            time.sleep(pause_s)
    return effect()


def find_stored(key: str) -> bytes | None:
    """The bytes of an answer that was stored before its process died; None where there are none."""
    try:
        return originals().read(key)
    except FileNotFoundError:
        return None


def kept_answer(variant: Variant) -> dict[str, Any]:
    """What the `generate` step of a variant kept: `key, model, seed, bytes, meta`."""
    step = Step.objects.filter(owner_id=variant.id, name="generate", status=StepStatus.OK).first()
    return step.result if step is not None else {}


def derive(content: bytes, area: Image.Image | None = None) -> Derived:
    """Decodes an original once and derives everything from that; the hash of `area` where there is one.

    Raises InvalidImageError.
    """

    def work() -> Derived:
        picture = decode(content, max_pixels=settings.MAX_IMAGE_PIXELS)
        return Derived(picture, fingerprint(picture, area), encode_delivery(picture))

    return on_pixel_thread(work)


def open_picture(key: str) -> Picture:
    """The decoded original of an image that is judged late. Raises JudgeError where it cannot be shown."""
    try:
        content = originals().read(key)
        return on_pixel_thread(lambda: decode(content, max_pixels=settings.MAX_IMAGE_PIXELS))
    except (InvalidImageError, UnavailableError, OSError) as error:
        raise JudgeError(f"The image could not be opened ({type(error).__name__}).") from error


def place_delivery(derived: Derived) -> str:
    """Places the delivery image; returns its address. Raises DeliveryError."""
    sha256 = hashlib.sha256(derived.delivery).hexdigest()
    return deliveries.get(settings.DELIVERY).place(derived.delivery, sha256)


def ask_judge(job: Job, kind: str, picture: Picture) -> Verdict:
    """A verdict, within the judge's deadline. Raises JudgeError whatever goes wrong with the judge."""
    try:
        judge = judges.get(settings.JUDGE)
        start, mask = load_start(job) if job.start_image_key else (None, None)
        deadline = Deadline.after(settings.JUDGE_TIMEOUT_S)
        request = JudgeRequest(
            kind=Kind(kind),
            prompt=job.prompt,
            generated_image=picture,
            deadline=deadline,
            start_image=start,
            mask=mask,
            size=parse_size(job.size),
        )
        let_connection_go()
        return call_within(settings.JUDGE_TIMEOUT_S, lambda: judge.judge(request))
    except JudgeError:
        raise
    except TimeoutError as error:
        raise JudgeError(f"The judge gave no answer within {settings.JUDGE_TIMEOUT_S:g} s.") from error
    except Exception as error:
        raise JudgeError(f"The judge broke ({type(error).__name__}).") from error


def parse_size(size: str) -> tuple[int, int] | None:
    """(width, height) in pixels of `1024x768`; None of an empty string."""
    if not size:
        return None
    width, _, height = size.partition("x")
    return int(width), int(height)


def let_connection_go() -> None:
    """Gives this thread's connection back to the pool: none is held while a provider or judge works.

    A file needs no pool, and opening SQLite anew costs a millisecond, so it is kept.
    """
    if connection.vendor != "sqlite" and not connection.in_atomic_block:
        connection.close()
