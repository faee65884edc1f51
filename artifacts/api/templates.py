"""The routes of templates: pages with placeholders, stored to be filled."""

from typing import Any

import structlog
from drf_spectacular.utils import OpenApiRequest, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from artifacts.api.serializers import TemplateSerializer
from artifacts.filling.templates import MOST_BYTES, store_template
from artifacts.models import Template
from dali.lib.web.api import ApiMixin
from dali.lib.web.input.form_files import FormParser, file_of
from projects.authentication import owner_of

log = structlog.get_logger(__name__)


class TemplateInSerializer(serializers.Serializer[Any]):
    """A form with one file."""

    file = serializers.FileField(
        help_text="HTML in UTF-8, at most 1 MiB, with at least one `{{PLACEHOLDER}}`."
    )


class TemplateViewSet(ApiMixin, GenericViewSet[Template]):
    """Pages with placeholders."""

    queryset = Template.objects.all()
    serializer_class = TemplateSerializer
    parser_classes = [FormParser]

    @extend_schema(summary="List the templates", description="Newest first.")
    def list(self, request: Request) -> Response:
        """A page of templates."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(TemplateSerializer(page, many=True).data)

    @extend_schema(
        summary="Store a template",
        description="Checks the file and lists its placeholders in page order. The same file always gives"
        " the same template. Send its `templateR2Key` to `POST /api/artifacts` to create a draft.",
        request={
            "multipart/form-data": OpenApiRequest(
                TemplateInSerializer, encoding={"file": {"contentType": "text/html"}}
            )
        },
        responses={201: TemplateSerializer},
    )
    def create(self, request: Request) -> Response:
        """The template."""
        file = file_of(request, what="the page", most_bytes=MOST_BYTES, cure="the limit is 1 MiB")
        template = store_template(content=file.read(), name=file.name or "", owner=owner_of(request))
        log.info("template_stored", key=template.r2_key, problems=len(template.problems))
        return Response(TemplateSerializer(template).data, status=status.HTTP_201_CREATED)
