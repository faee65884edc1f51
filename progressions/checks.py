"""System checks of the plug-ins and models that the settings name."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from dali import env
from dali.lib.registry import Registry
from progressions.delivery import Delivery, deliveries
from progressions.judge import Judge, judges
from progressions.text_model import NoTextModelError, text_model_in_use


@register(env.CHECKS)
def check_named_plugins(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The judge and the delivery exist and are configured."""
    return [
        *(
            []
            if settings.JUDGE == "auto"
            else _missing("DALI_JUDGE", settings.JUDGE, judges, "progressions.E001")
        ),
        *_missing("DALI_DELIVERY", settings.DELIVERY, deliveries, "progressions.E002"),
    ]


@register(env.CHECKS)
def check_text_model(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The text model is usable, and there is one if prompts are refined by a model."""
    try:
        found = text_model_in_use()
    except NoTextModelError as error:
        message, _, hint = str(error).partition("; ")
        return [Error(message, hint=f"{hint[:1].upper()}{hint[1:]}.", id="progressions.E003")]
    if found is None and settings.REFINER == "model":
        hint = "Set DEFAULT_MODEL_REASONING=service:model, or DALI_REFINER=tips."
        return [
            Error("DALI_REFINER=model needs a text model, and none is set", hint=hint, id="progressions.E004")
        ]
    return []


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
