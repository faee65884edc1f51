"""Delivery by Cloudflare Images: uploaded once under the hash of the content, served by imagedelivery.net.

From developers.cloudflare.com/images (read November 2026): at most 10 MB, 100 megapixels and 12,000 px a side. Custom
ids may contain slashes; images with one cannot have signed URLs. The error codes are undocumented and were observed.
"""

import io
import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from django.conf import settings
from PIL import Image

from dali.lib.calls.answers.json_reading import at
from dali.lib.calls.circuit_breaker import CircuitBreaker
from dali.lib.clock import Deadline
from dali.lib.pictures.formats.headers import InvalidImageError, webp_size
from dali.lib.pictures.images import CPU_GATE, decode
from progressions.delivered_files import check_sha256
from progressions.delivery import Delivery
from progressions.enums import Code
from progressions.errors import DeliveryError
from progressions.vendors.cloudflare import api
from progressions.vendors.cloudflare.api import CloudflareError

HOST = "https://imagedelivery.net"
MOST_BYTES = 10_000_000
MOST_PIXELS = 100_000_000
MOST_PX = 12_000
# Three attempts and the pauses between them are shorter than the step's lease.
DEADLINE_S = 30.0
# "Resource already exists" (409), "Image not found" (404), unsupported format (415), too large (413).
_TAKEN, _NOT_FOUND, _WRONG_FORMAT, _TOO_LARGE = 5409, 5404, 5455, 5413
# Pause in seconds if the answer names none: after too many requests, and after any other failure.
_BUSY_S, _AWAY_S = 30, 5
_QUALITIES = (80, 70, 60, 50)
_SMALLER = 0.8
_ID = re.compile(r"dali/[0-9a-f]{64}")
_METADATA = json.dumps({"by": "dali"})
BREAKER = CircuitBreaker(worker_s=DEADLINE_S)


class CloudflareImagesDelivery(Delivery):
    """Images of the account, at `https://imagedelivery.net/<account hash>/dali/<sha256>/<variant>`."""

    name = "cloudflare_images"
    required_settings = (*api.REQUIRED, "CLOUDFLARE_IMAGES_ACCOUNT_HASH")

    def origins(self) -> list[str]:
        """See Delivery."""
        return [HOST]

    def place(self, content: bytes, sha256: str) -> str:
        """See Delivery. An image over the service's limits is encoded again, smaller, under the same id."""
        image_id = f"dali/{check_sha256(sha256)}"
        files: dict[str, api.File] = {
            "id": (None, image_id),  # excludes requireSignedURLs
            "metadata": (None, _METADATA),
            "file": (f"{sha256}.webp", within_limits(content), "image/webp"),
        }
        with _waiting() as deadline:
            try:
                result = _api().call("POST", "images/v1", deadline, files=files).result
            except CloudflareError as error:
                if error.code != _TAKEN and error.status != 409:
                    raise _failed(error) from error
                # An earlier attempt, or another row with the same content, placed it.
                result = _find(image_id, deadline)
                if result is None:
                    raise DeliveryError(
                        f"Cloudflare Images says both that {image_id} exists and that it does not"
                    ) from error
        _check_placed(result, image_id)
        return _address(image_id)

    def has(self, address: str) -> bool:
        """See Delivery. Asks the service. False for addresses with another account or variant."""
        image_id = "/".join(address.split("/")[-3:-1])
        if not _ID.fullmatch(image_id) or address != _address(image_id):
            return False
        with _waiting() as deadline:
            return _find(image_id, deadline) is not None


def within_limits(content: bytes) -> bytes:
    """The WebP, encoded again if it exceeds the service's limits: first at lower quality, then smaller. Pure.

    Raises DeliveryError if the content is not a WebP.
    """
    try:
        width, height = webp_size(content)
        scale = min(1.0, MOST_PX / max(width, height), math.sqrt(MOST_PIXELS / (width * height)))
        if len(content) <= MOST_BYTES and scale == 1:
            return content
        with CPU_GATE:
            return _encoded_smaller(decode(content, max_pixels=width * height).image, scale)
    except InvalidImageError as error:
        raise DeliveryError(f"the delivery image cannot be read: {error}") from error


