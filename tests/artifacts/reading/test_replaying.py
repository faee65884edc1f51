"""What a replay concludes: images compared, duplicates kept, unreproducible services excused, lost calls left out."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import pytest

from artifacts.parts.replay import JOBS_ROUTE, KEEP_ROUTE, ROLLBACK_ROUTE
from artifacts.reading.asking import Api, CallRefusedError
from artifacts.reading.record import RecordError
from artifacts.reading.replaying import Replay, ReplayedImage, find_projects
from artifacts.reading.script import Expected, ObjectRef, ProjectRecord, Ref, Script, ScriptCall
from dali.lib.objects.storage import originals

PROJECT, TARGET = UUID(int=1), UUID(int=2)
KEYS = {name: f"tests/replaying/{name}" for name in ("a", "b")}
SHA = {name: hashlib.sha256(name.encode()).hexdigest() for name in KEYS}


@pytest.fixture(autouse=True)
def _stored() -> Iterator[None]:
    """Two images in the storage."""
    for name, key in KEYS.items():
        originals().put_once(key, name.encode(), media_type="image/png")
    yield
    for key in KEYS.values():
        originals().delete(key)


class FakeApi(Api):
    """Answers with the given variants, call by call; a letter names each image."""

    def __init__(self, *jobs: list[dict[str, Any]] | Exception) -> None:
        self._jobs = list(jobs)
        self.posts: list[tuple[str, Mapping[str, object] | None, str]] = []
        self.rollbacks: list[dict[str, Any]] = []

    def get(self, path: str, **parameters: str) -> Any:
        """Progressions of a project, or one."""
        if path.endswith("/progressions"):
            return self.rollbacks
        name = path.rpartition("/")[2]
        return {"generated_image_r2_key": KEYS.get(name, "tests/replaying/none")}

    def post(self, path: str, body: Mapping[str, object] | None = None, key: str = "") -> Any:
        """Records the call; a keep makes the image that the variant's id names."""
        self.posts.append((path, body, key))
        if path.endswith("/jobs"):
            if isinstance(refusal := self._jobs[0], Exception):
                self._jobs.pop(0)
                raise refusal
            return {"jobId": "j"}
        return {"id": path.split("/")[3]}

    def upload(self, content: bytes) -> str:
        """A URL that names what was sent."""
        self.posts.append(("/api/uploads", None, ""))
        return f"/images/{content.decode()}.webp"

    def wait_for_job(self, job_id: str) -> Any:
        """The variants of the next job."""
        return {"variants": self._jobs.pop(0)}


def variant(
    status: str = "complete", image: str | None = "a", code: str | None = None, **fields: Any
) -> dict[str, Any]:
    """A variant of the mock as the API gives it."""
    return {
        "id": "a",
        "provider": "mock",
        "variantIndex": 0,
        "status": status,
        "code": code,
        "error": "it broke" if code else None,
        "progressionId": image,
        "refinedPrompt": "a pier",
        **fields,
    }


def expected(status: str = "complete", image: str | None = "a", code: str = "") -> Expected:
    """What was made in the original run."""
    return Expected(status, code, image is not None, SHA[image] if image else None, "a pier")


def job(
    number: int = 1,
    then: Expected | None = None,
    needs: Ref | None = None,
    provider: str = "mock",
    **fields: Any,
) -> ScriptCall:
    """A call that asks for one image."""
    results = {} if then is None else {(provider, 0): then}
    body = {"prompt": "a pier", "providers": [provider]}
    return ScriptCall(number, JOBS_ROUTE, PROJECT, body, needs, fields.get("images", {}), results, None)


def deed(number: int, route: str, needs: Ref, sha256: str | None = None) -> ScriptCall:
    """A keep or a rollback."""
    return ScriptCall(number, route, PROJECT, {}, needs, {}, {}, sha256)


def replay(api: FakeApi, *calls: ScriptCall) -> list[str]:
    """The outcome of each image."""
    script = Script("d" * 64, (ProjectRecord(PROJECT, "Harbour", ""),), calls)
    said: list[ReplayedImage] = []
    Replay(api, script, {PROJECT: TARGET}, originals().read, said.append).run()
    return [f"{one.call} {one.name}: {one.verdict}: {one.words}" for one in said]


@pytest.mark.parametrize(
    ("now", "then", "said"),
    [
        (variant(), expected(), "same: byte for byte"),
        (variant(image="b"), expected(), f"differs: another image: SHA-256 {SHA['b']}"),
        (
            variant(image="b", refinedPrompt="a quay"),
            expected(),
            'differs: another image: the tips changed the prompt to "a quay"',
        ),
        (variant(image="gone"), expected(), "differs: its original is not in the storage"),
        (variant("failed", None, "timeout"), expected(), "differs: failed (timeout): it broke"),
        (variant("cancelled", None), expected(), "differs: cancelled: it has no image"),
        (variant("failed", None, "refused"), expected("failed", None, "refused"), "same: failed (refused), as then"),
        (
            variant("failed", None, "refused"),
            expected("failed", None, "timeout"),
            "other: failed (refused); failed (timeout) then",
        ),
        (variant(), expected("failed", None, "timeout"), "other: has an image now; failed (timeout) then"),
        (variant("skipped", None), expected("skipped", None), "same: skipped, as then"),
        (variant(), expected("skipped", None), "other: has an image now; skipped then"),
        (variant("skipped", None), expected(), "same: byte for byte; kept, although a near-duplicate of another"),
        (variant(), None, "other: the script has nothing to compare it with"),
        (variant("failed", None), None, "other: failed; the script has nothing to compare it with"),
    ],
)  # fmt: skip
def test_an_image_is_compared_with_the_original(
    now: dict[str, Any], then: Expected | None, said: str
) -> None:
    assert replay(FakeApi([now]), job(then=then)) == [f"1 mock 0: {said}"]


