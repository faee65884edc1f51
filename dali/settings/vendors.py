"""The plug-ins in use, and what each service in progressions/vendors brings: settings, fixtures, commands.

Services are found by path and imported by nothing here, so that the settings depend on no app. Another distribution
brings settings by an entry point in the group `progressions.settings` that names a module like the services' own.
"""

import runpy
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from dali import env
from dali.settings.django import BASE_DIR, FIXTURE_DIRS, INSTALLED_APPS

env.group("Judges and text models")
JUDGE = env.text(
    "DALI_JUDGE",
    "auto",
    help="Name of the judge, as listed in docs/judging.md; `auto`: the configured judge with the highest preference.",
)
JUDGE_TIMEOUT_S = env.number(
    "DALI_JUDGE_TIMEOUT_S", 60, help="Deadline for one verdict, in seconds.", least=1
)
DEFAULT_MODEL_REASONING = env.text(
    "DEFAULT_MODEL_REASONING",
    shown="none",
    help="Text model, as `service:model`, or only the model if a service recognizes the start of its name "
    "(docs/judging.md).",
)
REFINER = env.choice(
    "DALI_REFINER",
    "tips",
    ("tips", "model"),
    help="How prompts are refined: `tips` appends the wording of the tips; `model` asks `DEFAULT_MODEL_REASONING` to "
    "rewrite the prompt by the tips, and falls back to `tips`.",
)
REFINER_TIMEOUT_S = env.number(
    "DALI_REFINER_TIMEOUT_S", 15, help="Deadline for rewriting a prompt, in seconds.", least=0.1
)

env.group("Spending")
DAY_CAP_USD = env.number(
    "DALI_DAY_CAP_USD",
    0,
    help="Maximum US dollars that all jobs together may cost in a day (UTC), as far as costs are known; 0: no cap.",
)

env.group("Delivery")
DELIVERY = env.text(
    "DALI_DELIVERY", "local", help="Name of the delivery that serves images, as listed in docs/storage.md."
)
DELIVERY_BUCKET = env.text(
    "DALI_DELIVERY_BUCKET",
    shown="none: files in the data directory",
    help="Public bucket for delivery images, at `R2_ENDPOINT_URL`; never the bucket of the originals.",
)


def declared_settings(folders: list[Path]) -> dict[str, Any]:
    """The settings that `settings.py` of each folder declares, in the order of the folders, then those of entry points.

    A setting is an upper-case name. Raises ImproperlyConfigured where two services declare the same one.
    """
    sources: list[tuple[str, Mapping[str, Any]]] = [
        (folder.name, runpy.run_path(str(path)))
        for folder in folders
        if (path := folder / "settings.py").is_file()
    ]
    sources += [(point.name, vars(point.load())) for point in entry_points(group="progressions.settings")]
    found: dict[str, Any] = {}
    for source, names in sources:
        for name, value in names.items():
            if name.isupper():
                if name in found:
                    raise ImproperlyConfigured(
                        f"{source} declares the setting {name}, which another service has"
                    )
                found[name] = value
    return found


_folders = sorted(path.parent for path in (BASE_DIR / "progressions" / "vendors").glob("*/__init__.py"))
VENDOR_SETTINGS = declared_settings(_folders)
# `prices.json` and `tips.json` of a service, which `manage.py seed` loads.
FIXTURE_DIRS = [*FIXTURE_DIRS, *_folders]
# Django finds commands in installed apps only.
INSTALLED_APPS = [
    *INSTALLED_APPS,
    *(f"progressions.vendors.{folder.name}" for folder in _folders if (folder / "management").is_dir()),
]
