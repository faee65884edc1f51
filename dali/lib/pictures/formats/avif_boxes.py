"""The boxes of AVIF and HEIF (ISO/IEC 14496-12, 23008-12): coding and colours."""

from collections.abc import Iterable, Iterator

from dali.lib.pictures.colour.spaces import ColourSpace, h273_space
from dali.lib.pictures.formats.av1_header import colour_codes

AVIF_BRANDS = frozenset({b"avif", b"avis"})
HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"})
# Container brands that do not state the coding.
PICTURE_BRANDS = frozenset({b"mif1", b"mif2", b"miaf", b"msf1", b"mif3"})
# Limit per box; real files have fewer than 100.
_MOST_BOXES = 10_000

Box = tuple[bytes, memoryview]


def brands(content: bytes) -> list[bytes]:
    """The major and compatible brands of a file that starts with `ftyp`; [] for others."""
    if content[4:8] != b"ftyp":
        return []
    size = min(int.from_bytes(content[:4], "big"), 4096)
    compatible = content[16:size]
    return [content[8:12], *(compatible[at : at + 4] for at in range(0, len(compatible) - 3, 4))]


def is_avif(content: bytes) -> bool:
    """Whether the file is AVIF, by any of its brands or by the coding of its first picture."""
    named = brands(content)
    if not named or not AVIF_BRANDS.isdisjoint(named):
        return bool(named)
    return (
        named[0] in PICTURE_BRANDS and HEIC_BRANDS.isdisjoint(named) and _Meta(content).item_type() == b"av01"
    )


def with_avif_brand(content: bytes) -> bytes:
    """The AVIF with `avif` as the brand that decoders check; offsets stay the same."""
    named = brands(content)
    if named[0] in AVIF_BRANDS:
        return content
    major = b"avis" if b"avis" in named and b"avif" not in named else b"avif"
    size = int.from_bytes(content[:4], "big")
    if not AVIF_BRANDS.isdisjoint(named[1:]) or size < 20:
        return content[:8] + major + content[12:]
    return content[:8] + major + content[12:16] + major + content[20:]


def avif_colours(content: bytes) -> ColourSpace | None:
    """The colours without an ICC profile: from the `colr` box, otherwise from the coded picture."""
    meta = _Meta(content)
    codes = _nclx(meta.properties()) or _sequence_nclx(content)
    if codes is None:
        codes = colour_codes(meta.coded_picture())
    return None if codes is None else h273_space(*codes, peak_nits=meta.peak_nits())


