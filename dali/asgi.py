"""The ASGI application: pages and API by Django, the stream by Channels."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dali.settings")
application = get_asgi_application()
