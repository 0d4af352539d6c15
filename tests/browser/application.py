"""The studio as the browser tests serve it: the real settings, on the test database."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "curation.settings"
settings.DATABASES["default"]["NAME"] = os.environ["SEEDBED_TEST_DATABASE"]
settings.DATABASES["default"]["OPTIONS"] = {
    **settings.DATABASES["default"].get("OPTIONS", {}),
    "application_name": os.environ["SEEDBED_TEST_SERVER"],
}
settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
settings.WHITENOISE_AUTOREFRESH = settings.WHITENOISE_USE_FINDERS = True

application = get_wsgi_application()
