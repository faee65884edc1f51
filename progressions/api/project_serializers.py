"""JSON of projects, in and out."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dali.lib.web.input.bodies import BodySerializer
from dali.lib.web.input.fields import EpochMsField, StrictCharField, StrictUsdField, UrlOutField
from progressions.money.spending import Spending
from projects.models import Project

SPENT_CONTEXT = "spent"  # in a serializer's context: the spending by project


class ProjectInSerializer(BodySerializer[Project]):
    """What makes or changes a project."""

    name = StrictCharField(max_length=200)
    description = StrictCharField(max_length=10_000, required=False, allow_blank=True)


class ProjectCostsSerializer(serializers.Serializer[Spending]):
    """What a project's work has cost, by what it was spent on. A sum is null where there were calls and nothing of
    them is known: unknown is never 0."""

    images_usd = StrictUsdField(source="images", allow_null=True)
    judging_usd = StrictUsdField(source="judging", allow_null=True)
    refining_usd = StrictUsdField(source="refining", allow_null=True)
    agents_usd = StrictUsdField(source="agents", allow_null=True)
    unknown_calls = serializers.IntegerField(
        source="unknown", help_text="Calls of unknown price; not included in the sums."
    )
    possibly_billed_calls = serializers.IntegerField(
        source="possible",
        help_text="Calls that were sent but whose answer never arrived; not included in the sums.",
    )
    possibly_billed_usd = StrictUsdField(
        source="possible_usd", allow_null=True, help_text="What those may have cost; null if unknown."
    )


class ProjectSerializer(serializers.ModelSerializer[Project]):
    """A project.

    Needs the annotations of `queries.projects_with_counts`, and the spending in the context (`SPENT_CONTEXT`).
    """

    created_at = EpochMsField()
    updated_at = EpochMsField(help_text="Moves when work is added.")
    progression_count = serializers.IntegerField(read_only=True)
    job_count = serializers.IntegerField(read_only=True)
    cover_url = UrlOutField(
        source="cover", help_text="The newest image that passed the judge; without one, the newest image."
    )
    cost_usd = serializers.SerializerMethodField()
    costs = serializers.SerializerMethodField()

    class Meta:
        model = Project
        fields = (
            "id",
            "name",
            "description",
            "created_at",
            "updated_at",
            "progression_count",
            "job_count",
            "cover_url",
            "cost_usd",
            "costs",
        )

    @extend_schema_field(
        StrictUsdField(
            allow_null=True,
            help_text="The sum of what is known of all calls; null where there were calls and nothing is known.",
        )
    )
    def get_cost_usd(self, project: Project) -> float | None:
        """What all its work has cost."""
        total = self._spending(project).total
        return None if total is None else float(total)

    @extend_schema_field(ProjectCostsSerializer)
    def get_costs(self, project: Project) -> dict[str, Any]:
        """The same by what it was spent on."""
        return dict(ProjectCostsSerializer(self._spending(project)).data)

    def _spending(self, project: Project) -> Spending:
        spent: dict[UUID, Spending] = self.context[SPENT_CONTEXT]
        return spent.get(project.pk, Spending())
