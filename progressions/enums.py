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


# The kind of a progression that goes back to an earlier image; no provider makes it and no job asks for it.
ROLLBACK = "rollback"


class VariantStatus(TextChoices):
    """The state of a variant; the last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        """Whether this state is final."""
        return self not in (VariantStatus.QUEUED, VariantStatus.RUNNING)


class JobStatus(TextChoices):
    """The state of a job."""

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
    """A verdict. Null: not judged yet, or the judge could not decide."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"


class StepStatus(TextChoices):
    """The outcome of one attempt at a step."""

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
