"""A container's health check of its Celery worker: exit status 0 when this machine's worker has beaten lately.

    python -m curation.studio.worker_alive

Looks at the heartbeat in the database, without Django: it runs every half minute.
"""

import socket
import sys

import psycopg

from curation import env

LONGEST_SILENCE = 45


def main() -> int:
    """0 when it has, 1 when not."""
    with psycopg.connect(env.text("DATABASE_URL"), connect_timeout=5) as connection:
        found = connection.execute(
            "SELECT 1 FROM curation_workerheartbeat WHERE name LIKE %s AND beaten_at > now() - make_interval(secs => %s)",
            [f"%@{socket.gethostname()}", LONGEST_SILENCE],
        ).fetchone()
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
