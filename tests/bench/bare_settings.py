"""Settings of the embedded server with one view more, which answers bytes and does nothing else."""

from dali.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.bare_urls"
