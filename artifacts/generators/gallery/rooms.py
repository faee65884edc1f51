"""Designs a room for pictures: its size, where each picture hangs, and how the light falls."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from artifacts.generators.gallery.gltf import Corners, Mesh, Vector
from dali.lib.pictures.encoding import encoded

Size: TypeAlias = tuple[float, float]

FRAME_M, MAT_M, DEPTH_M = 0.035, 0.05, 0.045
_GAP_M, _EDGE_M, _LEAST_M = 0.75, 1.0, 6.5
# Up to this many pictures hang on one wall, on three walls; more use all walls; still more hang in two rows.
_ONE_WALL, _THREE_WALLS, _ONE_ROW = 4, 12, 24
_PX_PER_M = 48.0
_WALL = (244, 237, 226)


@dataclass(frozen=True, slots=True)
class Hung:
    """Something on a wall: the centre of its lower edge, from the wall's lower left corner, and its size, in metres."""

    number: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Wall:
    """A wall seen from inside: `origin` is its lower left corner, `right` the direction to its right corner."""

    name: str
    origin: Vector
    right: Vector
    facing: Vector
    length: float
    height: float
    hung: tuple[Hung, ...]

    def at(self, x: float, y: float, z: float = 0.0) -> Vector:
        """The point at these distances right, up and away from the wall."""
        first, second, third = (
            start + along * x + off * z
            for start, along, off in zip(self.origin, self.right, self.facing, strict=True)
        )
        return first, second + y, third

    def rectangle(self, left: float, bottom: float, right: float, top: float, z: float = 0.0) -> Corners:
        """Four corners parallel to the wall, facing into the room."""
        return (
            self.at(left, bottom, z),
            self.at(right, bottom, z),
            self.at(right, top, z),
            self.at(left, top, z),
        )


@dataclass(frozen=True, slots=True)
class Room:
    """The room: `width` along X, `depth` along Z; its centre is the origin, its floor is at 0."""

    width: float
    depth: float
    height: float
    walls: tuple[Wall, ...]


def room_for(ratios: Sequence[float], title: Size) -> Room:
    """A room for pictures with these ratios (width / height), in reading order; `title` hangs first, as number -1."""
    count = len(ratios)
    rows = 1 if count <= _ONE_ROW else 2
    sizes = [_size(ratio, rows) for ratio in ratios]
    columns: list[list[int]] = [[-1], *([*range(at, min(at + rows, count))] for at in range(0, count, rows))]
    sizes_of = {-1: title, **dict(enumerate(sizes))}
    names = ["north"] if count <= _ONE_WALL else ["west", "north", "east"]
    if count > _THREE_WALLS:
        names.append("south")
    share = math.ceil(len(columns) / len(names))
    groups = {name: columns[index * share : (index + 1) * share] for index, name in enumerate(names)}
    lengths = {name: _length(group, sizes_of) for name, group in groups.items()}
    width = max(_LEAST_M, lengths.get("north", 0), lengths.get("south", 0))
    depth = max(_LEAST_M, lengths.get("west", 0), lengths.get("east", 0))
    height = 3.6 if rows == 1 else 4.4
    places: dict[str, tuple[Vector, Vector, Vector, float]] = {
        "north": ((-width / 2, 0, -depth / 2), (1, 0, 0), (0, 0, 1), width),
        "east": ((width / 2, 0, -depth / 2), (0, 0, 1), (-1, 0, 0), depth),
        "south": ((width / 2, 0, depth / 2), (-1, 0, 0), (0, 0, -1), width),
        "west": ((-width / 2, 0, depth / 2), (0, 0, -1), (1, 0, 0), depth),
    }
    walls = tuple(
        Wall(name, *place, height, _hang(groups.get(name, []), sizes_of, place[3], rows))
        for name, place in places.items()
    )
    return Room(width, depth, height, walls)


def frame(mesh: Mesh, wall: Wall, hung: Hung) -> None:
    """Adds a frame around a picture: a ring in front, inner and outer sides, and the mat behind."""
    half = hung.width / 2 + MAT_M
    inner = (hung.x - half, hung.y - MAT_M, hung.x + half, hung.y + hung.height + MAT_M)
    outer = (inner[0] - FRAME_M, inner[1] - FRAME_M, inner[2] + FRAME_M, inner[3] + FRAME_M)
    front, back = wall.rectangle(*inner, DEPTH_M), wall.rectangle(*inner, DEPTH_M / 3)
    edge, foot = wall.rectangle(*outer, DEPTH_M), wall.rectangle(*outer)
    # Light comes from above: upper faces are bright, lower ones dark. Order of sides: lower, right, upper, left.
    for side, (on_front, outside, inside) in enumerate(((3, 1, 6), (4, 3, 3), (5, 9, 1), (4, 3, 3))):
        following = (side + 1) % 4
        mesh.quad((edge[side], edge[following], front[following], front[side]), _shade(on_front))
        mesh.quad((foot[side], foot[following], edge[following], edge[side]), _shade(outside))
        mesh.quad((front[side], front[following], back[following], back[side]), _shade(inside))
    mesh.quad(back, ((0.9, 0.88, 0.84),) * 4)


