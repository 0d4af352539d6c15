"""Settings, read top to bottom. Every variable they read is explained in `.env.example`."""

import os
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from kombu import Queue
from psycopg.conninfo import make_conninfo

from curation import env
from curation.studio.cluster import DATABASE, ROLE, place
from curation.studio.home import Home

# ── where things are ──

CHECKOUT = Path(__file__).resolve().parent.parent
VERSION: str = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

env.read_file(CHECKOUT / env.text("STUDIO_ENV_FILE", ".env"))

STUDIO_HOME = env.folder("STUDIO_HOME", CHECKOUT / ".studio")
HOME = Home(STUDIO_HOME)
PORT = env.number("PORT", 8000, least=1, most=65_535)
# Threads in each of the web server's two processes.
WEB_THREADS = env.number("STUDIO_WEB_THREADS", 8, least=1, most=64)

# ── the site ──

DEBUG = env.flag("STUDIO_DEBUG")
SECRET_KEY = env.text("STUDIO_SECRET_KEY") or HOME.secret_key()

# Where people reach the studio: printed in sign-in links, allowed as host, trusted as origin. A running studio notes
# its address in its home, so that a command in another terminal prints links that work.
STUDIO_URL = env.origin("STUDIO_URL", HOME.note().get("address") or f"http://127.0.0.1:{PORT}")
_secure = STUDIO_URL.startswith("https://")

ALLOWED_HOSTS = [
    "localhost",
    "127.0.0.1",
    "[::1]",
    *filter(None, [urlsplit(STUDIO_URL).hostname]),
    *env.words("STUDIO_HOSTS"),
]
CSRF_TRUSTED_ORIGINS = [STUDIO_URL]
if env.flag("STUDIO_BEHIND_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _secure
SESSION_COOKIE_NAME = "seedbed_session"
CSRF_COOKIE_NAME = "seedbed_csrf"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SECURE_HSTS_SECONDS = 30 * 24 * 3600 if _secure else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# ── the house ──

ROOT_URLCONF = "curation.urls"
WSGI_APPLICATION = "curation.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "curation.User"

INSTALLED_APPS = [
    # Before the admin, whose templates it replaces.
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "template_partials",
    "ninja",
    "curation",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "curation.web.policy.PolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    # Every page asks for a sign-in unless it says @login_not_required.
    "curation.web.sign_in.SignInMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [CHECKOUT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "curation.web.frame.frame",
            ],
        },
    },
]

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Seedbed",
    "SITE_HEADER": "Seedbed",
    "SITE_SUBHEADER": "For dataset managers",
    "SITE_SYMBOL": "psychiatry",
    "SITE_URL": "/",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    # The studio's green (static/css/studio.css).
    "COLORS": {
        "primary": {
            "50": "#eef8f2",
            "100": "#d9efe2",
            "200": "#b4dfc7",
            "300": "#84c8a6",
            "400": "#4fab80",
            "500": "#2a8f63",
            "600": "#0d7a4c",
            "700": "#0b623e",
            "800": "#0b4e33",
            "900": "#0a402b",
            "950": "#052418",
        }
    },
    "SIDEBAR": {"navigation": "curation.admin.site.navigation"},
}

# ── people ──

LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTH_PASSWORD_VALIDATORS[1]["OPTIONS"] = {"min_length": 10}  # type: ignore[assignment]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]

# ── the database ──

_own_database = env.postgres("DATABASE_URL")
EMBEDDED_POSTGRES = _own_database is None

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **(
            _own_database
            or {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": DATABASE,
                "USER": ROLE,
                "PASSWORD": "",
                # A folder means the Unix socket in it; commands find the running studio's database by it.
                "HOST": str(place(HOME).sockets),
                "PORT": "",
                "OPTIONS": {},
            }
        ),
        # Web threads and worker children live long and keep a connection each: no pool has to be asked for one, and
        # the check finds out when PostgreSQL was restarted.
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    },
}

# ── files ──

_storage = env.address(
    "STORAGE_URL", "", ("s3", "file"), "s3://bucket/prefix?endpoint_url=https://s3.example.org"
)


def _file_storage() -> dict[str, Any]:
    """Where files go: a folder, or a bucket with the keys of django-storages as the address's query."""
    parts = urlsplit(_storage)
    if parts.scheme != "s3":
        folder = Path(parts.path) if parts.scheme == "file" else HOME.files
        options = {"location": folder, "file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    named = {"bucket_name": parts.netloc, "location": parts.path.strip("/"), "file_overwrite": True}
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": named | dict(parse_qsl(parts.query))}


STORAGES = {
    "default": _file_storage(),
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "curation.web.static_files.CompressedStaticFilesStorage"
    },
}
STATIC_URL = "/static/"
STATIC_ROOT = HOME.static
STATICFILES_DIRS = [CHECKOUT / "static"]
WHITENOISE_MAX_AGE = 3600
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
# What is compressed already, and maps for debuggers: compressing them took most of the first start.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = [
    *("jpg", "jpeg", "png", "gif", "webp", "avif", "ico", "zip", "gz", "br", "woff", "woff2", "map")
]
# Uploads are streamed to disk beyond this; a request's fields other than files may not be larger.
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 2**20
FILE_UPLOAD_TEMP_DIR = env.text("STUDIO_UPLOAD_FOLDER") or None