def test_a_service_that_promises_no_same_image_is_excused_with_its_descendants() -> None:
    api = FakeApi(
        [variant(image="b", provider="openai")],
        [variant(image="b")],
        [variant(image="b")],
        [variant(image="b")],
    )
    image = ObjectRef(KEYS["a"], SHA["a"], "calls[2]")
    said = replay(
        api,
        job(then=expected(), provider="openai"),
        job(2, expected(), Ref(1, "openai", 0)),
        job(3, expected(), Ref(1, "openai", 0), images={"startImageUrl": image}),
        job(4, expected("complete", "b"), Ref(2, "mock", 0)),
    )
    other = "other: another image, because its provider or start image differs"
    assert said == [
        f"1 openai 0: {other}",
        f"2 mock 0: {other}",
        f"3 mock 0: differs: another image: SHA-256 {SHA['b']}",
        "4 mock 0: same: byte for byte",
    ]


def test_kept_variants_are_kept_again_when_needed() -> None:
    needs, then = Ref(1, "mock", 0), expected("skipped", "a")
    api = FakeApi([variant("skipped", None)])
    assert replay(api, job(then=then), deed(2, KEEP_ROUTE, needs)) == [
        "1 mock 0: same: skipped, as then",
        "2 keep of mock 0 of call 1: same: byte for byte",
    ]
    assert [path for path, _, _ in api.posts] == [f"/api/projects/{TARGET}/jobs", "/api/variants/a/keep"]
    api = FakeApi([variant("skipped", "b")])  # an earlier run kept it
    assert replay(api, job(then=then), deed(2, KEEP_ROUTE, needs))[1:] == [
        "2 keep of mock 0 of call 1: same: byte for byte"
    ]
    api = FakeApi([variant()])
    assert replay(api, job(then=then), deed(2, KEEP_ROUTE, needs)) == [
        "1 mock 0: same: byte for byte",
        "2 keep of mock 0 of call 1: same: already has its image",
    ]
    assert len(api.posts) == 1


def test_each_rollback_is_repeated_once_and_an_existing_one_is_accepted() -> None:
    calls = (job(then=expected()), *(deed(at, ROLLBACK_ROUTE, Ref(1, "mock", 0), SHA["a"]) for at in (2, 3)))
    api = FakeApi([variant()])
    assert len(replay(api, *calls)) == 3
    assert [path for path, _, _ in api.posts][1:] == ["/api/progressions/a/rollback"] * 2
    api = FakeApi([variant()])
    api.rollbacks = [{"id": "b", "kind": "edit"}, {"id": "a", "kind": "rollback"}]
    said = replay(api, *calls)
    assert said[1:] == [f"{at} rollback of mock 0 of call 1: same: byte for byte" for at in (2, 3)]
    assert [path for path, _, _ in api.posts][1:] == ["/api/progressions/a/rollback"]


def test_a_refused_call_stops_only_its_dependents() -> None:
    api = FakeApi(CallRefusedError("seed: 5 is taken"), [variant()])
    assert replay(api, job(then=expected()), job(2, expected(), Ref(1, "mock", 0)), job(3, expected())) == [
        "1 mock: differs: refused: seed: 5 is taken",
        "2 mock: differs: skipped: mock 0 of call 1 made no image",
        "3 mock 0: same: byte for byte",
    ]


def test_a_start_image_is_uploaded_once_and_every_job_has_its_own_key() -> None:
    image = ObjectRef(KEYS["a"], SHA["a"], "calls[0]")
    api = FakeApi([variant()], [variant()])
    replay(api, *(job(number, expected(), images={"startImageUrl": image}) for number in (1, 2)))
    assert [path for path, _, _ in api.posts].count("/api/uploads") == 1
    jobs = [(dict(body or {}), key) for path, body, key in api.posts if path.endswith("/jobs")]
    assert [(body["startImageUrl"], key) for body, key in jobs] == [
        ("/images/a.webp", f"replay-{'d' * 32}-1"),
        ("/images/a.webp", f"replay-{'d' * 32}-2"),
    ]


def test_projects_are_given_one_for_all_or_one_for_each() -> None:
    projects = tuple(ProjectRecord(UUID(int=number), "Harbour", "") for number in (1, 2))
    script = Script("d", projects, ())
    first, second = UUID(int=8), UUID(int=9)
    assert find_projects(FakeApi(), script, [first]) == {UUID(int=1): first, UUID(int=2): first}
    assert find_projects(FakeApi(), script, [first, second]) == {UUID(int=1): first, UUID(int=2): second}
    with pytest.raises(RecordError, match="the script has 2 projects"):
        find_projects(FakeApi(), script, [first, second, first])
