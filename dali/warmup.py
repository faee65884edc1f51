"""Loads what the first request and the first variant of a process would otherwise wait for."""

from contextvars import copy_context

from django.urls import reverse
from PIL import Image

from artifacts.generator import generators
from progressions.delivery import deliveries
from progressions.judge import judges
from progressions.provider import providers
from progressions.text_model import text_models


def warm_up() -> None:
    """Loads every plug-in with its service's library, and the image decoders.

    Call it before a serving or working process reports that it is ready: the libraries are a thousand modules, which
    take 1 to 3 s.
    """
    for registry in (providers, judges, text_models, deliveries, generators):
        registry.names()
    Image.init()
    # Builds the URL resolver: 0.3 s, and again for each thread that needs it meanwhile. In a separate context: each
    # resolver sets a context variable, and copying them between threads would cost every request 2 ms of CPU.
    copy_context().run(reverse, "admin:index")
