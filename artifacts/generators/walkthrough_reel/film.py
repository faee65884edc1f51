"""Encodes films: frames as YUV planes, scaled and blended quickly.

Frames are kept in the encoder's format (YUV 4:2:0, BT.709, limited range) from the start: each picture is converted
once, and the work on each frame touches half as many samples as RGB.
"""

import io
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Literal, Self

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray
from PIL import Image

Codec = Literal["h264", "vp9"]
Box = tuple[float, float, float, float]  # left, top, right, bottom
Packed = NDArray[np.uint8]  # (height * 3 / 2, width): the encoder's input

_BITEXACT = 0x400  # AVFMT_FLAG_BITEXACT: no random ids, no library version
# Fixed: x264's decisions depend on the number of threads.
_THREADS = 2
_ENCODERS: dict[Codec, tuple[str, dict[str, str]]] = {
    "h264": ("libx264", {"preset": "veryfast", "crf": "20", "profile": "high", "g": "100"}),
    "vp9": (
        "libvpx-vp9",
        {"deadline": "realtime", "cpu-used": "6", "crf": "32", "b": "0", "row-mt": "0", "g": "100"},
    ),
}
CONTAINERS: dict[Codec, str] = {"h264": "mp4", "vp9": "webm"}


class Planes:
    """A picture of even width and height: full luminance, both colour differences at half size."""

    __slots__ = ("planes",)

    def __init__(self, planes: Iterable[Image.Image]) -> None:
        self.planes = tuple(planes)

    @classmethod
    def of(cls, image: Image.Image) -> Self:
        """From RGB; an odd last row or column is dropped."""
        width, height = image.width // 2 * 2, image.height // 2 * 2
        if image.size != (width, height):
            image = image.crop((0, 0, width, height))
        frame = VideoFrame.from_ndarray(np.asarray(image), format="rgb24").reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        flat, count = frame.to_ndarray().reshape(-1), width * height
        half = (height // 2, width // 2)
        return cls(
            (
                Image.fromarray(flat[:count].reshape(height, width)),
                Image.fromarray(flat[count : count + count // 4].reshape(half)),
                Image.fromarray(flat[count + count // 4 :].reshape(half)),
            )
        )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.planes[0].size

    def copy(self) -> "Planes":
        """A copy to draw on."""
        return Planes(plane.copy() for plane in self.planes)

    def view(self, box: Box, size: tuple[int, int]) -> "Planes":
        """The part inside `box`, with subpixel precision, scaled to an even `size`."""
        half = (size[0] // 2, size[1] // 2), (box[0] / 2, box[1] / 2, box[2] / 2, box[3] / 2)
        places = ((size, box), half, half)
        return Planes(
            plane.resize(px, Image.Resampling.BILINEAR, box=part)
            for plane, (px, part) in zip(self.planes, places, strict=True)
        )

    def paste(self, other: "Planes", at: tuple[int, int], mask: "Mask | None" = None) -> None:
        """Draws another picture at an even position, through `mask` if given."""
        half = (at[0] // 2, at[1] // 2)
        places = (at, half, half)
        for index, (plane, drawn) in enumerate(zip(self.planes, other.planes, strict=True)):
            plane.paste(
                drawn, places[index], None if mask is None else mask.whole if index == 0 else mask.half
            )

    def packed(self) -> Packed:
        """In the encoder's format."""
        width, height = self.size
        flat = np.concatenate([np.asarray(plane).reshape(-1) for plane in self.planes])
        return flat.reshape(height * 3 // 2, width)


class Mask:
    """Where something is drawn: an "L" image of even size, and the same at half size."""

    __slots__ = ("half", "whole")

    def __init__(self, image: Image.Image) -> None:
        self.whole = image
        self.half = image.reduce(2)


def blend(first: Packed, second: Packed, share: float) -> Packed:
    """Blends two frames: `share` 0 is the first, 1 the second."""
    return np.asarray(Image.blend(Image.fromarray(first), Image.fromarray(second), share))


def to_image(frame: Packed) -> Image.Image:
    """A frame as RGB, for a still."""
    return Image.fromarray(_frame(frame).to_ndarray(format="rgb24"))


class Film:
    """Encodes frames; a context manager. The same frames give the same bytes."""

    def __init__(self, size: tuple[int, int], frames_per_s: int, codec: Codec) -> None:
        (encoder, options), container = _ENCODERS[codec], CONTAINERS[codec]
        self._buffer = io.BytesIO()
        self._frames_per_s = frames_per_s
        self._count = 0
        self._output = av.open(
            self._buffer,
            "w",
            format=container,
            # The index goes to the front, so that the film plays while it loads; FFmpeg rereads its output for that.
            options={"movflags": "+faststart"} if container == "mp4" else {},
            io_open=self._open_again,
        )
        self._output.flags |= _BITEXACT
        stream: Any = self._output.add_stream(encoder, rate=frames_per_s, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        context = stream.codec_context
        context.thread_count = _THREADS
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = 1, 1  # BT.709
        self._stream = stream

    def add(self, frame: Packed) -> None:
        """Adds the next frame."""
        shown = _frame(frame)
        shown.pts, shown.time_base = self._count, Fraction(1, self._frames_per_s)
        self._count += 1
        self._output.mux(self._stream.encode(shown))

    def finish(self) -> bytes:
        """The complete file; no frames can be added after this."""
        self._output.mux(self._stream.encode(None))
        self._output.close()
        return self._buffer.getvalue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._output.close()

    def _open_again(self, url: str, flags: int, options: dict[str, str]) -> io.BytesIO:
        return io.BytesIO(self._buffer.getvalue())


def _frame(packed: Packed) -> VideoFrame:
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(packed), format="yuv420p")
    frame.colorspace, frame.color_range = Colorspace.ITU709, ColorRange.MPEG
    return frame