def picture(wall: Wall, hung: Hung, z: float = DEPTH_M / 3 + 0.002) -> Mesh:
    """What hangs on the wall, `z` away from it; by default inside its mat."""
    left = hung.x - hung.width / 2
    return Mesh.of(wall.rectangle(left, hung.y, left + hung.width, hung.y + hung.height, z))


def wall_texture(wall: Wall) -> bytes:
    """The lit wall as JPEG: a pool of light on each picture, a shadow below its frame, darker corners."""
    scale = min(_PX_PER_M, 2048 / wall.length)
    size = (max(8, round(wall.length * scale)), max(8, round(wall.height * scale)))
    x = (np.arange(size[0]) + 0.5) / scale
    y = wall.height - (np.arange(size[1]) + 0.5) / scale
    light = np.full((size[1], size[0]), 0.5)
    for hung in wall.hung:
        middle = hung.y + hung.height * 0.62
        across = ((x - hung.x) / (hung.width * 0.5 + 0.75)) ** 2
        down = ((y - middle) / (hung.height * 0.5 + 0.95)) ** 2
        light += 0.75 * np.exp(-(across[None, :] + down[:, None]))
    light = 1 - np.exp(-light * 2.3)  # lamps add up, but never beyond white
    light *= 1 - 0.3 * np.exp(-np.minimum(x, wall.length - x) / 0.4)[None, :]
    light *= (1 - 0.24 * np.exp(-y / 0.35) - 0.16 * np.exp(-(wall.height - y) / 0.5))[:, None]
    light *= 1 - _shadows(wall, size, scale)
    # A little fixed noise hides the banding of 8 bits.
    grain = np.random.default_rng(5).normal(0, 1.2, light.shape)
    return _jpeg((light[..., None] * np.array(_WALL) + grain[..., None]).clip(0, 255).astype(np.uint8))