def _encoded_smaller(image: Image.Image, scale: float) -> bytes:
    scaled = _scaled(image, scale)
    for quality in _QUALITIES:
        content = _webp(scaled, quality)
        if len(content) <= MOST_BYTES:
            return content
    while len(content) > MOST_BYTES:
        scale *= _SMALLER
        content = _webp(_scaled(image, scale), _QUALITIES[-1])
    return content


def _scaled(image: Image.Image, scale: float) -> Image.Image:
    if scale >= 1:
        return image
    size = (max(1, int(image.width * scale)), max(1, int(image.height * scale)))
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def _webp(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, method=2)
    return buffer.getvalue()


def _api() -> api.CloudflareApi:
    return api.api("delivery")


@contextmanager
def _waiting() -> Iterator[Deadline]:
    try:
        with BREAKER.call() as deadline:
            yield deadline
    except TimeoutError as error:
        raise DeliveryError(f"Cloudflare Images was not called: {error}") from error


def _address(image_id: str) -> str:
    account = settings.CLOUDFLARE_IMAGES_ACCOUNT_HASH
    return f"{HOST}/{account}/{image_id}/{settings.CLOUDFLARE_IMAGES_VARIANT}"


def _find(image_id: str, deadline: Deadline) -> Any:
    """The service's record of an image; None if it has none."""
    try:
        return _api().call("GET", f"images/v1/{quote(image_id, safe='')}", deadline).result
    except CloudflareError as error:
        if error.code == _NOT_FOUND or error.status == 404:
            return None
        raise _failed(error) from error


def _check_placed(result: Any, image_id: str) -> None:
    """Raises DeliveryError if the answer shows that the address made from the settings would not work."""
    if at(result, "id") != image_id:
        raise DeliveryError(f"Cloudflare Images did not confirm {image_id}")
    told = at(result, "variants")
    addresses = [address for address in told if isinstance(address, str)] if isinstance(told, list) else []
    if not addresses:
        return
    account, variant = settings.CLOUDFLARE_IMAGES_ACCOUNT_HASH, settings.CLOUDFLARE_IMAGES_VARIANT
    if not any(address.startswith(f"{HOST}/{account}/") for address in addresses):
        raise _permanent(
            f"CLOUDFLARE_IMAGES_ACCOUNT_HASH is {account!r}, but this account's images are at {addresses[0]!r}"
        )
    is_flexible = "=" in variant  # such as `w=400`, which the answer does not list
    if not is_flexible and _address(image_id) not in addresses:
        known = ", ".join(sorted(address.rpartition("/")[2] for address in addresses))
        raise _permanent(f"CLOUDFLARE_IMAGES_VARIANT is {variant!r}; this account has: {known}")


def _failed(error: CloudflareError) -> DeliveryError:
    """The failure as a DeliveryError. Messages of CloudflareError contain no secrets."""
    if error.is_retryable:
        # The limit is 1,200 requests per user in 5 minutes.
        is_busy = error.outcome == "rate_limited"
        pause_s = _BUSY_S if is_busy else _AWAY_S
        if error.retry_after_s is not None:
            pause_s = math.ceil(error.retry_after_s)
        return DeliveryError(f"the delivery image cannot be placed: {error}", pause_s, is_busy=is_busy)
    if error.outcome == "quota":
        cure = "Its quota is used up: raise the plan of Cloudflare Images or delete images there"
        return _permanent(f"{error} {cure}", Code.QUOTA)
    if error.status in (401, 403):
        return _permanent(
            f"Cloudflare Images rejects CLOUDFLARE_API_TOKEN for CLOUDFLARE_ACCOUNT_ID: the token needs the "
            f"permission Images Write. {error}"
        )
    if error.status in (413, 415) or error.code in (_WRONG_FORMAT, _TOO_LARGE):
        return _permanent(
            f"Cloudflare Images rejects this image: {error} Check the limits of the account's plan (Dali sends WebP "
            f"of at most {MOST_BYTES:,} bytes), or choose another delivery by DALI_DELIVERY"
        )
    return _permanent(f"Cloudflare Images rejects the request: {error}")


def _permanent(message: str, code: Code = Code.PROVIDER_ERROR) -> DeliveryError:
    """A failure that lasts until the operator does what the message says. Clients see the message too."""
    said = f"The image cannot be delivered. {message.rstrip('.')}."
    return DeliveryError(message, code=code, public_message=said)
