"""The tools of the steps: each has one outside effect and decides nothing.

They open no transaction and must not be called inside one.
"""

import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import Error as DatabaseFailure
from PIL import Image

from dali.lib.calls.deadlines import call_listening, call_within
from dali.lib.calls.failures import VendorError
from dali.lib.clock import Deadline
from dali.lib.db.connections import release_db_connection
from dali.lib.db.errors import classify
from dali.lib.errors import InputError, UnavailableError
from dali.lib.objects.storage import originals
from dali.lib.pictures.images import (
    CPU_GATE,
    InvalidImageError,
    Picture,
    decode,
    encode_delivery,
    on_pixel_thread,
    sniff,
)
from dali.lib.pictures.phash import fingerprint
from progressions.delivery import place_image
from progressions.enums import Code, Kind, StepStatus
from progressions.errors import DeliveryError, JudgeError, ProviderError
from progressions.judge import Judge, JudgeRequest, Verdict, judge_in_use
from progressions.models import Job, Step, Variant
from progressions.pipeline.ingest import find_stored, load_start
from progressions.provider import Draft, ProviderImage, ProviderRequest, providers
from progressions.work import held_answers

log = structlog.get_logger(__name__)

T = TypeVar("T")

# How long to wait, beyond its deadline, for a provider that ignores it.
GRACE_S = 5.0
# Between attempts at an effect.
PAUSES_S = (0.2, 1.0)
# Between attempts at holding an answer, which is only in this process's memory and would have to be paid for again.
HOLD_PAUSES_S = (0.2, 1.0, 5.0, 15.0, 30.0)


@dataclass(frozen=True, slots=True)
class Derived:
    """What is derived from an original: the picture, its hash, its delivery image (WebP), the original's size."""

    picture: Picture
    phash: str
    delivery: bytes
    size_bytes: int


def original_key(variant: Variant) -> str:
    """Where the provider's own bytes of a variant are kept, in the originals storage."""
    return f"project/{variant.project_id}/jobs/{variant.job_id}/orig/{variant.number}"


def answer_key(variant: Variant) -> str:
    """The key of the provider's bytes if Dali makes the image from them (Provider.finish)."""
    return f"{original_key(variant)}-answer"


def is_finished_here(variant: Variant) -> bool:
    """Whether Dali makes the image from the provider's answer."""
    return variant.kind in providers.get(variant.provider).finishes


def build_request(variant: Variant, job: Job, *, attempt: int, deadline: Deadline) -> ProviderRequest:
    """The request of a call: start image and mask decoded and upright, as the provider's contract says."""
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
        size=job.size_px,
        start_image=start,
        mask=mask,
        options=options,
    )


def check_again(request: ProviderRequest, provider_name: str) -> None:
    """Checks that the call can still succeed: settings may have changed since submission. Raises ProviderError."""
    provider = providers.get(provider_name)
    if missing := provider.missing():
        error = f"{provider.title} is no longer configured: set {', '.join(missing)}."
        raise ProviderError(Code.PROVIDER_ERROR, error, is_retryable=False)
    draft = Draft(request.kind, request.prompt, request.model, request.size, request.options)
    try:
        provider.check(draft)
    except InputError as error:
        raise ProviderError(Code.PROVIDER_ERROR, str(error), is_retryable=False) from error


def call_provider(
    variant: Variant, request: ProviderRequest, hear: Callable[[bytes], None] = lambda _preview: None
) -> ProviderImage:
    """One call, which ends at its deadline whatever the provider does. Raises ProviderError.

    `hear` gets the bytes of previews in this thread during the call; of several waiting ones only the newest.
    """
    provider = providers.get(variant.provider)
    release_db_connection()
    limit_s = request.deadline.left_s() + GRACE_S
    try:
        return call_listening(limit_s, lambda say: provider.call(replace(request, on_partial=say)), hear)
    except VendorError as error:
        raise ProviderError.of(error) from error
    except TimeoutError as error:
        message = f"{provider.title} gave no answer in time."
        raise ProviderError(Code.TIMEOUT, message, is_possibly_billed=True) from error


def store_answer(key: str, content: bytes, note: Mapping[str, object]) -> bytes:
    """Stores an answer's bytes under its key, once, with its note; returns what is stored there.

    Raises ProviderError(invalid_image) for bytes that cannot be a whole picture. If the key holds the answer to
    an earlier call, that answer is used: objects are never overwritten. Raises UnavailableError at the first
    failure, without retries: the answer must not wait in this process's memory.
    """
    try:
        media_type = sniff(content)
    except InvalidImageError as error:
        message = f"The answer is not a picture: {error}"
        raise ProviderError(Code.INVALID_IMAGE, message, is_retryable=True) from error
    if originals().put_once(key, content, media_type=media_type, note=note):
        return content
    return originals().read(key)


def hold_answer(variant: Variant, key: str, content: bytes, note: Mapping[str, object]) -> None:
    """Keeps an answer that the storage did not accept in the database, which may be unavailable for a moment too."""
    media_type = sniff(content)
    for pause_s in (*HOLD_PAUSES_S, None):
        try:
            held_answers.hold(variant.id, key, content, media_type=media_type, note=note)
        except DatabaseFailure as error:
            if pause_s is None or classify(error) is None:
                raise
            log.warning("answer_not_held", error=type(error).__name__)
            release_db_connection()
            time.sleep(pause_s)
        else:
            return