def floor_texture() -> bytes:
    """Oak boards, two metres square, to be tiled; JPEG."""
    side, boards = 512, 10
    rng = np.random.default_rng(6)
    image = np.empty((side, side, 3))
    tops = np.linspace(0, side, boards + 1).round().astype(int)
    for top, bottom in pairwise(tops):
        joint = int(rng.integers(0, side))
        noise = Image.fromarray(rng.normal(0, 1, (bottom - top, side // 24)).astype(np.float32))
        grain = np.asarray(noise.resize((side, bottom - top), Image.Resampling.BICUBIC))
        first, second = rng.normal(1, 0.07, 2).tolist()
        tone = np.where(np.roll(np.arange(side) < side // 2, joint), first, second)
        board = np.array((150, 116, 82)) * (tone[None, :, None] + 0.09 * grain[..., None])
        board[:1] *= 0.6
        board[:, [joint, (joint + side // 2) % side]] *= 0.68
        image[top:bottom] = board
    return _jpeg(image.clip(0, 255).astype(np.uint8))


def floor(room: Room) -> Mesh:
    """The floor, lighter under the wall lamps, darker along its edges."""
    mesh = Mesh()
    xs, zs = _steps(room.width), _steps(room.depth)

    def shade(x: float, z: float) -> Vector:
        edge = min(room.width / 2 - abs(x), room.depth / 2 - abs(z))
        light = 0.62 + 0.3 * math.exp(-(((edge - 1.3) / 1.1) ** 2)) - 0.36 * math.exp(-edge / 0.25)
        return light, light * 0.98, light * 0.95

    for left, right in pairwise(xs):
        for far, near in pairwise(zs):
            corners: Corners = ((left, 0, near), (right, 0, near), (right, 0, far), (left, 0, far))
            shades = [shade(corner[0], corner[2]) for corner in corners]
            mesh.quad(corners, shades, (left / 2, far / 2, right / 2, near / 2))
    return mesh


def trim(room: Room) -> Mesh:
    """The single-colour parts: ceiling, lamp rails, skirting boards, and a bench in a large room."""
    mesh = Mesh()
    x, z, top = room.width / 2, room.depth / 2, room.height
    mesh.quad(((-x, top, -z), (x, top, -z), (x, top, z), (-x, top, z)), ((0.075, 0.07, 0.066),) * 4)
    for wall in room.walls:
        mesh.quad(wall.rectangle(0, 0, wall.length, 0.1, 0.012), ((0.34, 0.33, 0.32),) * 4)
        upper = (
            wall.at(0, 0.1),
            wall.at(0, 0.1, 0.012),
            wall.at(wall.length, 0.1, 0.012),
            wall.at(wall.length, 0.1),
        )
        mesh.quad(upper, ((0.6, 0.58, 0.56),) * 4)
        low, off = top - 0.03, 1.15
        if wall.hung and wall.length > 2 * off + 1:
            rail = (wall.at(off, low, off), wall.at(off, low, off + 0.06))
            end = (wall.at(wall.length - off, low, off + 0.06), wall.at(wall.length - off, low, off))
            mesh.quad((rail[1], rail[0], end[1], end[0]), ((1.0, 0.96, 0.88),) * 4)
    _bench(mesh)
    return mesh


def _bench(mesh: Mesh) -> None:
    x, z, low, top = 0.8, 0.22, 0.34, 0.44
    seat, leg = 0.055, 0.02
    boxes = ((-x, x, low, top, seat), (-x, -x + 0.06, 0.0, low, leg), (x - 0.06, x, 0.0, low, leg))
    for left, right, bottom, upper, tone in boxes:
        near = ((left, bottom, z), (right, bottom, z), (right, upper, z), (left, upper, z))
        far = ((right, bottom, -z), (left, bottom, -z), (left, upper, -z), (right, upper, -z))
        for face, share in (
            (near, 1.0),
            (far, 1.0),
            ((near[3], near[2], far[3], far[2]), 2.6),
            ((near[1], far[0], far[3], near[2]), 0.8),
            ((far[1], near[0], near[3], far[2]), 0.8),
        ):
            mesh.quad(face, ((tone * share * 1.05, tone * share, tone * share * 0.92),) * 4)


def _size(ratio: float, rows: int) -> Size:
    """All pictures get the same area, unless one would be too long."""
    area, widest, highest = (1.9, 2.9, 1.75) if rows == 1 else (0.8, 1.9, 1.1)
    height = min(math.sqrt(area / ratio), highest, widest / ratio)
    return height * ratio, height


def _taken(column: Sequence[int], sizes: dict[int, Size]) -> float:
    return max(sizes[number][0] for number in column) + 2 * (MAT_M + FRAME_M)


def _length(columns: Sequence[Sequence[int]], sizes: dict[int, Size]) -> float:
    return (
        sum(_taken(column, sizes) + _GAP_M for column in columns) - _GAP_M + 2 * _EDGE_M if columns else 0.0
    )


def _hang(
    columns: Sequence[Sequence[int]], sizes: dict[int, Size], length: float, rows: int
) -> tuple[Hung, ...]:
    """Centred on the wall at eye level, or above and below it in two rows."""
    taken = [_taken(column, sizes) for column in columns]
    left = (length - sum(taken) - _GAP_M * (len(columns) - 1)) / 2
    hung = []
    for column, width in zip(columns, taken, strict=True):
        for row, number in enumerate(column):
            middle = 1.62 if rows == 1 or number < 0 else 3.05 - 1.62 * row
            across, height = sizes[number]
            hung.append(Hung(number, left + width / 2, middle - height / 2, across, height))
        left += width + _GAP_M
    return tuple(hung)


def _shade(step: int) -> tuple[Vector, ...]:
    """A dark wood, lighter with each step."""
    return ((0.012 * step, 0.0105 * step, 0.009 * step),) * 4


def _shadows(wall: Wall, size: tuple[int, int], scale: float) -> NDArray[np.floating]:
    mask = Image.new("L", size)
    draw = ImageDraw.Draw(mask)
    for hung in wall.hung:
        if hung.number >= 0:
            half, edge = hung.width / 2 + MAT_M + FRAME_M, MAT_M + FRAME_M
            low, high = hung.y - edge - 0.05, hung.y + hung.height + edge - 0.06
            box = (hung.x - half, wall.height - high, hung.x + half, wall.height - low)
            draw.rectangle([value * scale for value in box], fill=150)
    return np.asarray(mask.filter(ImageFilter.GaussianBlur(0.055 * scale))) / 255


def _steps(length: float) -> list[float]:
    count = max(2, math.ceil(length / 0.5))
    return [-length / 2 + length * index / count for index in range(count + 1)]


def _jpeg(samples: NDArray[np.uint8]) -> bytes:
    return encoded(Image.fromarray(samples), "JPEG", quality=90, subsampling=0)
