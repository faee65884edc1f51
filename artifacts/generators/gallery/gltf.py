"""Writes 3D scenes as binary glTF 2.0 (`.glb`): metres, Y up, right-handed.

All materials are unlit (KHR_materials_unlit): the light is part of colours and textures, so that a scene looks the
same in every viewer. Faces are visible from the front only, so that viewers can look into a room from outside.
https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html, read 2026-11-22.
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeAlias

import numpy as np

MediaType = Literal["image/jpeg", "image/png"]
Vector: TypeAlias = tuple[float, float, float]
Corners: TypeAlias = tuple[Vector, Vector, Vector, Vector]

# Of numbers: numpy's type, the component type (FLOAT, UNSIGNED_INT) and the buffer's target (ARRAY, ELEMENT_ARRAY).
_VECTORS, _INDICES = ("<f4", 5126, 34962), ("<u4", 5125, 34963)
_REPEAT, _CLAMP = 10497, 33071
_LINEAR, _MIPMAPS = 9729, 9987
_COLUMNS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}


@dataclass(slots=True)
class Mesh:
    """Faces of one material. Quad corners, seen from the front: lower left, lower right, upper right, upper left."""

    positions: list[Vector] = field(default_factory=list)
    normals: list[Vector] = field(default_factory=list)
    places: list[tuple[float, float]] = field(
        default_factory=list
    )  # texture coordinates, from the upper left
    colours: list[Vector] = field(default_factory=list)  # linear, 0 to 1; multiplied with the texture
    indices: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, corners: Corners) -> Self:
        """A mesh of one face."""
        mesh = cls()
        mesh.quad(corners)
        return mesh

    def quad(
        self,
        corners: Corners,
        shades: Sequence[Vector] = ((1.0, 1.0, 1.0),) * 4,
        texture: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0),
    ) -> None:
        """Adds a face. `shades`: of its corners; `texture`: left, top, right, bottom."""
        first = len(self.positions)
        left, top, right, bottom = texture
        self.positions += corners
        self.normals += [_normal(corners)] * 4
        self.places += [(left, bottom), (right, bottom), (right, top), (left, top)]
        self.colours += shades
        self.indices += [first, first + 1, first + 2, first, first + 2, first + 3]


class Scene:
    """Collects nodes and writes them."""

    def __init__(self, title: str) -> None:
        self._binary = bytearray()
        self._parts: dict[str, list[dict[str, Any]]] = {
            name: []
            for name in (
                "nodes", "meshes", "materials", "textures", "images", "samplers", "cameras", "accessors", "bufferViews",
            )
        }  # fmt: skip
        self._parts["samplers"] += [
            {"magFilter": _LINEAR, "minFilter": _MIPMAPS, "wrapS": wrap, "wrapT": wrap}
            for wrap in (_CLAMP, _REPEAT)
        ]
        self._title = title

    def texture(self, content: bytes, media_type: MediaType, *, repeats: bool = False) -> int:
        """Adds a picture for materials; its bytes are stored unchanged."""
        image = self._add("images", {"bufferView": self._view(content), "mimeType": media_type})
        return self._add("textures", {"source": image, "sampler": int(repeats)})

    def material(self, name: str, texture: int | None = None, *, is_transparent: bool = False) -> int:
        """A material that shows its texture, if any, multiplied with the mesh's colours."""
        surface: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
        if texture is not None:
            surface["baseColorTexture"] = {"index": texture}
        made = {
            "name": name,
            "pbrMetallicRoughness": surface,
            "extensions": {"KHR_materials_unlit": {}},
        }
        return self._add("materials", made | ({"alphaMode": "BLEND"} if is_transparent else {}))

    def add(self, name: str, mesh: Mesh, material: int) -> None:
        """Adds a node with a mesh."""
        attributes = {
            "POSITION": self._accessor(mesh.positions, "VEC3", has_bounds=True),
            "NORMAL": self._accessor(mesh.normals, "VEC3"),
            "COLOR_0": self._accessor(mesh.colours, "VEC3"),
        }
        if "baseColorTexture" in self._parts["materials"][material]["pbrMetallicRoughness"]:
            attributes["TEXCOORD_0"] = self._accessor(mesh.places, "VEC2")
        indices = self._accessor(mesh.indices, "SCALAR")
        primitive = {"attributes": attributes, "indices": indices, "material": material}
        index = self._add("meshes", {"name": name, "primitives": [primitive]})
        self._add("nodes", {"name": name, "mesh": index})

    def camera(self, name: str, at: Vector, turned: float, height_angle: float = 1.0) -> None:
        """Adds a camera. All angles in radians; `turned`: about the vertical axis, 0 looks along -Z."""
        perspective = {"yfov": height_angle, "znear": 0.05}
        index = self._add("cameras", {"name": name, "type": "perspective", "perspective": perspective})
        rotation = [0.0, float(np.sin(turned / 2)), 0.0, float(np.cos(turned / 2))]
        self._add("nodes", {"name": name, "camera": index, "translation": list(at), "rotation": rotation})

    def glb(self) -> bytes:
        """The complete file."""
        described = {
            "asset": {"version": "2.0", "generator": "Dali"},
            "extensionsUsed": ["KHR_materials_unlit"],
            "scene": 0,
            "scenes": [{"name": self._title, "nodes": list(range(len(self._parts["nodes"])))}],
            "buffers": [{"byteLength": len(self._binary)}],
            **{name: rows for name, rows in self._parts.items() if rows},
        }
        text = json.dumps(described, ensure_ascii=False, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        binary = bytes(self._binary)
        chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
        chunks += struct.pack("<II", len(binary), 0x004E4942) + binary
        return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks

    def _add(self, kind: str, row: dict[str, Any]) -> int:
        self._parts[kind].append(row)
        return len(self._parts[kind]) - 1

    def _view(self, content: bytes, target: int | None = None) -> int:
        row = {"buffer": 0, "byteOffset": len(self._binary), "byteLength": len(content)}
        self._binary += content + bytes(-len(content) % 4)
        return self._add("bufferViews", row | ({"target": target} if target else {}))

    def _accessor(self, rows: Sequence[Any], type_: str, *, has_bounds: bool = False) -> int:
        """Adds numbers: indices as scalars, everything else as vectors."""
        kind, component, target = _INDICES if type_ == "SCALAR" else _VECTORS
        values = np.array(rows, kind)
        described: dict[str, Any] = {
            "bufferView": self._view(values.tobytes(), target),
            "componentType": component,
            "count": values.size // _COLUMNS[type_],
            "type": type_,
        }
        if has_bounds:
            described |= {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()}
        return self._add("accessors", described)


def _normal(corners: Corners) -> Vector:
    points = np.array(corners, float)
    normal = np.cross(points[1] - points[0], points[3] - points[0])
    x, y, z = (normal / np.linalg.norm(normal)).tolist()
    return x, y, z
