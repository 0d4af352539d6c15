"""`python -m tests.jobs.one_worker JOB`: runs a job to its end on the test database that SEEDBED_TEST_DATABASE names. What tests kill."""

from __future__ import annotations

import os
import sys

import django
from django.conf import settings


def main(job: int) -> None:
    django.setup()
    settings.DATABASES["default"]["NAME"] = os.environ["SEEDBED_TEST_DATABASE"]
    from curation.jobs.run import drain
    from curation.models import Job

    drain(Job.objects.get(pk=job))


if __name__ == "__main__":
    main(int(sys.argv[1]))
