"""Stored templates: checked on upload, stored by digest, read for an artifact."""

import hashlib
import re
from functools import partial
from pathlib import Path

from artifacts.filling.placeholders import TemplatePage, read
from artifacts.filling.syntax import MOST_NAMES, MOST_SPOTS, spots_of
from artifacts.filling.weight import MOST_ELEMENTS, is_too_heavy
from artifacts.models import Artifact, Template
from dali.lib.errors import ConflictError, InputError
from dali.lib.objects.storage import InvalidKeyError, named
from dali.lib.web.input.fields import CONTROL_CHARACTER

MOST_BYTES = 1 << 20
MEDIA_TYPE = "text/html; charset=utf-8"
UNNAMED = "template.html"
_refused = partial(InputError, "file")
_TAG = re.compile(r"<(?:!doctype\s+html|[a-z][a-z0-9]*[\s/>])", re.IGNORECASE)


def store_template(*, content: bytes, name: str = "", owner: str = "") -> Template:
    """Checks and stores a template and creates its row; the same bytes give the same row.

    `name`: the file name. Raises InputError, which says what is wrong.
    """
    page = _checked(content)
    digest = hashlib.sha256(content).hexdigest()
    key = f"{digest}.html"
    named("templates").put_once(key, content, media_type=MEDIA_TYPE)
    template, _ = Template.objects.get_or_create(
        r2_key=key,
        defaults={
            "name": _shown_name(name),
            "owner_id": owner,
            "placeholders": [placeholder.name for placeholder in page.placeholders],
            "problems": list(page.problems),
            "bytes": len(content),
            "sha256": digest,
        },
    )
    return template


def seed_templates(*, fixtures: Path) -> tuple[int, int]:
    """Stores every `<name>/template.html` in the folder; returns how many are new and how many existed."""
    before = set(Template.objects.values_list("r2_key", flat=True))
    stored = {
        store_template(content=path.read_bytes(), name=f"{path.parent.name}.html").r2_key
        for path in sorted(fixtures.glob("*/template.html"), reverse=True)
    }
    return len(stored - before), len(stored & before)


def open_template(artifact: Artifact) -> str:
    """The text of an artifact's template. Raises ConflictError if it has none, or it cannot be read."""
    if not artifact.template_r2_key:
        raise ConflictError(
            "this artifact has no template: a generator makes it; rebuild it with POST .../rebuild"
        )
    return template_text(artifact.template_r2_key)


def template_text(key: str) -> str:
    """The text of the template with that key. Raises ConflictError if it cannot be read."""
    try:
        return text_of(named("templates").read(key))
    except (FileNotFoundError, InvalidKeyError, UnicodeDecodeError) as error:
        raise ConflictError(
            f"the template '{key}' can no longer be read; upload it again with POST /api/templates"
        ) from error


def text_of(content: bytes) -> str:
    """A template's text, without a byte order mark."""
    return content.decode("utf-8-sig")


def _checked(content: bytes) -> TemplatePage:
    if len(content) > MOST_BYTES:
        raise _refused(f"file has {len(content):,} bytes; the limit is {MOST_BYTES:,}")
    if not content.strip():
        raise _refused("file is empty; send an HTML page")
    text = _decoded(content)
    if not _TAG.search(text):
        raise _refused("file contains no HTML tag; send an HTML page")
    spots = spots_of(text)
    names = {spot.name for spot in spots}
    if len(names) > MOST_NAMES:
        raise _refused(f"file has {len(names):,} placeholders; the limit is {MOST_NAMES}")
    if len(spots) > MOST_SPOTS:
        raise _refused(f"file uses placeholders {len(spots):,} times; the limit is {MOST_SPOTS:,}")
    if is_too_heavy(text):
        raise _refused(
            f"file could become more than {MOST_ELEMENTS:,} elements: close its formatting tags (<b>, <i>, <a> ...)"
        )
    page = read(text)
    if not page.placeholders:
        found = f" Found: {'; '.join(page.problems[:3])}." if page.problems else ""
        raise _refused(f"file has no placeholder that can be filled; add some, such as {{{{TITLE}}}}.{found}")
    return page


def _decoded(content: bytes) -> str:
    try:
        text = text_of(content)
    except UnicodeDecodeError as error:
        raise _refused(
            f"file is not UTF-8: byte {error.start:,} is 0x{content[error.start]:02x}; save it as UTF-8"
        ) from error
    if "\0" in text:
        raise _refused(
            f"file contains a NUL character at position {text.index(chr(0)):,}; save it as UTF-8 text"
        )
    return text


def _shown_name(name: str) -> str:
    last = re.split(r"[/\\]", name)[-1]
    plain = "".join(" " if CONTROL_CHARACTER.match(one) or one.isspace() else one for one in last)
    return " ".join(plain.encode("utf-8", "replace").decode().split())[:200] or UNNAMED
