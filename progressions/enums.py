"""The words of the API for kinds, states and outcomes, and the names that sessions may have."""

from django.db.models import TextChoices

SESSION_ID = r"[A-Za-z0-9._:-]{1,128}"  # valid in ECMA-262 too


class Kind(TextChoices):
    """What a provider is asked to do."""

    GENERATE = "generate"
    EDIT = "edit"
    INPAINT = "inpaint"
    OUTPAINT = "outpaint"
    VARIATION = "variation"
    UPSCALE = "upscale"


# A step that went back to an earlier image; no provider makes it and no job asks for it.
ROLLBACK = "rollback"


class VariantStatus(TextChoices):
    """Where a variant is; the last four are ends, once and for all."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        """Whether a variant in this state never changes again."""
        return self not in (VariantStatus.QUEUED, VariantStatus.RUNNING)


class JobStatus(TextChoices):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETE = "complete"
    CANCELLED = "cancelled"


class Code(TextChoices):
    """Why a variant failed."""

    REFUSED = "refused"
    RATE_LIMITED = "rate_limited"
    QUOTA = "quota"
    TIMEOUT = "timeout"
    PROVIDER_ERROR = "provider_error"
    INVALID_IMAGE = "invalid_image"
    UNREACHABLE = "unreachable"
    BUDGET = "budget"
    CANCELLED = "cancelled"
    INTERNAL = "internal"


class Judgment(TextChoices):
    """A verdict. No verdict (not judged yet, or the judge could not say) is null."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"


class StepStatus(TextChoices):
    """What became of one attempt at a step."""

    SENT = "sent"
    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Purpose(TextChoices):
    """What a paid call was for."""

    IMAGE = "image"
    JUDGE = "judge"
    REFINE = "refine"
    AGENT = "agent"
