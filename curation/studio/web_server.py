"""gunicorn's configuration, the same under the supervisor and in a container: `gunicorn -c python:curation.studio.web_server`."""

import os

from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "curation.settings")

wsgi_app = "curation.wsgi"
worker_class = "gthread"
workers = 2
threads = settings.WEB_THREADS
# A claim or a page takes milliseconds; an upload may take its time, and threads of others go on meanwhile.
timeout = 120
graceful_timeout = 8
keepalive = 30
loglevel = "warning"
control_socket_disable = True
