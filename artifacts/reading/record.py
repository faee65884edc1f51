"""Reads untrusted JSON records from a file: reports line or field of everything that violates the format."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from uuid import UUID

from rest_framework.exceptions import ParseError

from dali.lib.errors import DaliError
from dali.lib.web.input.fields import CONTROL_CHARACTER, shown
from dali.lib.web.input.strict_json import parse_text

MOST_BYTES = 256 * 1024 * 1024
T = TypeVar("T")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class RecordError(DaliError):
    """The file is not valid; the message names the line or field. Nothing was done."""


@dataclass(frozen=True, slots=True)
class Fields:
    """An object of a record, with typed fields; raises RecordError. `path`: its place, such as `calls[2].body`."""

    path: str
    values: Mapping[str, Any]

    def refuse(self, name: str, cure: str) -> NoReturn:
        """Raises RecordError for a field."""
        if name not in self.values:
            raise RecordError(f"{self._where(name)} is missing: it must be {cure}")
        raise RecordError(f"{self._where(name)} is {shown(self.values[name])}: it must be {cure}")

    def text(self, name: str, *, most: int, is_empty_ok: bool = True) -> str:
        """Text without control characters other than tab and line breaks."""
        value = self.values.get(name)
        if not isinstance(value, str) or not (value or is_empty_ok):
            self.refuse(name, "text")
        if len(value) > most:
            raise RecordError(f"{self._where(name)} has {len(value):,} characters: the limit is {most:,}")
        if (found := CONTROL_CHARACTER.search(value)) is not None:
            code = f"U+{ord(found.group()):04X}"
            raise RecordError(f"{self._where(name)} contains the control character {code}; remove it")
        return value

    def text_or_none(self, name: str, *, most: int) -> str | None:
        """Text, or nothing."""
        return None if self.values.get(name) is None else self.text(name, most=most)

    def texts(self, name: str, *, most: int, most_items: int) -> tuple[str, ...]:
        """A list of non-empty texts without repetitions."""
        given = self.items(name, most=most_items)
        texts = tuple(
            Fields(f"{self._where(name)}[{at}]", {"": value}).text("", most=most, is_empty_ok=False)
            for at, value in enumerate(given)
        )
        if len(set(texts)) < len(texts):
            repeated = Counter(texts).most_common(1)[0][0]
            raise RecordError(f"{self._where(name)} names {shown(repeated)} twice")
        return texts

    def integer(self, name: str, *, least: int, most: int) -> int:
        """A whole number within bounds."""
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.refuse(name, f"a whole number from {least} to {most}")
        return value

    def boolean(self, name: str) -> bool:
        """True or false."""
        return self._typed(name, bool, "true or false")

    def id(self, name: str) -> UUID:
        """An id."""
        value = self.values.get(name)
        try:
            return UUID(value) if isinstance(value, str) else self.refuse(name, "an id")
        except ValueError:
            self.refuse(name, "an id")

    def sha256(self, name: str) -> str | None:
        """A digest, or nothing."""
        value = self.values.get(name)
        if value is not None and not (isinstance(value, str) and _SHA256.fullmatch(value)):
            self.refuse(name, "64 hexadecimal digits in lower case, or null")
        return value

    def items(self, name: str, *, most: int) -> list[Any]:
        """A list."""
        value = self._typed(name, list, "a list")
        if len(value) > most:
            raise RecordError(f"{self._where(name)} has {len(value):,} entries: the limit is {most:,}")
        return value

    def inner(self, name: str) -> "Fields":
        """An object; an empty one if it is missing."""
        return Fields(self._where(name), self._typed(name, dict, "an object", {}))

    def objects(self, name: str, *, most: int) -> Iterator["Fields"]:
        """A list of objects."""
        for at, value in enumerate(self.items(name, most=most)):
            if not isinstance(value, dict):
                raise RecordError(f"{self._where(name)}[{at}] is {shown(value)}: it must be an object")
            yield Fields(f"{self._where(name)}[{at}]", value)

    def _typed(self, name: str, type_: type[T], cure: str, missing: T | None = None) -> T:
        value = self.values.get(name, missing)
        if not isinstance(value, type_):
            self.refuse(name, cure)
        return value

    def _where(self, name: str) -> str:
        return ".".join(part for part in (self.path, name) if part)


def read_record(path: Path, *, format_: str, version: int, maker: str) -> tuple[Fields, str]:
    """The record of a file, and the file's SHA-256. Raises RecordError for another format or version."""
    content = read_file(path)
    values = parse(content, path.name)
    fields = Fields("", values if isinstance(values, dict) else {})
    if fields.values.get("format") != format_:
        raise RecordError(f"{path.name} is not a {format_} record: use a file made by {maker}")
    if fields.values.get("version") != version:
        fields.refuse("version", f"{version}, the version this Dali reads")
    return fields, hashlib.sha256(content).hexdigest()


def read_file(path: Path) -> bytes:
    """The whole file. Raises RecordError if it cannot be read or is too large."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise RecordError(f"{path.name} is larger than {MOST_BYTES:,} bytes")
    return content


def parse(content: bytes, name: str) -> Any:
    """JSON as defined by RFC 8259. Raises RecordError with line and column."""
    try:
        return parse_text(content.decode("utf-8-sig"), what=name)
    except UnicodeDecodeError as error:
        raise RecordError(f"{name} is not UTF-8 at byte {error.start}") from error
    except ParseError as error:
        raise RecordError(str(error.detail)) from error
