"""The ledger in the admin: every paid call, and sums by day, service and purpose."""

import json
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dali.lib.web.admin import EMPTY, MachineAdmin, badge, link, moment
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
    usd: str
    unknown: int
    possible: int


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

    @admin.display(description="when", ordering="id")
    def made(self, charge: Charge) -> SafeString | str:
        """When the call was recorded."""
        return moment(charge.created_at)

    @admin.display(description="service", ordering="service")
    def by(self, charge: Charge) -> SafeString | str:
        """Service and model."""
        return format_html('{}<br><span class="quiet">{}</span>', charge.service or EMPTY, charge.model)

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

    @admin.display(description="usage as reported")
    def usage_laid_out(self, charge: Charge) -> SafeString:
        """The record."""
        return format_html('<pre class="json">{}</pre>', json.dumps(charge.usage, indent=2))

    @admin.display(description="project")
    def project_link(self, charge: Charge) -> SafeString | str:
        """The project, to open."""
        if charge.project_id is None:
            return EMPTY
        return link(reverse("admin:projects_project_change", args=[charge.project_id]), charge.project_id)

    @admin.display(description="job")
    def job_link(self, charge: Charge) -> SafeString | str:
        """The job, to open."""
        if charge.job_id is None:
            return EMPTY
        text = str(charge.job_id)[-12:]
        return link(reverse("admin:progressions_job_change", args=[charge.job_id]), text)


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
            known=Count("usd", filter=certain),
            sum_usd=Sum("usd", filter=certain),
            possible=Count("pk", filter=~certain),
        )
        .order_by("-day", "service", "purpose")
    )
    return [
        DaySum(
            row["day"],
            row["service"],
            row["purpose"],
            row["calls"],
            dollars(row["sum_usd"]),
            row["calls"] - row["known"],
            row["possible"],
        )
        for row in grouped[:SUMMED_ROWS]
    ]
