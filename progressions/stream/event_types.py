"""What each event on the stream carries: one class for each form, in the words that clients read.

The OpenAPI document is made of these classes; progressions.stream.events writes the events.
"""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from progressions.enums import Code, Judgment
from progressions.stream.events import AppliedTip, Summary

Id = Annotated[str, {"format": "uuid"}]
Url = Annotated[str, {"format": "uri"}]
Count = Annotated[int, {"minimum": 0}]
Share = Annotated[float, {"minimum": 0, "maximum": 1, "description": "Never falls within a variant."}]
Verdict = Annotated[
    str | None,
    {"enum": [*Judgment.values, None], "description": "Null where the judge could not say."},
]


class _Event(TypedDict):
    seq: Annotated[int, {"minimum": 1, "description": "Rises by one within a session, without gaps."}]
    ts: Annotated[int, {"minimum": 0, "description": "Milliseconds since the Unix epoch."}]
    sessionId: str


class _VariantEvent(_Event):
    jobId: Id
    projectId: Id
    variantId: Id
    provider: str
    variantIndex: Annotated[int, {"minimum": 0, "description": "Counts from 0 within the provider."}]


class _ArtifactEvent(_Event):
    artifactId: Id
    public_slug: NotRequired[str]


class QueuedEvent(_VariantEvent):
    """A variant was submitted."""

    type: Literal["queued"]


class VariantRunningEvent(_VariantEvent):
    """A worker has taken the variant for the first time."""

    type: Literal["running"]
    refinedPrompt: str
    tips: list[AppliedTip]


class ArtifactRunningEvent(_ArtifactEvent):
    """An artifact that takes long will be built."""

    type: Literal["running"]


class VariantProgressEvent(_VariantEvent):
    """A step of the variant is done, or an attempt will be repeated."""

    type: Literal["progress"]
    progress: Share
    step: str
    generatedImageUrl: NotRequired[Url]
    progressionId: NotRequired[Id]
    attempt: NotRequired[Annotated[int, {"minimum": 0}]]
    retryInMs: NotRequired[Count]
    error: NotRequired[Annotated[str, {"description": "Why the attempt will be repeated."}]]
    previewUrl: NotRequired[
        Annotated[
            str,
            {
                "format": "uri",
                "description": (
                    "Where previews were asked for (`options.openai.partial_images`): the unfinished picture as a"
                    " `data:` URL of a WebP, at most 256 x 256 pixels and 16 KiB."
                ),
            },
        ]
    ]


class ArtifactProgressEvent(_ArtifactEvent):
    """Work on an artifact goes on."""

    type: Literal["progress"]
    progress: Annotated[float, {"minimum": 0, "maximum": 1}]
    step: NotRequired[str]


class JudgeEvent(_Event):
    """The verdict on an image. A late verdict names no variant where that is gone."""

    type: Literal["judge"]
    projectId: Id
    jobId: NotRequired[Id]
    variantId: NotRequired[Id]
    provider: NotRequired[str]
    variantIndex: NotRequired[Count]
    progressionId: Id
    generatedImageUrl: Url
    judgment: Verdict
    notes: list[str]
    tags: list[str]
    retrySuggestion: NotRequired[Annotated[str, {"description": "Where it failed."}]]
    late: NotRequired[Annotated[Literal[True], {"description": "The verdict came after `complete`."}]]


class VariantFailEvent(_VariantEvent):
    """The variant ended without an image."""

    type: Literal["fail"]
    error: str
    code: Annotated[str, {"enum": Code.values}]
    retryable: bool


class ArtifactFailEvent(_ArtifactEvent):
    """The artifact could not be built or rendered."""

    type: Literal["fail"]
    error: str
    retryable: bool
    step: NotRequired[str]


class VariantCompleteEvent(_VariantEvent):
    """The variant ended with an image."""

    type: Literal["complete"]
    scope: Literal["variant"]
    progressionId: Id
    generatedImageUrl: Url
    judgment: Verdict


class VariantSkippedEvent(_VariantEvent):
    """The variant ended as a near-duplicate; `POST /api/variants/{variant_id}/keep` keeps it."""

    type: Literal["complete"]
    scope: Literal["variant"]
    skipped: Literal[True]
    duplicateOf: Annotated[str, {"format": "uuid", "description": "The variant that it resembles."}]
    distance: Annotated[int, {"minimum": 0, "description": "How closely: 0 is the same picture."}]


class JobCompleteEvent(_Event):
    """All variants have ended: the job's last event but for late verdicts."""

    type: Literal["complete"]
    scope: Literal["job"]
    jobId: Id
    projectId: Id
    summary: Summary
    costUsd: Annotated[float | None, {"minimum": 0, "description": "Null where nothing of it is known."}]


class ArtifactCompleteEvent(_ArtifactEvent):
    """The artifact has its content."""

    type: Literal["complete"]


class NewestGapEvent(TypedDict):
    """`after` was beyond the newest event; the stream goes on live from `newest`."""

    type: Literal["gap"]
    newest: Count


class OldestGapEvent(TypedDict):
    """What was asked for is pruned; the stream goes on from `oldest`."""

    type: Literal["gap"]
    oldest: Count


# By type; of several forms of one type, an event has exactly one.
STORED: dict[str, tuple[Any, ...]] = {
    "queued": (QueuedEvent,),
    "running": (VariantRunningEvent, ArtifactRunningEvent),
    "progress": (VariantProgressEvent, ArtifactProgressEvent),
    "judge": (JudgeEvent,),
    "fail": (VariantFailEvent, ArtifactFailEvent),
    "complete": (VariantCompleteEvent, VariantSkippedEvent, JobCompleteEvent, ArtifactCompleteEvent),
}
GAPS: dict[str, tuple[Any, ...]] = {"gap": (NewestGapEvent, OldestGapEvent)}
