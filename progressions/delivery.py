"""The contract of delivery, the way in which images reach browsers, and its registry.

Originals are never served. A delivery image is made once from the original (dali.lib.pictures.images.encode_delivery)
and placed under the hash of its content, so that placing it twice is harmless and its address
can be cached for ever.
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
        """Places a WebP and returns its address: absolute, or a path of this server.

        `sha256`: of `content`, 64 hex digits. Called in a worker thread, outside transactions;
        called again with the same content it returns the same address. Raises DeliveryError.
        """

    def has(self, address: str) -> bool:
        """Whether the image at that address, a stored one, opens; False where it cannot tell.

        Asked by upkeep before it makes an image anew; an address of another delivery is not its own. Raises
        DeliveryError where the place does not answer.
        """
        return False

    def origins(self) -> list[str]:
        """Scheme, host and port of where `place` puts images, for security policies; empty: on this server.

        Asked only where nothing is missing.
        """
        return []


deliveries: Registry[Delivery] = Registry(
    Delivery, "progressions.vendors", "delivery", group="progressions.deliveries"
)


def place_image(content: bytes) -> str:
    """Places a WebP by the delivery in use; returns its address, fit for a row. Raises DeliveryError."""
    sha256 = hashlib.sha256(content).hexdigest()
    return clean_text(deliveries.get(settings.DELIVERY).place(content, sha256))


def image_origins() -> list[str]:
    """Where images of pages may come from besides this server: every delivery that has its settings.

    Not the one in use alone: rows keep the addresses of an earlier one until `rebuild_delivery` has run.
    """
    configured = (delivery for delivery in deliveries.all() if not delivery.missing())
    return sorted({origin for delivery in configured for origin in delivery.origins()})


def origin_of(url: str) -> str:
    """Scheme, host and port of an absolute http(s) URL; empty where it is none."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} and parts.netloc else ""


def public_url(address: str) -> str:
    """The absolute URL of what `Delivery.place` returned; empty stays empty."""
    return urljoin(settings.PUBLIC_ORIGIN + "/", address) if address else ""
