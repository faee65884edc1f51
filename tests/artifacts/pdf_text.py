"""Extracts the text of a PDF as typst writes it: what a reader would find, select and copy."""

import re
import zlib

_OBJECT = re.compile(rb"(?:^|\n)(\d+) 0 obj\n(.*?)\nendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
_MAPPED = re.compile(rb"<([0-9A-F]+)> <([0-9A-F]+)>")
_STRING = rb"\(((?:\\.|[^\\()])*)\)"
for _ in range(6):  # a string may contain balanced brackets unescaped
    _STRING = rb"\(((?:\\.|[^\\()]|" + _STRING.replace(rb"((?:", rb"(?:(?:") + rb")*)\)"
_TOKEN = re.compile(
    rb"/(f\d+) [\d.]+ Tf|/ActualText ?<([0-9A-F]+)>|/ActualText ?"
    + _STRING
    + rb"|"
    + _STRING
    + rb"|(EMC)|(BDC)|(BT)",
    re.DOTALL,
)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def pages_of(content: bytes) -> list[str]:
    """The text of each page in drawing order: right-to-left text comes letter by letter, as on paper."""
    objects = {int(match[1]): match[2] for match in _OBJECT.finditer(content)}
    kids = next(each for each in objects.values() if b"/Type/Pages" in each.replace(b" ", b""))
    numbers = _references(kids, b"Kids")
    return [_page(objects[number], objects) for number in numbers]


def text_of(content: bytes) -> str:
    """The text of all pages without the break opportunities inside long words."""
    return "\n".join(pages_of(content)).replace("\u200b", "")


def _page(page: bytes, objects: dict[int, bytes]) -> str:
    resources = _references(page, b"Resources")
    listed = objects[resources[0]] if resources else page
    names = re.search(rb"/Font ?<<(.*?)>>", listed, re.DOTALL)
    fonts = {
        name: _mapping(objects[int(number)], objects)
        for name, number in re.findall(rb"/(f\d+) (\d+) 0 R", names[1] if names else b"")
    }
    return _words(_stream(objects[_references(page, b"Contents")[0]]), fonts)


def _words(drawn: bytes, fonts: dict[bytes, dict[bytes, str]]) -> str:
    found: list[str] = []
    font: dict[bytes, str] = {}
    depth, said_at = 0, None
    said = ""
    for name, told_hex, told, string, is_end, is_begin, is_text in _TOKEN.findall(drawn):
        if name:
            font = fonts[name]
        elif told_hex or told:
            said = _utf16(bytes.fromhex(told_hex.decode()) if told_hex else _unescaped(told))
        elif is_begin:
            depth += 1
            if said and said_at is None:
                found.append(said)
                said_at, said = depth, ""
        elif is_end:
            said_at = None if said_at == depth else said_at
            depth -= 1
        elif is_text:
            found.append(" ")
        elif said_at is None:
            codes = _unescaped(string)
            found += [font.get(codes[at : at + 2], "\ufffd") for at in range(0, len(codes), 2)]
    return "".join(found)


def _utf16(told: bytes) -> str:
    return told.removeprefix(b"\xfe\xff").decode("utf-16-be")


def _unescaped(string: bytes) -> bytes:
    def one(match: re.Match[bytes]) -> bytes:
        code = match[1]
        return bytes([int(code, 8)]) if code.isdigit() else _ESCAPED.get(code, code)

    return _ESCAPE.sub(one, string)


def _mapping(font: bytes, objects: dict[int, bytes]) -> dict[bytes, str]:
    table = _stream(objects[_references(font, b"ToUnicode")[0]])
    return {
        bytes.fromhex(code.decode()): bytes.fromhex(text.decode()).decode("utf-16-be")
        for code, text in _MAPPED.findall(table.partition(b"endcodespacerange")[2])
    }


def _stream(each: bytes) -> bytes:
    match = _STREAM.search(each)
    assert match
    return zlib.decompressobj().decompress(match[1])


def _references(each: bytes, name: bytes) -> list[int]:
    match = re.search(rb"/" + name + rb" ?\[?((?:\s*\d+ 0 R)+)", each)
    return [int(number) for number in re.findall(rb"(\d+) 0 R", match[1])] if match else []