class _Meta:
    """The `meta` box: the first picture and its properties. Everything is optional and untrusted."""

    def __init__(self, content: bytes) -> None:
        self._content = memoryview(content)
        self._boxes = dict(_boxes(_child(self._content, b"meta")[4:]))
        self._primary = self._primary_id()

    def item_type(self) -> bytes:
        """The coding of the first picture, such as `av01` or `hvc1`; for a grid, that of its first tile."""
        types = self._item_types()
        found = types.get(self._primary, b"")
        if found != b"grid":
            return found
        return next((kind for kind in types.values() if kind in (b"av01", b"hvc1")), b"")

    def peak_nits(self) -> float:
        """The peak brightness from the `clli` or `mdcv` box; 0 if there is none."""
        found = dict(self.properties())
        level = int.from_bytes(found.get(b"clli", b"")[:2], "big")
        return level or int.from_bytes(found.get(b"mdcv", b"")[16:20], "big") / 10_000

    def coded_picture(self) -> bytes:
        """The start of the first picture's data, if `av1C` or `iloc` say where it is."""
        config = bytes(dict(self.properties()).get(b"av1C", b"")[4:])
        return config or self._item_start()

    def _primary_id(self) -> int:
        data = self._boxes.get(b"pitm", memoryview(b""))
        return int.from_bytes(data[4:6] if not any(data[:1]) else data[4:8], "big")

    def _item_types(self) -> dict[int, bytes]:
        data = self._boxes.get(b"iinf", memoryview(b""))
        found: dict[int, bytes] = {}
        for kind, entry in _boxes(data[6 if not any(data[:1]) else 8 :]):
            if kind == b"infe" and len(entry) >= 12:
                wide = 2 if entry[0] >= 3 else 0
                found[int.from_bytes(entry[4 : 6 + wide], "big")] = bytes(entry[8 + wide : 12 + wide])
        return found

    def properties(self) -> list[Box]:
        """The properties of the first picture; all properties, if the assignment is unreadable."""
        container = self._boxes.get(b"iprp", memoryview(b""))
        every = list(_boxes(_child(container, b"ipco")))
        wanted = self._assigned(_child(container, b"ipma"))
        return [every[at - 1] for at in wanted if 0 < at <= len(every)] if wanted else every

    def _assigned(self, data: memoryview) -> list[int]:
        if len(data) < 8:
            return []
        id_bytes = 2 if data[0] < 1 else 4
        step = 2 if data[3] & 1 else 1
        position = 8
        for _ in range(min(int.from_bytes(data[4:8], "big"), _MOST_BOXES)):
            if position + id_bytes >= len(data):
                break
            item = int.from_bytes(data[position : position + id_bytes], "big")
            position += id_bytes
            count = data[position]
            position += 1
            if item == self._primary:
                mask = (1 << (8 * step - 1)) - 1
                entries = range(position, position + count * step, step)
                return [int.from_bytes(data[at : at + step], "big") & mask for at in entries]
            position += count * step
        return []

    def _item_start(self) -> bytes:
        data = self._boxes.get(b"iloc", memoryview(b""))
        if len(data) < 8 or data[0] > 2:
            return b""
        version, sizes = data[0], data[4:6]
        offset_bytes, length_bytes, base_bytes = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4
        index_bytes = sizes[1] & 15 if version else 0
        id_bytes = 4 if version == 2 else 2
        count, position = int.from_bytes(data[6 : 6 + id_bytes], "big"), 6 + id_bytes
        for _ in range(min(count, _MOST_BOXES)):
            item = int.from_bytes(data[position : position + id_bytes], "big")
            position += id_bytes + (2 if version else 0) + 2
            base = int.from_bytes(data[position : position + base_bytes], "big")
            position += base_bytes
            extents = int.from_bytes(data[position : position + 2], "big")
            position += 2
            if item == self._primary:
                start = position + index_bytes
                start = base + int.from_bytes(data[start : start + offset_bytes], "big")
                return bytes(self._content[start : start + 256])
            position += extents * (index_bytes + offset_bytes + length_bytes)
        return b""


def _sequence_nclx(content: bytes) -> tuple[int, int] | None:
    """Primaries and transfer of the first track of an AVIF sequence."""
    data = memoryview(content)
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        data = _child(data, kind)
    # After the header of `stsd` and the fixed fields of a VisualSampleEntry.
    return _nclx(_boxes(_child(data[8:], b"av01")[78:]))


def _nclx(boxes: Iterable[Box]) -> tuple[int, int] | None:
    """Primaries and transfer from the first such `colr` box."""
    for kind, data in boxes:
        if kind == b"colr" and bytes(data[:4]) == b"nclx" and len(data) >= 8:
            return int.from_bytes(data[4:6], "big"), int.from_bytes(data[6:8], "big")
    return None


def _child(data: memoryview, wanted: bytes) -> memoryview:
    return next((found for kind, found in _boxes(data) if kind == wanted), data[:0])


def _boxes(data: memoryview) -> Iterator[Box]:
    """Type and content of each complete box in the data."""
    position = 0
    for _ in range(_MOST_BOXES):
        size, start = int.from_bytes(data[position : position + 4], "big"), position + 8
        if size == 1:
            size, start = int.from_bytes(data[start : start + 8], "big"), position + 16
        elif size == 0:
            size = len(data) - position
        if size < start - position or position + size > len(data):
            return
        yield bytes(data[position + 4 : position + 8]), data[start : position + size]
        position += size
