"""The ASGI application: pages and API by Django, streams by applications of their own."""

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dali.settings")
django_application = get_asgi_application()

from artifacts.boards.routing import live_application  # noqa: E402 - needs Django set up
from dali.health import health_application  # noqa: E402
from dali.server.lifespan import lifespan_application  # noqa: E402
from dali.start import check_settings  # noqa: E402
from progressions.routing import http_application, websocket_application  # noqa: E402

check_settings()  # servers that are not ours start here
application = ProtocolTypeRouter(
    {
        "http": health_application(http_application(live_application(django_application))),
        "websocket": websocket_application,
        "lifespan": lifespan_application,
    }
)
