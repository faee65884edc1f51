"""The live Cloudflare Images: one small image, placed, found, removed. Needs DALI_LIVE_CLOUDFLARE=1 and a token."""

import hashlib
import os
import time
from urllib.parse import quote

import pytest
import requests
from PIL import Image

from dali.lib.clock import Deadline
from dali.lib.pictures.images import Picture, encode_delivery
from progressions.vendors.cloudflare import api
from progressions.vendors.cloudflare.delivery import CloudflareImagesDelivery

DELIVERY = CloudflareImagesDelivery()
pytestmark = [
    pytest.mark.live,
    pytest.mark.enable_socket,
    pytest.mark.skipif(
        not os.environ.get("DALI_LIVE_CLOUDFLARE") or bool(DELIVERY.missing()),
        reason="live: needs DALI_LIVE_CLOUDFLARE=1, CLOUDFLARE_ACCOUNT_ID, _API_TOKEN and _IMAGES_ACCOUNT_HASH",
    ),
]


def test_it_serves_a_placed_image_and_accepts_it_once() -> None:
    colour = tuple(int(time.time()).to_bytes(4, "big")[1:])
    content = encode_delivery(Picture(Image.new("RGB", (64, 48), colour), "image/png"))
    sha256 = hashlib.sha256(content).hexdigest()
    address = DELIVERY.place(content, sha256)
    try:
        assert DELIVERY.place(content, sha256) == address
        assert DELIVERY.has(address) is True
        assert requests.get(address, timeout=30).headers["Content-Type"].startswith("image/")
    finally:
        path = f"images/v1/{quote(f'dali/{sha256}', safe='')}"
        api.api("delivery").call("DELETE", path, Deadline.after(30))
    assert DELIVERY.has(address) is False
