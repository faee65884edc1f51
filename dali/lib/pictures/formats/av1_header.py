"""AV1's sequence header (version 1.0.0 with errata 1, 5.5): the colours, if the container states none."""

_SEQUENCE_HEADER = 1
_MOST_UNITS = 16


class _Bits:
    """Reads bits from the front; zeros after the end."""

    def __init__(self, content: bytes) -> None:
        self._value = int.from_bytes(content, "big")
        self._left = 8 * len(content)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ValueError("the sequence header is cut off")
        return self._value >> self._left & ((1 << count) - 1)

    def flag(self) -> bool:
        return self.take(1) == 1

    def skip_exponential(self) -> None:
        zeros = 0
        while not self.flag():
            zeros += 1
        self.take(min(zeros, 32))


def colour_codes(units: bytes) -> tuple[int, int] | None:
    """Primaries and transfer (H.273) from the first sequence header of open bitstream units; None if it has none."""
    try:
        return _described(_Bits(_sequence_header(units)))
    except (ValueError, IndexError):
        return None


def _sequence_header(units: bytes) -> bytes:
    position = 0
    for _ in range(_MOST_UNITS):
        header = units[position]
        position += 2 if header & 0x04 else 1
        length = len(units) - position
        if header & 0x02:
            length, shift = 0, 0
            while True:
                byte = units[position]
                position += 1
                length |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80 or shift > 28:
                    break
        if header >> 3 & 15 == _SEQUENCE_HEADER:
            return units[position : position + min(length, 256)]
        position += length
    raise ValueError("there is no sequence header")


def _described(bits: _Bits) -> tuple[int, int] | None:
    profile = bits.take(3)
    bits.flag()
    is_reduced = bits.flag()
    if is_reduced:
        bits.take(5)
    else:
        _skip_timing(bits)
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    bits.take(width_bits + height_bits)
    if not is_reduced and bits.flag():
        bits.take(7)
    bits.take(3)
    if not is_reduced:
        _skip_inter_tools(bits)
    bits.take(3)
    is_deep = bits.flag()
    if profile == 2 and is_deep:
        bits.flag()
    if profile != 1:
        bits.flag()
    return (bits.take(8), bits.take(8)) if bits.flag() else None


def _skip_timing(bits: _Bits) -> None:
    """Skips timing, decoder model and operating points."""
    delay_bits = 0
    if bits.flag():
        bits.take(64)
        if bits.flag():
            bits.skip_exponential()
        if bits.flag():
            delay_bits = bits.take(5) + 1
            bits.take(42)
    has_display_delay = bits.flag()
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.flag()
        if delay_bits and bits.flag():
            bits.take(2 * delay_bits + 1)
        if has_display_delay and bits.flag():
            bits.take(4)


def _skip_inter_tools(bits: _Bits) -> None:
    """Skips the tools for sequences, which a still picture does not have."""
    bits.take(4)
    has_order = bits.flag()
    if has_order:
        bits.take(2)
    screen_content = 2 if bits.flag() else bits.take(1)
    if screen_content and not bits.flag():
        bits.flag()
    if has_order:
        bits.take(3)
