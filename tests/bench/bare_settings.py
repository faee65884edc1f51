"""Settings of the embedded server with one more view, which only answers bytes."""

from dali.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.bare_urls"
