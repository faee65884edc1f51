"""What each event of the stream carries: one TypedDict for each form, with the names that clients read.

`Body` is their union: mypy checks every event against it where it is made, and the OpenAPI document is built from it.
An event has exactly one form. Optional fields are classes of their own, because mypy accepts `{**names, ...}` for a
form only if every optional field comes from something that names it.
"""

from typing import Annotated, Any, Literal, NotRequired, TypedDict, get_args

from progressions.enums import Code, Judgment

Id = Annotated[str, {"format": "uuid"}]
Url = Annotated[str, {"format": "uri"}]
Count = Annotated[int, {"minimum": 0}]
Share = Annotated[float, {"minimum": 0, "maximum": 1, "description": "Never falls within a variant."}]
Verdict = Annotated[
    str | None,
    {"enum": [*Judgment.values, None], "description": "Null if the judge could not decide."},
]
Preview = Annotated[
    str,
    {
        "format": "uri",
        "description": "If previews were requested (`options.openai.partial_images`): the unfinished picture as a"
        " `data:` URL of a WebP, at most 256 x 256 pixels and 16 KiB.",
    },
]


class AppliedTip(TypedDict):
    """A tip as it was worded when it was applied."""

    key: str
    addition: str


class Summary(TypedDict):
    """How many variants of a job are where."""

    queued: int
    running: int
    complete: int
    failed: int
    skipped: int
    cancelled: int


class Envelope(TypedDict):
    """What `events.append` adds to every event."""

    seq: Annotated[int, {"minimum": 1, "description": "Rises by one within a session, without gaps."}]
    ts: Annotated[int, {"minimum": 0, "description": "Milliseconds since the Unix epoch."}]
    sessionId: str


class VariantNames(TypedDict):
    """The fields that name a variant."""

    jobId: Id
    projectId: Id
    variantId: Id
    provider: str
    variantIndex: Annotated[int, {"minimum": 0, "description": "Counts from 0 within the provider."}]


class ArtifactNames(TypedDict):
    """The fields that name an artifact."""

    artifactId: Id
    public_slug: NotRequired[str]


class JudgedNames(TypedDict):
    """The fields that name a judged image's variant; only the project if a late verdict's variant is gone."""

    projectId: Id
    jobId: NotRequired[Id]
    variantId: NotRequired[Id]
    provider: NotRequired[str]
    variantIndex: NotRequired[Count]


class QueuedEvent(VariantNames):
    """A variant was submitted."""

    type: Literal["queued"]


class VariantRunningEvent(VariantNames):
    """A worker has started the variant."""

    type: Literal["running"]
    refinedPrompt: str
    tips: list[AppliedTip]


class ArtifactRunningEvent(ArtifactNames):
    """The build of an artifact that takes long begins."""

    type: Literal["running"]


class ProgressDetails(TypedDict):
    """Optional fields of a variant's `progress` event."""

    generatedImageUrl: NotRequired[Url]
    progressionId: NotRequired[Id]
    attempt: NotRequired[Annotated[int, {"minimum": 0}]]
    retryInMs: NotRequired[Count]
    error: NotRequired[Annotated[str, {"description": "The reason for repeating the attempt."}]]
    previewUrl: NotRequired[Preview]


class VariantProgressEvent(VariantNames, ProgressDetails):
    """A step of the variant is done, or an attempt will be repeated."""

    type: Literal["progress"]
    progress: Share
    step: str


class ArtifactStep(TypedDict):
    """The optional step of an artifact's build."""

    step: NotRequired[str]


class ArtifactProgressEvent(ArtifactNames, ArtifactStep):
    """Work on an artifact has progressed."""

    type: Literal["progress"]
    progress: Annotated[float, {"minimum": 0, "maximum": 1}]


class JudgeDetails(TypedDict):
    """Optional fields of a `judge` event."""

    retrySuggestion: NotRequired[Annotated[str, {"description": "What to try, if it failed."}]]
    late: NotRequired[Annotated[Literal[True], {"description": "The verdict came after `complete`."}]]


class JudgeEvent(JudgedNames, JudgeDetails):
    """The verdict on an image. A late verdict names no variant if it was deleted."""

    type: Literal["judge"]
    progressionId: Id
    generatedImageUrl: Url
    judgment: Verdict
    notes: list[str]
    tags: list[str]


class VariantFailEvent(VariantNames):
    """The variant ended without an image."""

    type: Literal["fail"]
    error: str
    code: Annotated[str, {"enum": Code.values}]
    retryable: bool


class ArtifactFailEvent(ArtifactNames, ArtifactStep):
    """The artifact could not be built or rendered."""

    type: Literal["fail"]
    error: str
    retryable: bool


class VariantCompleteEvent(VariantNames):
    """The variant ended with an image."""

    type: Literal["complete"]
    scope: Literal["variant"]
    progressionId: Id
    generatedImageUrl: Url
    judgment: Verdict


class VariantSkippedEvent(VariantNames):
    """The variant ended as a near-duplicate; `POST /api/variants/{variant_id}/keep` keeps it."""

    type: Literal["complete"]
    scope: Literal["variant"]
    skipped: Literal[True]
    duplicateOf: Annotated[str, {"format": "uuid", "description": "The variant that it resembles."}]
    distance: Annotated[int, {"minimum": 0, "description": "How closely: 0 is the same picture."}]


class JobCompleteEvent(TypedDict):
    """All variants have ended: the job's last event except late verdicts."""

    type: Literal["complete"]
    scope: Literal["job"]
    jobId: Id
    projectId: Id
    summary: Summary
    costUsd: Annotated[float | None, {"minimum": 0, "description": "Null if no cost is known."}]


class ArtifactCompleteEvent(ArtifactNames):
    """The artifact has its content."""

    type: Literal["complete"]


class NewestGapEvent(TypedDict):
    """`after` was beyond the newest event; the stream continues live after `newest`."""

    type: Literal["gap"]
    newest: Count


class OldestGapEvent(TypedDict):
    """The wanted events were pruned; the stream continues from `oldest`."""

    type: Literal["gap"]
    oldest: Count


Body = (
    QueuedEvent
    | VariantRunningEvent
    | ArtifactRunningEvent
    | VariantProgressEvent
    | ArtifactProgressEvent
    | JudgeEvent
    | VariantFailEvent
    | ArtifactFailEvent
    | VariantCompleteEvent
    | VariantSkippedEvent
    | JobCompleteEvent
    | ArtifactCompleteEvent
)
GapEvent = NewestGapEvent | OldestGapEvent


def forms_by_type(union: Any) -> dict[str, list[Any]]:
    """The forms of a union by the value of their `type`, both in the order of the union."""
    found: dict[str, list[Any]] = {}
    for form in get_args(union):
        found.setdefault(get_args(form.__annotations__["type"])[0], []).append(form)
    return found


STORED = forms_by_type(Body)
GAPS = forms_by_type(GapEvent)
