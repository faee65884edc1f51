"""The blocks of a GIF: a copy without those that the first picture does not need."""

_EXTENSION, _GRAPHIC_CONTROL = 0x21, 0xF9


def without_remarks(content: bytes) -> bytes:
    """The GIF with its transparency, without comments and application extensions before the first picture."""
    position = 13 + (3 << (content[10] & 7) + 1 if len(content) > 13 and content[10] & 0x80 else 0)
    kept = bytearray(content[:position])
    while content[position : position + 1] == bytes((_EXTENSION,)):
        end = position + 2
        while end < len(content) and content[end]:
            end += 1 + content[end]
        end += 1
        if content[position + 1 : position + 2] == bytes((_GRAPHIC_CONTROL,)):
            kept += content[position:end]
        position = end
    return bytes(kept) + content[position:]
