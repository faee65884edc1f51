"""What the first request and the first variant of a process would otherwise wait for."""

from contextvars import copy_context

from django.urls import reverse
from PIL import Image

from artifacts.generator import generators
from progressions.delivery import deliveries
from progressions.judge import judges
from progressions.provider import providers
from progressions.text_model import text_models


def warm_up() -> None:
    """Loads every plug-in, with the libraries of the services that they call, and what pictures are read by.

    For a process that serves or works, before it says that it is ready: the services' libraries are a thousand modules,
    which take 1 to 3 s.
    """
    for registry in (providers, judges, text_models, deliveries, generators):
        registry.names()
    Image.init()
    # Sorts all addresses: 0.3 s, and as long again for each thread that asks meanwhile. In a context of its own: each
    # resolver leaves a variable behind, and every request would carry them from thread to thread, 2 ms of CPU.
    copy_context().run(reverse, "admin:index")
