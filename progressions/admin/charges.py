"""The ledger in the admin: every paid call, and sums by day, service and purpose."""

from dataclasses import dataclass
from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dali.lib.web.admin import EMPTY, MachineAdmin, badge, column, moment
from progressions.admin.columns import as_json, link_to_job, link_to_project, two_lines
from progressions.admin.filters import PurposeFilter, ServiceFilter
from progressions.models import Charge
from progressions.money.amounts import dollars

SUMMED_DAYS = 7
SUMMED_ROWS = 60


@dataclass(frozen=True, slots=True)
class DaySum:
    """The cost of one service for one purpose on one day (UTC); `unknown` and `possible` count calls."""

    day: date
    service: str
    purpose: str
    calls: int
    unknown: int
    possible: int
    sum_usd: Decimal | None

    @property
    def usd(self) -> str:
        """The known cost, in US dollars."""
        return dollars(self.sum_usd)


@admin.register(Charge)
class ChargeAdmin(MachineAdmin[Charge]):
    """Paid calls, newest first; above them the sums of the last days, for the current filters."""

    list_display = ("made", "purpose", "by", "cost", "units", "job_link", "attempt")
    list_display_links = ("made",)
    list_filter = (PurposeFilter, ServiceFilter, "is_possible", "created_at")
    search_fields = ("model",)
    id_fields = ("job_id", "project_id", "variant_id", "progression_id")
    search_help_text = "Words of a model's name, or the whole id of a project, job, variant or image"
    ordering = ("-id",)
    change_list_template = "admin/progressions/charge/change_list.html"
    fields = (
        "made",
        "purpose",
        "service",
        "model",
        "cost",
        "is_possible",
        "usage_laid_out",
        "attempt",
        "project_link",
        "job_link",
        "variant_id",
        "progression_id",
    )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, with sums."""
        answer = super().changelist_view(request, extra_context)
        context: dict[str, Any] | None = getattr(answer, "context_data", None)
        if context is not None and "cl" in context:
            context["sums"], context["summed_days"] = _sums(context["cl"].queryset), SUMMED_DAYS
        return answer

    made = column(Charge, "when", lambda charge: moment(charge.created_at), "id")
    by = column(Charge, "service", lambda charge: two_lines(charge.service or EMPTY, charge.model), "service")
    usage_laid_out = column(Charge, "usage as reported", lambda charge: as_json(charge.usage))
    project_link = column(
        Charge, "project", lambda charge: link_to_project(charge.project_id, charge.project_id)
    )
    job_link = column(Charge, "job", lambda charge: link_to_job(charge.job_id))

    @admin.display(description="cost", ordering="usd")
    def cost(self, charge: Charge) -> SafeString | str:
        """In US dollars; possibly billed calls are marked."""
        amount = dollars(charge.usd)
        return format_html("{} {}", amount, badge("possible")) if charge.is_possible else amount

    @admin.display(description="used")
    def units(self, charge: Charge) -> str:
        """The units, sorted by name, since PostgreSQL does not keep their order."""
        units = sorted(item for item in charge.usage.items() if item[0] not in ("service", "model"))
        return ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in units) or EMPTY


def _sums(charges: QuerySet[Charge]) -> list[DaySum]:
    """The last days of the listed charges, newest first: one query."""
    since = timezone.now() - timedelta(days=SUMMED_DAYS)
    certain = Q(is_possible=False)
    grouped = (
        charges.filter(created_at__gte=since)
        .order_by()
        .annotate(day=TruncDate("created_at", tzinfo=UTC))
        .values("day", "service", "purpose")
        .annotate(
            calls=Count("pk", filter=certain),
            unknown=Count("pk", filter=certain & Q(usd=None)),
            possible=Count("pk", filter=~certain),
            sum_usd=Sum("usd", filter=certain),
        )
        .order_by("-day", "service", "purpose")
    )
    return [DaySum(**row) for row in grouped[:SUMMED_ROWS]]