def finish_answer(
    variant: Variant, request: ProviderRequest, answer: bytes, note: Mapping[str, object]
) -> bytes:
    """Makes the image from a stored answer, and stores it. Raises ProviderError(invalid_image)."""
    provider = providers.get(variant.provider)
    try:
        content = on_pixel_thread(lambda: provider.finish(request, answer))
    except InvalidImageError as error:
        discard(variant)
        message = f"The answer does not decode: {error}"
        raise ProviderError(Code.INVALID_IMAGE, message, is_retryable=True) from error
    return store_answer(original_key(variant), content, note)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer that was stored but not journaled. `is_finished`: it is the image itself."""

    content: bytes
    note: Mapping[str, Any] | None
    is_finished: bool


def find_answer(variant: Variant) -> StoredAnswer | None:
    """The stored answer of a variant, finished or not, or None.

    One that is held is stored first. Raises UnavailableError.
    """
    held_answers.store_held(variant.id)
    keys = [original_key(variant)]
    if is_finished_here(variant):
        keys.append(answer_key(variant))
    for key in keys:
        content = find_stored(key)
        if content is not None:
            return StoredAnswer(content, originals().read_note(key), key == keys[0])
    return None


def discard(variant: Variant) -> None:
    """Deletes an answer that is not a picture, so that the next one can use its key."""
    originals().delete(original_key(variant))
    if is_finished_here(variant):
        originals().delete(answer_key(variant))


def retry(effect: Callable[[], T], pauses_s: Sequence[float] = PAUSES_S) -> T:
    """Runs a repeatable effect, again after each pause, so that a short failure does not cost a paid image."""
    for pause_s in pauses_s:
        try:
            return effect()
        except (DeliveryError, UnavailableError, OSError) as error:
            if isinstance(error, DeliveryError) and (error.is_permanent or error.is_busy):
                raise  # asking again at once cannot help
            log.warning("effect_failed", error=str(error)[:500])
            time.sleep(pause_s)
    return effect()


def kept_answer(variant: Variant) -> dict[str, Any]:
    """The result of a variant's `generate` step: `key, model, seed, bytes, meta`."""
    step = Step.objects.filter(owner_id=variant.id, name="generate", status=StepStatus.OK).first()
    return step.result if step is not None else {}


def derive(content: bytes, area: Image.Image | None = None) -> Derived:
    """Decodes an original once and derives everything from that. With an `area`, the hash covers only that.

    Raises InvalidImageError.
    """

    def work() -> Derived:
        picture = decode(content, max_pixels=settings.MAX_IMAGE_PIXELS)
        return Derived(picture, fingerprint(picture, area), encode_delivery(picture), len(content))

    return on_pixel_thread(work)


def open_picture(key: str) -> Picture:
    """The decoded original of an image that is judged late. Raises JudgeError if it cannot be opened."""
    try:
        content = originals().read(key)
        return on_pixel_thread(lambda: decode(content, max_pixels=settings.MAX_IMAGE_PIXELS))
    except (InvalidImageError, UnavailableError, OSError) as error:
        raise JudgeError(f"The image could not be opened ({type(error).__name__}).") from error


def place_delivery(derived: Derived) -> str:
    """Places the delivery image; returns its address. Raises DeliveryError."""
    return place_image(derived.delivery)


def ask_judge(job: Job, kind: str, picture: Picture, judge: Judge | None = None) -> Verdict:
    """The verdict of the given judge or of the judge in use, within its deadline.

    Raises JudgeError whatever goes wrong with the judge. The judge's own deadline is a little earlier, so that a judge
    that keeps it can still report what it has paid for.
    """
    limit_s = settings.JUDGE_TIMEOUT_S
    asked = request = None
    try:
        asked = judge or judge_in_use()
        start, mask = _shown_before(job)
        request = JudgeRequest(
            kind=Kind(kind),
            prompt=job.prompt,
            generated_image=picture,
            deadline=Deadline.after(limit_s - min(1.0, limit_s / 20)),
            start_image=start,
            mask=mask,
            size=job.size_px,
        )
        release_db_connection()
        return replace(call_within(limit_s, lambda: asked.judge(request)), judge=asked.name)
    except JudgeError:
        raise
    except TimeoutError as error:
        estimate = asked.estimate(request) if asked and request else None
        unseen = () if estimate is None else (estimate,)
        raise JudgeError(f"The judge gave no answer within {limit_s:g} s.", unseen=unseen) from error
    except Exception as error:  # noqa: BLE001 - a judge is a plug-in and may raise anything
        raise JudgeError(f"The judge broke ({type(error).__name__}).") from error


def _shown_before(job: Job) -> tuple[Picture | None, Image.Image | None]:
    """The job's start image and mask for the judge. Raises JudgeError if they cannot be opened."""
    if not job.start_image_key:
        return None, None
    try:
        return load_start(job)
    except (InvalidImageError, UnavailableError, OSError) as error:
        raise JudgeError(f"The start image could not be opened ({type(error).__name__}).") from error
