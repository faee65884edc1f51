"""Settings of the tests: a separate data directory, and the services from the environment, if any.

Every test process has its own part of each service, so that several can run at once: a database, a Redis
database number, a prefix of cache keys and of channel names.
"""

import atexit
import os
import shutil
import tempfile
from typing import Any, cast

from tests.workers import own_redis_url

_directory = tempfile.mkdtemp(prefix="dali-tests-")
atexit.register(shutil.rmtree, _directory, ignore_errors=True)
os.environ["DALI_DATA_DIR"] = _directory
if os.environ.get("REDIS_URL"):
    os.environ["REDIS_URL"] = own_redis_url(os.environ["REDIS_URL"])

from dali.settings import *  # noqa: E402, F403
from dali.settings import CACHES, CHANNEL_LAYERS, DATA_DIR, DATABASES, REDIS_URL  # noqa: E402

IS_TEST = True
PUBLIC_ORIGIN = "http://testserver"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if DATABASES["default"]["ENGINE"] == "dali.lib.db.sqlite":
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
else:
    DATABASES["default"]["TEST"] = {"NAME": f"test_dali_{os.getpid()}"}
# Keys in the environment are only for tests marked `live`: no other test may spend anything.
if not os.environ.get("DALI_LIVE_OPENAI"):
    OPENAI_API_KEY = ""
if not os.environ.get("DALI_LIVE_GEMINI"):
    GEMINI_API_KEY = ""
if not (os.environ.get("DALI_LIVE_WORKERS") or os.environ.get("DALI_LIVE_CLOUDFLARE")):
    CLOUDFLARE_ACCOUNT_ID = CLOUDFLARE_API_TOKEN = CLOUDFLARE_IMAGES_ACCOUNT_HASH = ""
JOBS_RATE = "100000/m"  # tests of the limit set their own
CACHES["default"]["KEY_PREFIX"] = _directory  # a Redis may be shared
if REDIS_URL:  # pub/sub ignores database numbers
    cast("dict[str, Any]", CHANNEL_LAYERS["default"]["CONFIG"])["prefix"] = _directory
IS_SECRET_KEY_GIVEN = IS_PUBLIC_ORIGIN_GIVEN = True  # with Redis these are settings of production
