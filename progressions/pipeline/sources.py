"""Where a start image or mask comes from: decided at submission, from the text of its URL alone."""

import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

from django.conf import settings

from dali.lib.calls.fetch import FetchError, check_url
from dali.lib.errors import InputError
from progressions.delivery import public_url
from progressions.models import ImageProgression, Job, Upload

_KNOWN = "give an http(s) URL, the address of an image of this project, or the `url` of an upload (POST /api/uploads)"
_DIGEST = re.compile(r"(?<=/)[0-9A-Fa-f]{64}(?=\.[A-Za-z]+$)")  # the name of a delivered file
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Source:
    """One image that a client named. `storage` "" means that it is fetched from `url`.

    `width`, `height` (pixels) and `media_type` are 0 and "" unless they are known without reading the image.
    """

    url: str  # as the client gave it
    progression_id: UUID | None = None
    upload_id: UUID | None = None
    storage: str = ""  # "", "originals" or "uploads"
    key: str = ""
    media_type: str = ""
    width: int = 0
    height: int = 0


def resolve_source(field: str, value: str, project_id: UUID) -> Source:
    """What the URL refers to, without fetching it. Raises InputError for `field` if it cannot be an image's.

    An address that a delivery gave, of this server (absolute or a path) or of a bucket or service, is looked up: an
    image of the project (the newest if several rows share the address), an upload, or a start image of the
    project. It is then read from the storage, never over the network. An image of another project is
    refused. Any other http(s) URL is accepted if check_url accepts it.
    """
    own = _own_address(value)
    addresses = _addresses(value, own)
    found = (
        _find_progression(value, addresses, project_id)
        or _find_upload(value, addresses)
        or _find_start_image(value, addresses, project_id)
    )
    if found is not None:
        return found
    if ImageProgression.objects.filter(generated_image_url__in=addresses).exists():
        raise InputError(field, f"{field} {shown(value)} is an image of another project; {_KNOWN}")
    if own is not None:
        raise InputError(field, f"{field} {shown(value)} is not an image of this server; {_KNOWN}")
    try:
        check_url(value)
    except FetchError as error:
        raise InputError(field, f"{field} {shown(value)} cannot be used: {error}") from error
    return Source(value)


def source_of(progression: ImageProgression) -> Source:
    """The generated image of a progression, for jobs that name a parent and no start image."""
    return Source(
        progression.generated_image_url,
        progression_id=progression.id,
        storage="originals",
        key=progression.generated_image_r2_key,
        width=progression.width,
        height=progression.height,
    )


def check_mask(field: str, mask: Source, start: Source | None) -> None:
    """Raises InputError if it is already known that the mask is not a PNG or not of the start image's size."""
    if mask.media_type and mask.media_type != "image/png":
        raise InputError(field, f"{field} {shown(mask.url)} is {mask.media_type}; a mask must be a PNG")
    if start is None or not (mask.width and start.width):
        return
    if (mask.width, mask.height) != (start.width, start.height):
        raise InputError(
            field,
            f"{field} {shown(mask.url)} is {mask.width} x {mask.height} pixels; make it the size of the "
            f"start image, {start.width} x {start.height}",
        )


def shown(url: str) -> str:
    """The URL in quotes, for messages and logs: without credentials, query and fragment, at most 120 characters."""
    text = url.split("?", 1)[0].split("#", 1)[0]
    scheme, mark, rest = text.partition("://")
    if mark:
        host, slash, path = rest.partition("/")
        text = f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}"
    return repr(text if len(text) <= 120 else f"{text[:119]}…")


def _own_address(value: str) -> str | None:
    """The path if the value is an address of this server, otherwise None."""
    if value.startswith("/") and not value.startswith("//"):
        return value.partition("#")[0].partition("?")[0]
    own = _origin(settings.PUBLIC_ORIGIN)
    if own is None or _origin(value) != own:
        return None
    return urlsplit(value).path


def _addresses(value: str, own: str | None) -> list[str]:
    """How rows may spell the address: as given, without query; one of this server as a path and as a whole URL.

    A delivery of another origin, or below a path of this server's origin, gives whole URLs. Digests match in either
    case.
    """
    if own is not None:
        own = _with_lower_digest(own)
        found = [own, public_url(own)]
    else:
        try:
            parts = urlsplit(value)
        except ValueError:
            return [value]
        plain = urlunsplit((parts.scheme, parts.netloc.lower(), parts.path, "", ""))
        found = [value, plain, _with_lower_digest(plain)]
    # Rows without a start image have an empty address, which must never match.
    return [address for address in dict.fromkeys(found) if address]


def _with_lower_digest(address: str) -> str:
    return _DIGEST.sub(lambda found: found.group().lower(), address)


def _origin(url: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    if not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port


def _find_progression(value: str, addresses: list[str], project_id: UUID) -> Source | None:
    rows = ImageProgression.objects.filter(project_id=project_id, generated_image_url__in=addresses)
    found = rows.order_by("-created_at", "-id").first()
    return None if found is None else replace(source_of(found), url=value)


def _find_upload(value: str, addresses: list[str]) -> Source | None:
    found = Upload.objects.filter(delivery__in=addresses).order_by("-created_at", "-id").first()
    if found is None:
        return None
    return Source(value, None, found.id, "uploads", found.key, found.media_type, found.width, found.height)


def _find_start_image(value: str, addresses: list[str], project_id: UUID) -> Source | None:
    in_job = Job.objects.filter(project_id=project_id, start_image_delivery__in=addresses).exclude(
        start_image_key=""
    )
    key = in_job.order_by("-created_at").values_list("start_image_key", flat=True).first()
    if key is None:  # its job may be gone
        of_image = ImageProgression.objects.filter(
            project_id=project_id, start_image_delivery_url__in=addresses
        )
        key = of_image.order_by("-created_at").values_list("original_image_r2_key", flat=True).first()
    return None if key is None else Source(value, storage="originals", key=key)
