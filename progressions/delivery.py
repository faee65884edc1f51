"""The contract of delivery, the way in which images reach browsers, and its registry.

Originals are never served. A delivery image is made once from the original (dali.lib.images.encode_delivery)
and placed under the hash of its content, so that placing it twice is harmless and its address
can be cached for ever.
"""

from abc import ABC, abstractmethod
from typing import ClassVar
from urllib.parse import urljoin

from django.conf import settings

from dali.lib.registry import Registry


class Delivery(ABC):
    """One place that serves images."""

    name: ClassVar[str]

    def missing(self) -> list[str]:
        """Names of the settings that must be set before it can be used; empty: it is configured."""
        return []

    @abstractmethod
    def place(self, content: bytes, sha256: str) -> str:
        """Places a WebP and returns its address: absolute, or a path of this server.

        `sha256`: of `content`, 64 hex digits. Called in a worker thread, outside transactions;
        called again with the same content it returns the same address. Raises DeliveryError.
        """

    def has(self, address: str) -> bool:
        """Whether the image at that address, a stored one, opens; False where it cannot tell.

        Asked by upkeep before it makes an image anew; an address of another delivery is not its own.
        """
        return False


deliveries: Registry[Delivery] = Registry(Delivery, "progressions.deliveries")


def public_url(address: str) -> str:
    """The absolute URL of what `Delivery.place` returned; empty stays empty."""
    return urljoin(settings.PUBLIC_ORIGIN + "/", address) if address else ""
