"""JSON out of what goes with a job: uploads, providers with their prices, tickets of a stream."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dali.lib.web.input.fields import EpochMsField, UrlOutField
from progressions.enums import Kind
from progressions.models import Upload
from progressions.money.budget import quote_of
from progressions.provider import PriceEstimate, Provider, SizeLimits


class UploadSerializer(serializers.ModelSerializer[Upload]):
    """An image that a client sent. Its `url` can be opened, and used as start image or mask."""

    url = UrlOutField(source="delivery")

    class Meta:
        model = Upload
        fields = ("id", "url", "media_type", "width", "height", "bytes", "sha256")
        read_only_fields = fields


class SizeLimitsSerializer(serializers.Serializer[SizeLimits]):
    """The sizes that a provider accepts, in pixels a side."""

    min_px = serializers.IntegerField()
    max_px = serializers.IntegerField()


class PriceSerializer(serializers.Serializer[PriceEstimate]):
    """The expected cost of one image."""

    usd_per_image = serializers.FloatField()
    source = serializers.CharField()  # type: ignore[assignment]  # the field's name
    date = serializers.CharField()


class ProviderSerializer(serializers.Serializer[Provider]):
    """One image service."""

    id = serializers.CharField(source="name")
    name = serializers.CharField(source="title")
    configured = serializers.SerializerMethodField()
    missing = serializers.SerializerMethodField()
    kinds = serializers.SerializerMethodField()
    models = serializers.ListField(child=serializers.CharField(), help_text="The first is the default.")
    sizes = serializers.ListField(child=serializers.CharField(), help_text="As 1024x1024.")
    limits = SizeLimitsSerializer()
    price = serializers.SerializerMethodField()

    def get_configured(self, provider: Provider) -> bool:
        """Whether it can be called."""
        return not provider.missing()

    def get_missing(self, provider: Provider) -> list[str]:
        """Names of the settings that must be set first."""
        return provider.missing()

    @extend_schema_field(
        PriceSerializer(
            allow_null=True,
            help_text="Of one image with the default options; null if it is unknown.",
        )
    )
    def get_price(self, provider: Provider) -> dict[str, Any] | None:
        """The provider's own price; without one, that of the price table."""
        price = provider.price
        if price is None and (quoted := quote_of(provider)):
            price = {
                "usd_per_image": float(quoted.usd),
                "source": quoted.source,
                "date": quoted.read_on.isoformat(),
            }
        return None if price is None else dict(PriceSerializer(price).data)

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(choices=Kind.choices)))
    def get_kinds(self, provider: Provider) -> list[str]:
        """What it can be asked to do."""
        return [kind.value for kind in Kind if kind in provider.kinds]


class TicketSerializer(serializers.Serializer[Any]):
    """A ticket with which a browser opens a stream if a key is required."""

    ticket = serializers.CharField(help_text="For the stream's `?ticket=`.")
    expiresAt = EpochMsField()
