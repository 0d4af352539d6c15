"""The web server's way in: `gunicorn curation.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "curation.settings")

# A page that waits a minute for the database is broken; its query must not keep a core for hours when nobody listens.
os.environ.setdefault("PGOPTIONS", "-c statement_timeout=60s")

application = get_wsgi_application()
