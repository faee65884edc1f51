"""A fake of Cloudflare Images: the images routes of its API, as strict as the real ones, on loopback."""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from PIL import Image

from dali.lib.pictures.formats.headers import InvalidImageError
from dali.lib.pictures.images import decode
from tests.vendors.server import Answer, Received, VendorServer

TOKEN = "cf-test-token-0123456789abcdef"
ACCOUNT = "0123456789abcdef0123456789abcdef"
ACCOUNT_HASH = "ZWd9g1K7eljCn_KDTu_MWA"
MOST_BYTES = 10 * 1024 * 1024
MOST_PX = 12_000
TYPES = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml", "image/heic"}
PARTS = {"file", "url", "id", "metadata", "requireSignedURLs", "creator"}
RAY = "8f0000000000abcd-FRA"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form."""

    name: str
    content: bytes
    filename: str = ""
    media_type: str = ""


@dataclass(slots=True)
class CloudflareImages:
    """The images of an account. `handle` answers requests below `.../images/`, and returns None for all others.

    A test may lower `most_bytes` and `most_px`.
    """

    images: dict[str, Part] = field(default_factory=dict)
    variants: tuple[str, ...] = ("public", "thumb")
    account_hash: str = ACCOUNT_HASH
    token: str = TOKEN
    most_bytes: int = MOST_BYTES
    most_px: int = MOST_PX

    def handle(self, request: Received) -> Answer | None:
        """The answer to a request of the images routes; None for another route."""
        found = re.fullmatch(r"/client/v4/accounts/([^/]+)/images/v1(?:/(.+))?", request.path)
        if found is None:
            return None
        if request.headers.get("authorization") != f"Bearer {self.token}" or found[1] != ACCOUNT:
            return failure(403, 10000, "Authentication error")
        if request.method == "POST" and found[2] is None:
            return self._upload(request)
        if found[2] is None or "/" in found[2]:
            return failure(
                404, 7003, f"Could not route to {request.path}, perhaps your object identifier is invalid?"
            )
        image_id = unquote(found[2])
        if image_id not in self.images:
            return failure(404, 5404, "Image not found")
        if request.method == "GET":
            return self._shown(image_id)
        if request.method == "DELETE":
            del self.images[image_id]
            return Answer.of_json({"result": {}, "success": True, "errors": [], "messages": []}, CF_Ray=RAY)
        return failure(405, 10405, "Method not allowed")

    def _upload(self, request: Received) -> Answer:
        parts = parts_of(request)
        if parts is None:
            return failure(400, 5400, "Bad request: the body is not a form")
        named = {part.name: part for part in parts}
        if len(named) != len(parts) or not set(named) <= PARTS:
            return failure(400, 5400, f"Bad request: unexpected or repeated fields in {sorted(named)}")
        refused = self._refusal(named)
        if refused is not None:
            return refused
        image_id = named["id"].content.decode() if "id" in named else f"auto-{len(self.images)}"
        if image_id in self.images:
            return failure(409, 5409, "Resource already exists")
        self.images[image_id] = named["file"]
        return self._shown(image_id)

    def _refusal(self, named: dict[str, Part]) -> Answer | None:
        if ("file" in named) == ("url" in named):
            return failure(400, 5400, "Bad request: exactly one of file and url is needed")
        if "id" in named and named.get("requireSignedURLs", Part("", b"false")).content != b"false":
            return failure(400, 5400, "Bad request: custom ids cannot be used with signed URLs")
        if "id" in named and not 0 < len(named["id"].content) <= 1024:
            return failure(400, 5400, "Bad request: the id has 1 to 1024 characters")
        if "metadata" in named and len(named["metadata"].content) > 1024:
            return failure(400, 5400, "Bad request: metadata has at most 1024 bytes")
        file = named["file"]
        if len(file.content) > self.most_bytes:
            return failure(413, 5413, "The image size limit is 10 MB")
        if not file.filename or file.media_type not in TYPES:
            return failure(
                415,
                5455,
                "Uploaded image must have image/jpeg, image/png, image/webp, image/gif or image/svg+xml content-type",
            )
        try:
            picture = decode(file.content)
        except InvalidImageError as error:
            return failure(415, 5455, f"The file is not an image: {error}")
        if max(picture.image.size) > self.most_px:
            return failure(400, 5443, f"The image has sides of more than {self.most_px} pixels")
        return None

    def _shown(self, image_id: str) -> Answer:
        result = {
            "id": image_id,
            "filename": self.images[image_id].filename,
            "meta": {},
            "uploaded": "2026-11-22T10:00:00.000Z",
            "requireSignedURLs": False,
            "variants": [
                f"https://imagedelivery.net/{self.account_hash}/{image_id}/{variant}"
                for variant in self.variants
            ],
        }
        body: dict[str, object] = {
            "result": result,
            "result_info": None,
            "success": True,
            "errors": [],
            "messages": [],
        }
        return Answer.of_json(body, CF_Ray=RAY)

    def picture(self, image_id: str) -> Image.Image:
        """The picture that was uploaded under an id."""
        return decode(self.images[image_id].content).image


class CloudflareImagesServer(VendorServer):
    """Serves only the images routes; `account` is their state."""

    def __init__(self) -> None:
        self.account = CloudflareImages()
        super().__init__(self._answer)

    def _answer(self, request: Received) -> Answer:
        return self.account.handle(request) or failure(404, 7000, "No route for that URI")


def failure(status: int, code: int, message: str) -> Answer:
    """Cloudflare's envelope of an error."""
    body = {"result": None, "success": False, "errors": [{"code": code, "message": message}], "messages": []}
    return Answer.of_json(body, status, CF_Ray=RAY)


def parts_of(request: Received) -> list[Part] | None:
    """The parts of a form, as they were sent; None if the body is not a form."""
    kind = request.headers.get("content-type", "")
    found = re.fullmatch(r'multipart/form-data; boundary="?([^";]+)"?', kind)
    if found is None:
        return None
    border = b"--" + found[1].encode()
    pieces = (b"\r\n" + request.body).split(b"\r\n" + border)
    if pieces[0] or pieces[-1].strip() != b"--":
        return None
    parts = []
    for piece in pieces[1:-1]:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        words = dict(re.findall(r'(\w+)="([^"]*)"', headers.get("content-disposition", "")))
        parts.append(
            Part(words.get("name", ""), content, words.get("filename", ""), headers.get("content-type", ""))
        )
    return parts
