"""Parses a replay script file (`dali.replay`): its calls, what they build on, and their original results."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from artifacts.parts.replay import FORMAT, JOBS_ROUTE, KEEP_ROUTE, ROLLBACK_ROUTE, VERSION
from artifacts.reading.record import Fields, RecordError, read_record
from dali.lib.objects.storage import InvalidKeyError, check_key
from dali.lib.web.input.bodies import first_fault
from dali.lib.web.input.fields import shown
from progressions.pipeline.intake.body import JobInSerializer

MOST_CALLS = 20_000
MOST_INDEX = 100_000
# The references that each route takes, and the required ones.
_PARENT, _START, _MASK = "parentProgressionId", "startImageUrl", "maskImageUrl"
_TAKEN = {JOBS_ROUTE: {_PARENT, _START, _MASK}, KEEP_ROUTE: {"variantId"}, ROLLBACK_ROUTE: {"progressionId"}}
_NEEDED = {KEEP_ROUTE: "variantId", ROLLBACK_ROUTE: "progressionId"}
_OBJECTS = {_START, _MASK}


@dataclass(frozen=True, slots=True)
class Ref:
    """The result of an earlier call: a job's variant, or the image of a keep or rollback (empty `provider`)."""

    call: int
    provider: str = ""
    index: int = 0

    def __str__(self) -> str:
        return f"{self.provider} {self.index} of call {self.call}" if self.provider else f"call {self.call}"


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """An object of the originals storage. `sha256`: None if it was missing when the script was written."""

    key: str
    sha256: str | None
    where: str  # in the file


@dataclass(frozen=True, slots=True)
class Expected:
    """The original result of a variant. `sha256`: of the image's original, None if there was none to read."""

    status: str
    code: str
    has_image: bool
    sha256: str | None
    refined_prompt: str | None


@dataclass(frozen=True, slots=True)
class ScriptCall:
    """One call. `needs`: what it builds on; `images`: the start image and mask of a job, by field."""

    number: int
    route: str
    project: UUID
    body: Mapping[str, Any]
    needs: Ref | None
    images: Mapping[str, ObjectRef]
    expected: Mapping[tuple[str, int], Expected]  # for jobs, by provider and index
    sha256: str | None  # for rollbacks

    @property
    def providers(self) -> list[str]:
        """The providers of a job."""
        return list(self.body.get("providers", ()))

    @property
    def variants(self) -> int:
        """The number of images per provider."""
        return int(self.body.get("variants") or 1)


@dataclass(frozen=True, slots=True)
class ProjectRecord:
    """A project in which the calls were made."""

    id: UUID
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Script:
    """The whole file. `digest`: the SHA-256 of its bytes, which identifies it."""

    digest: str
    projects: tuple[ProjectRecord, ...]
    calls: tuple[ScriptCall, ...]


def read_script(path: Path) -> Script:
    """Reads and checks a whole script. Raises RecordError with the line or field."""
    record, digest = read_record(
        path, format_=FORMAT, version=VERSION, maker="the generator seedReplayScript"
    )
    projects = tuple(
        ProjectRecord(
            one.id("id"), one.text("name", most=200, is_empty_ok=False), one.text("description", most=10_000)
        )
        for one in record.objects("projects", most=1_000)
    )
    known = {project.id for project in projects}
    calls: list[ScriptCall] = []
    for fields in record.objects("calls", most=MOST_CALLS):
        call = _call(fields, calls)
        if call.project not in known:
            fields.refuse("project", "the id of one of the record's projects")
        calls.append(call)
    if not calls:
        raise RecordError("calls is empty: there is nothing to replay")
    return Script(digest, projects, tuple(calls))


def _call(fields: Fields, earlier: list[ScriptCall]) -> ScriptCall:
    number = fields.integer("call", least=1, most=MOST_CALLS)
    if number != len(earlier) + 1:
        fields.refuse("call", f"{len(earlier) + 1}: calls are numbered from 1")
    route = fields.text("route", most=100)
    if route not in _TAKEN:
        fields.refuse("route", "one of " + ", ".join(sorted(_TAKEN)))
    body = _body(fields.inner("body")) if route == JOBS_ROUTE else {}
    needs, images = _references(fields.inner("references"), route, earlier)
    return ScriptCall(
        number=number,
        route=route,
        project=fields.id("project"),
        body=body,
        needs=needs,
        images=images,
        expected=_results(fields, body) if route == JOBS_ROUTE else {},
        sha256=fields.sha256("sha256"),
    )


def _body(fields: Fields) -> Mapping[str, Any]:
    """The body, after the route's own checks."""
    given = JobInSerializer(data=dict(fields.values))
    if not given.is_valid():
        name, reason = first_fault(given.errors)
        raise RecordError(f"{fields.path}.{name}: {reason}")
    return fields.values


def _references(
    fields: Fields, route: str, earlier: list[ScriptCall]
) -> tuple[Ref | None, dict[str, ObjectRef]]:
    needs: Ref | None = None
    images: dict[str, ObjectRef] = {}
    for name in fields.values:
        if name not in _TAKEN[route]:
            taken = ", ".join(sorted(_TAKEN[route]))
            raise RecordError(
                f"{fields.path}.{name} is not a reference that this route takes; it takes {taken}"
            )
        if name in _OBJECTS:
            images[name] = _object_ref(fields.inner(name))
        else:
            needs = _ref(fields.inner(name), earlier, is_variant=name == "variantId")
    if needs is None and route in _NEEDED:
        fields.refuse(_NEEDED[route], "the result of an earlier call")
    return needs, images


def _object_ref(fields: Fields) -> ObjectRef:
    key = fields.text("object", most=300, is_empty_ok=False)
    try:
        check_key(key)
    except InvalidKeyError as error:
        raise RecordError(f"{fields.path}.object: {error}") from error
    return ObjectRef(key, fields.sha256("sha256"), fields.path)


def _ref(fields: Fields, earlier: list[ScriptCall], *, is_variant: bool) -> Ref:
    number = fields.integer("call", least=1, most=max(1, len(earlier)))
    call = earlier[number - 1] if earlier else fields.refuse("call", "the number of an earlier call")
    if call.route != JOBS_ROUTE:
        if is_variant:
            fields.refuse("call", "the number of a call that submits a job")
        return Ref(number)
    provider = fields.text("provider", most=40, is_empty_ok=False)
    if provider not in call.providers:
        fields.refuse("provider", f"one of the providers of call {number}: {', '.join(call.providers)}")
    return Ref(number, provider, fields.integer("variantIndex", least=0, most=call.variants - 1))


def _results(fields: Fields, body: Mapping[str, Any]) -> dict[tuple[str, int], Expected]:
    """The results by variant: one entry for each that the body requests."""
    found: dict[tuple[str, int], Expected] = {}
    for one in fields.objects("results", most=MOST_INDEX):
        provider = one.text("provider", most=40)
        if provider not in body["providers"]:
            one.refuse("provider", f"one of the providers of the call: {', '.join(body['providers'])}")
        place = provider, one.integer("variantIndex", least=0, most=int(body.get("variants") or 1) - 1)
        if place in found:
            raise RecordError(f"{one.path} lists {shown(provider)} {place[1]} a second time")
        sha256 = one.sha256("sha256")
        found[place] = Expected(
            status=one.text("status", most=20, is_empty_ok=False),
            code=one.text_or_none("code", most=40) or "",
            has_image=sha256 is not None or one.values.get("progression") is not None,
            sha256=sha256,
            refined_prompt=one.text_or_none("refinedPrompt", most=40_000),
        )
    return found
