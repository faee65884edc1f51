"""Settings of the tests: a data directory of their own, and the environment's database where one is given."""

import os
import tempfile

_directory = tempfile.mkdtemp(prefix="dali-tests-")
os.environ["DALI_DATA_DIR"] = _directory

from dali.settings import *  # noqa: E402, F403
from dali.settings import CACHES, CHANNEL_LAYERS, DATA_DIR, DATABASES  # noqa: E402

IS_TEST = True
PUBLIC_ORIGIN = "http://testserver"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if DATABASES["default"]["ENGINE"] == "dali.lib.sqlite":
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
else:
    DATABASES["default"]["TEST"] = {"NAME": f"test_dali_{os.getpid()}"}
# Keys of the environment are for the tests marked `live` alone: no other may spend anything.
if not os.environ.get("DALI_LIVE_OPENAI"):
    OPENAI_API_KEY = ""
if not os.environ.get("DALI_LIVE_GEMINI"):
    GEMINI_API_KEY = ""
if not (os.environ.get("DALI_LIVE_WORKERS") or os.environ.get("DALI_LIVE_CLOUDFLARE")):
    CLOUDFLARE_ACCOUNT_ID = CLOUDFLARE_API_TOKEN = CLOUDFLARE_IMAGES_ACCOUNT_HASH = ""
JOBS_RATE = "100000/m"  # tests of the limit set their own
# Other tests may run on the same Redis.
CACHES["default"]["KEY_PREFIX"] = _directory
if "CONFIG" in CHANNEL_LAYERS["default"]:
    CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] = _directory
IS_SECRET_KEY_GIVEN = IS_PUBLIC_ORIGIN_GIVEN = True  # on Redis these are settings of production
