"""Repeats the calls of a replay script in order, and compares the results with the original ones."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from artifacts.parts.replay import JOBS_ROUTE, KEEP_ROUTE
from artifacts.reading.asking import Api, CallRefusedError
from artifacts.reading.record import RecordError
from artifacts.reading.script import Expected, ObjectRef, Ref, Script, ScriptCall
from dali.lib.objects.storage import originals
from dali.lib.web.input.fields import shown
from progressions.enums import ROLLBACK
from progressions.provider import providers

# other: never promised to be the same. differs: should be the same.
Verdict = Literal["same", "other", "differs"]
ReadObject = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class ReplayedImage:
    """The result for one image of one call."""

    call: int
    name: str
    verdict: Verdict
    words: str


@dataclass(frozen=True, slots=True)
class _Made:
    """`is_same`: the image has its original bytes; `is_start_same`: so has its start image."""

    variant_id: str = ""
    progression_id: str = ""
    is_same: bool = False
    is_start_same: bool = True
    expected: Expected | None = None


def check_here(script: Script, read_object: ReadObject) -> None:
    """Raises RecordError if this Dali lacks something: a provider, its settings, a stored object."""
    for call in script.calls:
        where = f"calls[{call.number - 1}]"
        for name in call.providers:
            if name not in providers.names():
                known = ", ".join(providers.names())
                raise RecordError(f"{where}.body.providers: {shown(name)} is not known here; known: {known}")
            if missing := providers.get(name).missing():
                raise RecordError(
                    f"{where}.body.providers: {name} is not configured: set {', '.join(missing)}"
                )
        for ref in call.images.values():
            _read(ref, read_object)


def _read(ref: ObjectRef, read_object: ReadObject) -> bytes:
    try:
        content = read_object(ref.key)
    except FileNotFoundError:
        raise RecordError(
            f"{ref.where}: the object {ref.key} is missing; pass a folder that has it with --objects"
        ) from None
    found = hashlib.sha256(content).hexdigest()
    if ref.sha256 is not None and found != ref.sha256:
        raise RecordError(f"{ref.where}: the object {ref.key} has changed: SHA-256 {found}")
    return content


def find_projects(api: Api, script: Script, given: Sequence[UUID]) -> dict[UUID, UUID]:
    """The target of each project of the script: the given ones (one for all, or one each), otherwise new ones.

    Raises RecordError if their number is wrong, RefusedError if one does not exist.
    """
    if not given:
        return {
            project.id: UUID(
                api.post("/api/projects", {"name": project.name, "description": project.description})["id"]
            )
            for project in script.projects
        }
    if len(given) not in (1, len(script.projects)):
        raise RecordError(
            f"the script has {len(script.projects)} projects: pass one project for all, or one for each"
        )
    for project_id in given:
        api.get(f"/api/projects/{project_id}")
    targets = list(given) * (len(script.projects) if len(given) == 1 else 1)
    return dict(zip((project.id for project in script.projects), targets, strict=True))


@dataclass(slots=True)
class Replay:
    """One run of a script; running it again with the same projects creates nothing twice.

    Each job has its own idempotency key, which the API keeps for 7 days; keeping twice changes nothing; an existing
    rollback counts as the script's own.
    """

    api: Api
    script: Script
    targets: Mapping[UUID, UUID]
    read_object: ReadObject
    say: Callable[[ReplayedImage], None]
    verdicts: Counter[Verdict] = field(default_factory=Counter, init=False)
    _made: dict[Ref, _Made] = field(default_factory=dict, init=False)
    _uploads: dict[str, str] = field(default_factory=dict, init=False)
    _rolled_back: Counter[str] = field(default_factory=Counter, init=False)

    def run(self) -> None:
        """Makes all calls in order. Raises StuckError if the API stops answering; a refused call is an outcome."""
        for call in self.script.calls:
            needed = self._made.get(call.needs) if call.needs else None
            is_variant_enough = call.route == KEEP_ROUTE
            if call.needs and not (needed and (needed.progression_id or is_variant_enough)):
                self._tell(call, _name(call), "differs", f"skipped: {call.needs} made no image")
                continue
            try:
                if call.route == JOBS_ROUTE:
                    self._submit(call, needed)
                elif needed is not None and is_variant_enough:
                    self._keep(call, needed)
                elif needed is not None:
                    self._roll_back(call, needed)
            except CallRefusedError as error:
                self._tell(call, _name(call), "differs", f"refused: {error}")

    def _tell(self, call: ScriptCall, name: str, verdict: Verdict, words: str) -> None:
        self.verdicts[verdict] += 1
        self.say(ReplayedImage(call.number, name, verdict, words))

    def _submit(self, call: ScriptCall, parent: _Made | None) -> None:
        body: dict[str, Any] = dict(call.body)
        if parent is not None:
            body["parentProgressionId"] = parent.progression_id
        for name, ref in call.images.items():
            body[name] = self._upload(ref)
        is_start_same = parent is None or parent.is_same or "startImageUrl" in call.images
        path = f"/api/projects/{self.targets[call.project]}/jobs"
        key = f"replay-{self.script.digest[:32]}-{call.number}"
        job = self.api.wait_for_job(self.api.post(path, body, key)["jobId"])
        for variant in job["variants"]:
            self._look_at(call, variant, is_start_same=is_start_same)

    def _upload(self, ref: ObjectRef) -> str:
        if ref.key not in self._uploads:
            self._uploads[ref.key] = self.api.upload(_read(ref, self.read_object))
        return self._uploads[ref.key]

    def _look_at(self, call: ScriptCall, variant: Mapping[str, Any], *, is_start_same: bool) -> None:
        """Compares one variant of a job; if it had an image and is now skipped as a near-duplicate, keeps it."""
        provider, index = str(variant["provider"]), int(variant["variantIndex"])
        expected = call.expected.get((provider, index))
        status, progression_id, was_kept = variant["status"], variant["progressionId"] or "", ""
        if status == "skipped" and expected is not None and expected.status == "complete":
            progression_id = self.api.post(f"/api/variants/{variant['id']}/keep")["id"]
            was_kept = "; kept, although a near-duplicate of another"
        elif status == "skipped" and expected is not None and expected.status == "skipped":
            progression_id = ""  # if an earlier run kept it, the call that keeps it compares it
        if progression_id:
            is_promised = providers.get(provider).is_reproducible and is_start_same
            verdict, words = self._compared(
                progression_id, expected, is_promised=is_promised, refined=variant.get("refinedPrompt")
            )
            words += was_kept
        else:
            verdict, words = _without_image(variant, expected)
        has_start = call.needs is not None or bool(call.images)
        self._made[Ref(call.number, provider, index)] = _Made(
            variant_id=str(variant["id"]),
            progression_id=str(progression_id),
            is_same=verdict == "same" and bool(progression_id),
            is_start_same=is_start_same if has_start else verdict == "same",
            expected=expected,
        )
        self._tell(call, f"{provider} {index}", verdict, words)

    def _compared(
        self, progression_id: str, expected: Expected | None, *, is_promised: bool, refined: str | None = None
    ) -> tuple[Verdict, str]:
        """Compares a new image with the original one. `refined`: the prompt it was made from, if tips changed it."""
        if expected is None:
            return "other", "the script has nothing to compare it with"
        if not expected.has_image:
            return "other", f"has an image now; {_how(expected.status, expected.code)} then"
        if expected.sha256 is None:
            return "other", "the image was missing from its storage when the script was written"
        found = self._digest(progression_id)
        if found == expected.sha256:
            return "same", "byte for byte"
        if found is None:
            return "differs", "its original is not in the storage"
        if not is_promised:
            return "other", "another image, because its provider or start image differs"
        if refined != expected.refined_prompt:
            return "differs", f"another image: the tips changed the prompt to {shown(refined)}"
        return "differs", f"another image: SHA-256 {found}"

    def _digest(self, progression_id: str) -> str | None:
        key = self.api.get(f"/api/progressions/{progression_id}")["generated_image_r2_key"]
        try:
            return hashlib.sha256(originals().read(key)).hexdigest()
        except FileNotFoundError:
            return None

    def _keep(self, call: ScriptCall, variant: _Made) -> None:
        progression_id = variant.progression_id
        verdict: Verdict = "same" if variant.is_same else "other"
        words = "already has its image"
        if not progression_id:
            progression_id = self.api.post(f"/api/variants/{variant.variant_id}/keep")["id"]
            name = call.needs.provider if call.needs else ""
            is_promised = providers.get(name).is_reproducible and variant.is_start_same
            verdict, words = self._compared(progression_id, variant.expected, is_promised=is_promised)
        self._record(
            call, _Made("", str(progression_id), verdict == "same", variant.is_start_same), verdict, words
        )

    def _roll_back(self, call: ScriptCall, image: _Made) -> None:
        project_id, parent = self.targets[call.project], image.progression_id
        children = self.api.get(f"/api/projects/{project_id}/progressions", parent=parent, limit="500")
        there = [child["id"] for child in reversed(children) if child["kind"] == ROLLBACK]
        number = self._rolled_back[parent]
        self._rolled_back[parent] += 1
        if number < len(there):
            progression_id = there[number]
        else:
            progression_id = self.api.post(f"/api/progressions/{parent}/rollback")["id"]
        expected = Expected("complete", "", has_image=True, sha256=call.sha256, refined_prompt=None)
        verdict, words = self._compared(progression_id, expected, is_promised=image.is_start_same)
        is_same = verdict == "same"
        self._record(call, _Made("", str(progression_id), is_same, is_same), verdict, words)

    def _record(self, call: ScriptCall, made: _Made, verdict: Verdict, words: str) -> None:
        self._made[Ref(call.number)] = made
        self._tell(call, _name(call), verdict, words)


def _without_image(variant: Mapping[str, Any], expected: Expected | None) -> tuple[Verdict, str]:
    """A variant without an image."""
    now = _how(variant["status"], variant["code"] or "")
    if expected is None:
        return "other", f"{now}; the script has nothing to compare it with"
    if (expected.status, expected.code) == (variant["status"], variant["code"] or ""):
        return "same", f"{now}, as then"
    if expected.has_image and expected.status == "complete":
        return "differs", f"{now}: {variant['error'] or 'it has no image'}"
    return "other", f"{now}; {_how(expected.status, expected.code)} then"


def _how(status: str, code: str) -> str:
    return f"{status} ({code})" if code else status


def _name(call: ScriptCall) -> str:
    if call.route == JOBS_ROUTE:
        return ", ".join(call.providers)
    return f"{'keep' if call.route == KEEP_ROUTE else 'rollback'} of {call.needs}"
