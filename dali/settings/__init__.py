"""Settings: the embedded server and production run the same code; the environment decides.

Each variable is declared where it is read (dali.env). docs/settings.md lists them in the order of these files.
"""

# ruff: noqa: F403, I001 - Django finds every setting here; the order of the imports is that of docs/settings.md

import sys

import django_stubs_ext

django_stubs_ext.monkeypatch()

from dali.lib.logs import logging_config  # noqa: E402
from dali.settings.django import *  # noqa: E402
from dali.settings.server import *  # noqa: E402
from dali.settings.services import *  # noqa: E402
from dali.settings.vendors import *  # noqa: E402
from dali.settings.storage import *  # noqa: E402
from dali.settings.jobs import *  # noqa: E402
from dali.settings.visitors import *  # noqa: E402

from dali.settings.server import CORS_ALLOWED_ORIGINS, LOG_FORMAT, LOG_LEVEL  # noqa: E402
from dali.settings.services import IS_EMBEDDED, IS_PRODUCTION, REDIS_URL  # noqa: E402
from dali.settings.vendors import VENDOR_SETTINGS  # noqa: E402

globals().update(VENDOR_SETTINGS)

CORS_ALLOWED_ORIGIN_REGEXES = (
    [r"^https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$"]
    if IS_EMBEDDED and not CORS_ALLOWED_ORIGINS
    else []
)
# HSTS for subdomains (W005, W021) is the domain owner's choice; the proxy redirects to HTTPS (W008).
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]
# E003 refuses a cache that does not count across processes; the embedded server is one process.
if not REDIS_URL:
    SILENCED_SYSTEM_CHECKS += ["django_ratelimit.E003", "django_ratelimit.W001"]

LOGGING_CONFIG = None  # dali.apps configures structlog and logging together
IS_LOG_JSON = LOG_FORMAT == "json" or (LOG_FORMAT == "auto" and IS_PRODUCTION)
LOGGING = logging_config(is_json=IS_LOG_JSON, level=LOG_LEVEL)
IS_TEST = "pytest" in sys.modules
