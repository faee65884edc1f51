"""The ASGI application: Django serves pages and API in lanes; streams and health have their own applications."""

import os

import django
from channels.routing import ProtocolTypeRouter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dali.settings")
django.setup(set_prefix=False)

from artifacts.boards.listening import live_application  # noqa: E402 - needs Django set up
from dali.health import health_application  # noqa: E402
from dali.server.handler import Handler  # noqa: E402
from dali.server.lanes import Lanes  # noqa: E402
from dali.server.lifespan import lifespan_application  # noqa: E402
from dali.start import check_settings  # noqa: E402
from progressions.stream.routing import http_application, websocket_application  # noqa: E402

check_settings()  # other web servers start here
application = ProtocolTypeRouter(
    {
        "http": health_application(http_application(live_application(Lanes(Handler())))),
        "websocket": websocket_application,
        "lifespan": lifespan_application,
    }
)
