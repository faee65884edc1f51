"""The contract of deliveries, which serve images to browsers, and their registry.

Originals are never served. A delivery image is made once from the original (dali.lib.pictures.images.encode_delivery)
and stored under the hash of its content, so that it can be placed twice and cached without a time limit. The pipeline
and `rebuild_delivery` call a delivery, in worker threads and outside transactions. It must not touch rows or other
plug-ins, or retry longer than its own deadline.
"""

import hashlib
from abc import ABC, abstractmethod
from typing import ClassVar
from urllib.parse import urljoin, urlsplit

from django.conf import settings

from dali.lib.cleaning import clean_text
from dali.lib.registry import Configurable, Registry


class Delivery(Configurable, ABC):
    """One place that serves images."""

    name: ClassVar[str]

    @abstractmethod
    def place(self, content: bytes, sha256: str) -> str:
        """Stores a WebP and returns its address: an absolute URL, or a path on this server.

        `sha256`: hash of `content`, 64 lower-case hex digits. The same content always gives the same address. Raises
        DeliveryError if the image cannot be stored; with `retry_after_s` if a later attempt may succeed.
        """

    def has(self, address: str) -> bool:
        """Whether this delivery has the image at a stored address; False if it cannot tell or for another's address.

        `rebuild_delivery` calls it before it makes an image again. Raises DeliveryError if the storage does not answer.
        """
        return False

    def origins(self) -> list[str]:
        """Scheme, host and port of the addresses of `place`, for content security policies; empty: this server.

        Called for every page, but only if no required setting is missing.
        """
        return []


deliveries: Registry[Delivery] = Registry(
    Delivery, "progressions.vendors", "delivery", group="progressions.deliveries"
)


def place_image(content: bytes) -> str:
    """Stores a WebP with the delivery in use and returns its address, cleaned for a row. Raises DeliveryError."""
    sha256 = hashlib.sha256(content).hexdigest()
    return clean_text(deliveries.get(settings.DELIVERY).place(content, sha256))


def image_origins() -> list[str]:
    """The origins of images besides this server: those of all configured deliveries.

    Not only of the one in use: rows keep the addresses of an earlier delivery until `rebuild_delivery` has run.
    """
    configured = (delivery for delivery in deliveries.all() if not delivery.missing())
    return sorted({origin for delivery in configured for origin in delivery.origins()})


def origin_of(url: str) -> str:
    """Scheme, host and port of an absolute http(s) URL; empty for anything else."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} and parts.netloc else ""


def public_url(address: str) -> str:
    """The absolute URL of what `Delivery.place` returned; empty stays empty."""
    return urljoin(settings.PUBLIC_ORIGIN + "/", address) if address else ""
