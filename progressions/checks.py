"""System checks of the plug-ins that the settings name."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from dali.lib.registry import Registry
from progressions.delivery import Delivery, deliveries
from progressions.judge import Judge, judges


@register()
def check_named_plugins(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The judge and the delivery that are set exist and have what they need: else no image would be judged or shown."""
    return [
        *_missing("DALI_JUDGE", settings.JUDGE, judges, "progressions.E001"),
        *_missing("DALI_DELIVERY", settings.DELIVERY, deliveries, "progressions.E002"),
    ]


def _missing(
    variable: str, name: str, registry: Registry[Judge] | Registry[Delivery], check_id: str
) -> list[CheckMessage]:
    if name not in registry.names():
        known = ", ".join(registry.names())
        return [Error(f"{variable}={name!r} is not known", hint=f"Set it to one of: {known}.", id=check_id)]
    needed = registry.get(name).missing()
    if needed:
        hint = f"Set {', '.join(needed)}, or choose another."
        return [Error(f"{variable}={name!r} is not configured", hint=hint, id=check_id)]
    return []
