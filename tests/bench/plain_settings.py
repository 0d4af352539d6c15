"""The studio's settings with the peer's one address."""

from curation.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.plain_queue"
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