# Work that writes is refused when the disk has less than this left.
DISK_RESERVE = env.number("STUDIO_DISK_RESERVE_MB", 1_024, least=0, most=10_000_000) * 2**20

# ── background work ──

CELERY_BROKER_URL = env.address(
    "CELERY_BROKER_URL",
    "pgmq://",
    ("pgmq", "redis", "rediss", "amqp", "amqps", "memory"),
    "redis://localhost:6379/0",
)
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {}
QUEUE_IN_DATABASE = CELERY_BROKER_URL.rstrip("/") == "pgmq:"
if QUEUE_IN_DATABASE:
    # The host is not looked up: the connection string below stands in for the whole address.
    CELERY_BROKER_URL = "pgmq://database"
    _database = DATABASES["default"]
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        # The key=value form: an address would lose the socket folder.
        "conn_string": make_conninfo(
            host=_database["HOST"] or None,
            port=_database["PORT"] or None,
            dbname=_database["NAME"],
            user=_database["USER"] or None,
            password=_database["PASSWORD"] or None,
            **_database["OPTIONS"],
        ),
        # `./manage.py studio` installs the queue's SQL; the server needs no extension.
        "init_extension": False,
        # A notification wakes the worker; a long poll on top would hold a transaction open, and a stop up, for seconds.
        "use_notify": True,
        "wait_time_seconds": 0,
        # Throttled, the last of several messages sent at once would wait for the next look, a second later.
        "notify_throttle_interval_ms": 0,
        "pool_size": 4,
    }
elif CELERY_BROKER_URL.startswith("redis"):
    # A Redis that has stopped answering must not hold up the page that announces a job.
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "socket_connect_timeout": 5,
        "socket_timeout": 10,
        "socket_keepalive": True,
    }
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# PostgreSQL has the truth about jobs; nobody asks Celery for results.
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = env.number("STUDIO_WORKERS", min(os.cpu_count() or 1, 8), least=1, most=256)
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
# Nobody steers workers by messages; it would cost a queue per worker that ever ran.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_TASK_DEFAULT_QUEUE = "seedbed"
# Work that runs code which nobody trusts. Every worker takes it, unless it is told which queues to take (docker/compose.yml has a runner for this one).
CODE_QUEUE = "seedbed_code"
CELERY_TASK_QUEUES = tuple(Queue(name, routing_key=name) for name in (CELERY_TASK_DEFAULT_QUEUE, CODE_QUEUE))
CELERY_TASK_DEFAULT_ROUTING_KEY = CELERY_TASK_DEFAULT_QUEUE
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(HOME.schedule)
CELERY_BEAT_SCHEDULE = {
    # Each run has a short life: sweeps that piled up while no worker ran are not worth doing.
    "sweep": {"task": "curation.sweep", "schedule": 10.0, "options": {"expires": 30}},
    "tidy": {"task": "curation.tidy", "schedule": 6 * 3600.0, "options": {"expires": 3600}},
}

# ── addresses that material is fetched from ──

# Hosts that may be at private addresses, and buckets that may be read with the studio's own credentials.
IMPORT_PRIVATE_HOSTS = env.words("IMPORT_PRIVATE_HOSTS")
IMPORT_S3_BUCKETS = env.words("IMPORT_S3_BUCKETS")

# ── models ──

# A model's name on the hub or a folder; empty for the one that is bundled.
EMBEDDING_MODEL = env.text("EMBEDDING_MODEL")
EMBEDDING_DTYPE = env.choice("EMBEDDING_DTYPE", "float32", ("bfloat16", "float32"))

# A language model that every project may ask; more are set up in the admin panel.
LLM_BASE_URL = env.address("LLM_BASE_URL", "", ("http", "https"), "http://localhost:11434/v1")
LLM_MODEL = env.text("LLM_MODEL")
# Keys by name, each bound to the one place it may be sent to (curation/recipe/llm/keys.py).
LLM_KEYS = env.keys("LLM_KEY_")
if _key := env.key("LLM_API_KEY", LLM_BASE_URL):
    LLM_KEYS["DEFAULT"] = _key

# ── safety of pages ──

# For every page but the admin's (curation/web/policy.py).
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
# Added to it below /admin/: unfold's Alpine compiles expressions that stand in attributes, and its widgets have style attributes.
ADMIN_SECURITY_POLICY = {
    "script-src": [UNSAFE_EVAL],
    "style-src": [UNSAFE_INLINE],
}

# ── language and time ──

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
USE_THOUSAND_SEPARATOR = True

# ── logs ──

# To stderr; the supervisor writes it to STUDIO_HOME/logs and keeps that small, a container's engine does the same.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {
        "handlers": ["stderr"],
        "level": env.choice("STUDIO_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
    },
    "loggers": {
        "django.request": {"level": "ERROR"},
        # Malformed hosts are the internet's daily noise.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        # One line for each message that comes in; the line that says how it went stays.
        "celery.worker.strategy": {"level": "WARNING"},
        "pgmq": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        # Its debug lines have whole requests in them.
        "openai": {"level": "WARNING"},
        "sentence_transformers": {"level": "WARNING"},
    },
}
