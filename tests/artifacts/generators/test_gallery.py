"""The gallery: a valid glTF file whose pictures are placed correctly and unchanged."""

import hashlib
import io
import json
import os
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from artifacts.generator import EmptyMaterialError, generators
from artifacts.generators.gallery.rooms import room_for
from artifacts.material import Material
from artifacts.options import parse
from tests.artifacts.materials import HOSTILE, image_of, material_of, original
from tests.conftest import ROOT

NODE = ROOT / "tests" / "node"


def made(material: Material, **options: object) -> bytes:
    """The file."""
    generator = generators.get("gallery")
    (file,) = generator.generate(material, parse(generator.options, {"include": "all", **options}))
    return file.content


def parts(content: bytes) -> tuple[dict[str, Any], bytes]:
    """The description and the binary part of a .glb."""
    magic, version, length = struct.unpack_from("<4sII", content)
    assert (magic, version, length) == (b"glTF", 2, len(content))
    size, kind = struct.unpack_from("<I4s", content, 12)
    assert kind == b"JSON"
    described = json.loads(content[20 : 20 + size])
    rest, kind = struct.unpack_from("<I4s", content, 20 + size)
    assert kind == b"BIN\0"
    binary = content[28 + size :]
    assert len(binary) == rest
    return described, binary


def pictures(content: bytes) -> list[bytes]:
    """Every image in the file."""
    described, binary = parts(content)
    views = [described["bufferViews"][image["bufferView"]] for image in described["images"]]
    return [binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]] for view in views]


def read_from(contents: dict[str, bytes]) -> Any:
    """A function that reads only these originals."""

    def read(key: str) -> bytes:
        if key not in contents:
            raise FileNotFoundError(key)
        return contents[key]

    return read


@pytest.fixture(scope="module")
def node() -> str:
    """Node.js with the test packages installed."""
    found = shutil.which("node")
    if found is None or not (NODE / "node_modules" / "gltf-validator").is_dir():
        reason = "needs Node.js and `npm ci` in tests/node"
        if os.environ.get("DALI_REQUIRE_NODE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.mark.parametrize("count", [1, 3, 13, 60])
@pytest.mark.parametrize("words", ["", HOSTILE], ids=["plain", "hostile"])
def test_khronos_validator_finds_no_errors(node: str, count: int, words: str) -> None:
    content = made(material_of(count, words=words))
    done = subprocess.run(
        [node, "validate_gltf.js"], cwd=NODE, input=content, capture_output=True, check=True, timeout=300
    )
    issues = json.loads(done.stdout)["issues"]
    told = [message for message in issues["messages"] if message["severity"] < 2]
    assert (issues["numErrors"], issues["numWarnings"], told) == (0, 0, [])
    # The remaining notices are about sizes that are not powers of two, which glTF 2.0 allows.
    assert {message["code"] for message in issues["messages"]} <= {"IMAGE_NPOT_DIMENSIONS"}


def test_small_originals_are_kept_byte_for_byte() -> None:
    digests = {hashlib.sha256(content).digest() for content in pictures(made(material_of(3)))}
    assert {hashlib.sha256(original(number)).digest() for number in range(3)} <= digests


def _saved(image: Image.Image, format_: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def test_pictures_that_viewers_would_show_differently_are_re_encoded() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    plain = Image.effect_noise((900, 300), 90).convert("RGB")
    contents = {
        "turned": _saved(plain, "JPEG", exif=turned),
        "webp": _saved(plain, "WEBP"),
        "see-through": _saved(Image.new("RGBA", (64, 64), (255, 0, 0, 90)), "PNG"),
        "grey": _saved(plain.convert("L"), "PNG"),
        "large": _saved(plain.resize((2400, 800)), "PNG"),
    }
    images = tuple(replace(image_of(number), key=key) for number, key in enumerate(contents))
    material = replace(material_of(1), images=images, read=read_from(contents))
    found = [Image.open(io.BytesIO(content)) for content in pictures(made(material, captions=False))]
    kept = {hashlib.sha256(content).digest() for content in contents.values()}
    assert not kept & {hashlib.sha256(content).digest() for content in pictures(made(material))}
    sizes = [image.size for image in found]
    assert (300, 900) in sizes, "the rotated picture is upright"
    assert (1024, 341) in sizes, "the large picture is smaller"
    assert max(max(size) for size in sizes) <= 2048


def test_missing_or_broken_originals_are_skipped_and_an_empty_room_is_refused() -> None:
    contents = {"good": original(1), "broken": original(0)[:90]}
    images = tuple(
        replace(image_of(number), key=key) for number, key in enumerate(("gone", "good", "broken"))
    )
    material = replace(material_of(1), images=images, read=read_from(contents))
    described, _ = parts(made(material))
    assert [node["name"] for node in described["nodes"] if node["name"].startswith("label")] == ["label 1"]
    with pytest.raises(EmptyMaterialError, match="originals"):
        made(replace(material, images=images[::2]))


def test_each_picture_keeps_its_aspect_ratio_and_fits_its_wall() -> None:
    ratios = [1.0, 0.625, 4.0, 0.0367, 30.0, 1.5] * 20
    for count in (1, 4, 5, 12, 13, 24, 25, 120):
        room = room_for(ratios[:count], (2.0, 0.9))
        hung = [one for wall in room.walls for one in wall.hung]
        assert sorted(one.number for one in hung) == list(range(-1, count))
        for wall in room.walls:
            for one in wall.hung:
                if one.number >= 0:
                    assert one.width / one.height == pytest.approx(ratios[one.number])
                assert one.x - one.width / 2 > 0.5
                assert one.x + one.width / 2 < wall.length - 0.5
                assert one.y > 0.4
                assert one.y + one.height < wall.height - 0.3


def test_there_is_a_camera_at_the_entrance_and_one_for_each_wall() -> None:
    described, _ = parts(made(material_of(60)))
    names = [camera["name"] for camera in described["cameras"]]
    assert sorted(names) == ["east wall", "entrance", "north wall", "south wall", "west wall"]
    assert described["extensionsUsed"] == ["KHR_materials_unlit"]


def test_labels_can_be_left_out() -> None:
    described, _ = parts(made(material_of(3), captions=False))
    assert not [node for node in described["nodes"] if node["name"].startswith("label")]


def test_the_lock_of_the_test_packages_names_no_registry() -> None:
    lock = Path(NODE / "package-lock.json").read_text("utf-8")
    assert "integrity" in lock
    assert "://" not in lock
    assert "resolved" not in lock
