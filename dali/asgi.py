"""The ASGI application: pages and API by Django, the stream by applications of its own."""

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dali.settings")
django_application = get_asgi_application()

from progressions.routing import http_application, websocket_application  # noqa: E402 - needs Django set up

application = ProtocolTypeRouter(
    {"http": http_application(django_application), "websocket": websocket_application}
)
