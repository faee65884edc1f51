"""Gallery: a room with the framed images on its walls, as a glTF file for any viewer or headset."""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from PIL import Image

from artifacts.generator import (
    EmptyMaterialError,
    File,
    Generator,
    ImageOptions,
    chosen_images,
    in_silence,
)
from artifacts.generators.gallery import rooms
from artifacts.generators.gallery.gltf import Mesh, Scene
from artifacts.material import ImageFacts, Material
from artifacts.parts.lettering import Block, TextLine, draw, plain
from artifacts.parts.originals import NONE_READABLE, Original, use_original
from artifacts.templatetags.artifact_pages import day
from dali.lib.pictures.images import Picture

MEDIA_TYPE = "model/gltf-binary"
# Larger originals are reduced, so that a large room still loads.
_KEPT_BYTES, _KEPT_PX, _REDUCED_PX = 400_000, 2048, 1024
# A thinner picture is stretched to this ratio; otherwise its frame would be a line.
_WIDEST = 40.0
_TITLE_PX, _TITLE_M = 1024, 2.0
_LABEL_PX, _LABEL_M = 400, 0.46
_INK, _QUIET = "#2a241d", "#6d6356"
_CARD = (250, 248, 243)

MediaType = Literal["image/jpeg", "image/png"]


@dataclass(frozen=True, slots=True)
class GalleryOptions(ImageOptions):
    """Options of a gallery."""

    most: int = field(
        default=60,
        metadata={"help": "Maximum number of images; the newest are kept.", "least": 1, "most": 120},
    )
    captions: bool = field(
        default=True, metadata={"help": "Whether each image has a label with its prompt and provider."}
    )


@dataclass(frozen=True, slots=True)
class _Texture:
    """A picture as stored in the file; `ratio`: width / height."""

    facts: ImageFacts
    content: bytes
    media_type: MediaType
    ratio: float


class Gallery(Generator):
    """See the module."""

    name = "gallery"
    title = "Gallery"
    description = "A 3D room with the framed images on its walls, for any glTF viewer or headset."
    output = "3d"
    options = GalleryOptions
    most_at_once = 60

    def generate(
        self, material: Material, options: GalleryOptions, report: Callable[[float], None] = in_silence
    ) -> list[File]:
        """One room. Images that cannot be shown are left out."""
        images = chosen_images(material, options)
        textures: list[_Texture] = []
        for count, image in enumerate(images):
            texture = use_original(material, image, partial(_texture, image))
            textures += [texture] if texture is not None else []
            report((count + 1) / len(images))
        if not textures:
            raise EmptyMaterialError(NONE_READABLE)
        (title,) = draw([_title(material, textures)])
        room = rooms.room_for(
            [one.ratio for one in textures], (_TITLE_M, _TITLE_M * title.height / title.width)
        )
        scene = Scene(plain(material.title, 200))
        _build(scene, room)
        _hang(scene, room, textures, title)
        if options.captions:
            _label(scene, room, textures)
        _cameras(scene, room)
        return [File("gallery.glb", MEDIA_TYPE, scene.glb())]


def _texture(image: ImageFacts, original: Original) -> _Texture:
    """The picture's file: the original bytes if every viewer shows them as we do."""
    content, picture = original
    ratio = min(_WIDEST, max(1 / _WIDEST, picture.width / picture.height))
    if not _is_fit(content, picture):
        return _Texture(image, picture.jpeg(_REDUCED_PX, 85), "image/jpeg", ratio)
    return _Texture(image, content, "image/png" if picture.media_type == "image/png" else "image/jpeg", ratio)


def _is_fit(content: bytes, picture: Picture) -> bool:
    """Whether it is a small, opaque JPEG or PNG that looks the same without profile, gamma and EXIF.

    glTF viewers must ignore these (glTF 2.0, section 3.8.3).
    """
    if picture.media_type not in ("image/jpeg", "image/png") or picture.has_alpha:
        return False
    if len(content) > _KEPT_BYTES or max(picture.width, picture.height) > _KEPT_PX:
        return False
    with Image.open(io.BytesIO(content), formats=["JPEG", "PNG"]) as file:
        return file.mode in ("RGB", "RGBA") and file.convert("RGB").tobytes() == picture.image.tobytes()


