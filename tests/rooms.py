"""Opens a glTF room in Chromium with three.js and takes a screenshot, as an independent viewer would show it."""

import io
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Route

from tests.house.tree import ROOT

THREE = ROOT / "tests" / "node" / "node_modules" / "three"
# Chromium flags: WebGL in software, for machines without a graphics card.
ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_ORIGIN = "https://viewer.test"
_PAGE = """<!doctype html><style>body{margin:0}canvas{display:block}</style>
<script type="importmap">{"imports": {"three": "/three/build/three.module.js"}}</script>
<script type="module">
import * as THREE from "three";
import { GLTFLoader } from "/three/examples/jsm/loaders/GLTFLoader.js";
const renderer = new THREE.WebGLRenderer({ antialias: true });
renderer.setSize(innerWidth, innerHeight);
document.body.append(renderer.domElement);
new GLTFLoader().load("/room.glb", (room) => {
  const scene = new THREE.Scene();
  scene.background = new THREE.Color("#d8d0c4");
  scene.add(room.scene);
  const camera = room.cameras[CAMERA];
  camera.aspect = innerWidth / innerHeight;
  camera.updateProjectionMatrix();
  renderer.render(scene, camera);
  window.shown = { cameras: room.cameras.length, triangles: renderer.info.render.triangles };
}, undefined, (error) => { window.shown = { error: String(error) }; });
</script>"""


def look_into(
    browser: Browser, room: bytes, *, camera: int = 0, size: tuple[int, int] = (1280, 720)
) -> tuple[Image.Image, dict[str, Any]]:
    """The view of that camera (the first is at the entrance), RGB, and its `cameras`, `triangles`."""

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(_ORIGIN)
        if path == "/":
            text = _PAGE.replace("CAMERA", str(camera))
            route.fulfill(body=text, content_type="text/html")
        elif path == "/room.glb":
            route.fulfill(body=room, content_type="model/gltf-binary")
        elif path.startswith("/three/"):
            route.fulfill(body=_script(path.removeprefix("/three/")), content_type="text/javascript")
        else:
            route.fulfill(status=404, body="")

    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    try:
        page.route(f"{_ORIGIN}/**", answer)
        page.goto(f"{_ORIGIN}/")
        page.wait_for_function("window.shown", timeout=60_000)
        told: dict[str, Any] = page.evaluate("window.shown")
        return Image.open(io.BytesIO(page.screenshot())).convert("RGB"), told
    finally:
        page.close()


def _script(name: str) -> bytes:
    return Path(THREE / name).read_bytes()