def _title(material: Material, textures: Sequence[_Texture]) -> Block:
    """The text on the wall before the first picture."""
    names = ", ".join(project.name for project in material.projects if project.name != material.title)
    about = material.projects[0].description if len(material.projects) == 1 else ""
    title = plain(material.title, 160)
    makers = ", ".join(sorted({one.facts.provider for one in textures}))
    lines = [
        TextLine(title, 118 if len(title) <= 20 else 84 if len(title) <= 60 else 56, _INK),
        TextLine(plain(names, 160), 40, _QUIET, above_px=24),
        TextLine(plain(about, 280), 38, _INK, above_px=36),
        TextLine(
            f"{makers}  ·  {day(textures[-1].facts.created_at)}", 28, _QUIET, is_serif=False, above_px=36
        ),
    ]
    return Block(tuple(line for line in lines if line.text), _TITLE_PX, 8)


def _build(scene: Scene, room: rooms.Room) -> None:
    """Adds the room itself."""
    oak = scene.texture(rooms.floor_texture(), "image/jpeg", repeats=True)
    scene.add("floor", rooms.floor(room), scene.material("oak", oak))
    for wall in room.walls:
        mesh = Mesh()
        mesh.quad(wall.rectangle(0, 0, wall.length, wall.height))
        plaster = scene.texture(rooms.wall_texture(wall), "image/jpeg")
        scene.add(f"{wall.name} wall", mesh, scene.material(f"{wall.name} plaster", plaster))
    scene.add("ceiling, skirting, bench", rooms.trim(room), scene.material("paint"))


def _hang(scene: Scene, room: rooms.Room, textures: Sequence[_Texture], title: Image.Image) -> None:
    frames = Mesh()
    for wall in room.walls:
        for hung in wall.hung:
            if hung.number < 0:
                mesh = Mesh()
                left = hung.x - hung.width / 2
                mesh.quad(wall.rectangle(left, hung.y, left + hung.width, hung.y + hung.height, 0.004))
                text = scene.texture(_png(title), "image/png")
                scene.add("title", mesh, scene.material("title", text, is_transparent=True))
                continue
            rooms.frame(frames, wall, hung)
            one = textures[hung.number]
            name = plain(one.facts.prompt, 80) or f"image {hung.number + 1}"
            shown = scene.texture(one.content, one.media_type)
            scene.add(name, rooms.picture(wall, hung), scene.material(name, shown))
    scene.add("frames", frames, scene.material("frames"))


def _label(scene: Scene, room: rooms.Room, textures: Sequence[_Texture]) -> None:
    """Adds a card below each picture, at its left edge."""
    drawn = draw([_card(one.facts) for one in textures])
    for wall in room.walls:
        for hung in wall.hung:
            if hung.number < 0:
                continue
            words = drawn[hung.number]
            card = Image.new("RGB", words.size, _CARD)
            card.paste(words, (0, 0), words)
            height = _LABEL_M * card.height / card.width
            edge = rooms.MAT_M + rooms.FRAME_M
            left, top = hung.x - hung.width / 2 - edge, hung.y - edge - 0.08
            mesh = Mesh()
            mesh.quad(wall.rectangle(left, top - height, left + _LABEL_M, top, 0.006))
            text = scene.texture(_png(card.quantize(32)), "image/png")
            scene.add(f"label {hung.number + 1}", mesh, scene.material(f"label {hung.number + 1}", text))


def _card(facts: ImageFacts) -> Block:
    prompt = plain(facts.prompt, 90)
    lines = [
        TextLine(prompt, 26, _INK),
        TextLine(plain(facts.maker, 60), 17, _QUIET, is_serif=False, above_px=8 if prompt else 0),
    ]
    return Block(tuple(line for line in lines if line.text), _LABEL_PX, 18)


def _cameras(scene: Scene, room: rooms.Room) -> None:
    """One camera at the entrance, and one in front of each wall that has pictures."""
    scene.camera("entrance", (0.0, 1.62, room.depth / 2 - 0.4), 0.0, 1.05)
    for wall in room.walls:
        if wall.hung:
            across = room.depth if wall.name in ("north", "south") else room.width
            away = min(across - 0.5, max(2.6, wall.length * 0.55))
            turned = math.atan2(
                wall.facing[0], wall.facing[2]
            )  # the camera looks at the wall, against its normal
            scene.camera(f"{wall.name} wall", wall.at(wall.length / 2, 1.62, away), turned)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=False, compress_level=6)
    return buffer.getvalue()
