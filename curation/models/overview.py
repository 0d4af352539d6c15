"""How a project stands: score histograms, languages, people's progress, and what asks for action."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from curation.models.document import Document
from curation.models.job import Job
from curation.models.project import Project
from curation.models.queue import Queue
from curation.models.reviewing import QueueState, queue_states
from curation.models.user import User

#: Bars of a histogram from 0 to 5.
BINS = 20
LANGUAGES = 8
FAILED_SHOWN = 3


@dataclass(slots=True)
class Histogram:
    """How many rows score how much: `counts[i]` of those with i/4 ≤ score < (i+1)/4 (the last includes 5)."""

    rubric: str
    name: str
    level: str
    question: str
    scorer: str
    threshold: float | None
    counts: list[int] = field(default_factory=lambda: [0] * BINS)

    @property
    def total(self) -> int:
        return sum(self.counts)


_HISTOGRAMS = """
    WITH active AS (SELECT scorer_id FROM curation_activescorer WHERE project_id = %(project)s),
    binned AS (
        SELECT s.scorer_id, least(floor(s.value * %(bins)s / 5), %(bins)s - 1)::int AS bin, count(*) AS n
          FROM curation_score s JOIN curation_passage p ON p.id = s.passage_id AND p.project_id = %(project)s
         WHERE s.scorer_id IN (SELECT scorer_id FROM active) GROUP BY 1, 2
        UNION ALL
        SELECT s.scorer_id, least(floor(s.value * %(bins)s / 5), %(bins)s - 1)::int, count(*)
          FROM curation_score s JOIN curation_document d ON d.id = s.document_id AND d.project_id = %(project)s
         WHERE s.scorer_id IN (SELECT scorer_id FROM active) GROUP BY 1, 2
    )
    SELECT r.key, r.name, r.level, r.question, c.name || '-' || c.version, b.bin, b.n
      FROM active a JOIN curation_scorer c ON c.id = a.scorer_id JOIN curation_rubric r ON r.id = c.rubric_id
      LEFT JOIN binned b ON b.scorer_id = a.scorer_id
     ORDER BY r.level, r.id, b.bin
"""


def histograms(project: Project) -> list[Histogram]:
    """One per rubric with an active scorer, by all of its scores in the project. One query."""
    found: dict[str, Histogram] = {}
    knobs = project.settings
    with connection.cursor() as cursor:
        cursor.execute(_HISTOGRAMS, {"project": project.pk, "bins": BINS})
        for key, name, level, question, scorer, bin_, n in cursor.fetchall():
            histogram = found.setdefault(
                key, Histogram(key, name, level, question, scorer, getattr(knobs, f"min_{key}", None))
            )
            if bin_ is not None:
                histogram.counts[bin_] = n
    return list(found.values())


def languages(project: Project) -> list[tuple[str, int]]:
    """Documents per language, the most frequent first; "" for those whose language is not known yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT language, count(*) FROM curation_document WHERE project_id = %s GROUP BY 1 ORDER BY 2 DESC, 1",
            [project.pk],
        )
        return [(language, count) for language, count in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Person:
    """What one person has done in one queue. `seconds` is the median per decision."""

    user: int
    name: str
    decided: int
    skipped: int
    flagged: int
    seconds: float | None
    latest: datetime


@dataclass(frozen=True, slots=True)
class QueueProgress:
    queue: Queue
    state: QueueState
    people: list[Person]


_PEOPLE = """
    SELECT i.queue_id, d.user_id, coalesce(nullif(u.name, ''), u.email),
           count(*) FILTER (WHERE d.event = 'decide'), count(*) FILTER (WHERE d.event = 'skip'),
           count(*) FILTER (WHERE d.event = 'flag'),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY d.seconds) FILTER (WHERE d.event = 'decide'),
           max(d.created_at)
      FROM curation_decision d JOIN curation_item i ON i.id = d.item_id
      JOIN curation_queue q ON q.id = i.queue_id JOIN curation_user u ON u.id = d.user_id
     WHERE q.project_id = %(project)s AND q.archived_at IS NULL AND d.event IN ('decide', 'skip', 'flag')
       AND NOT EXISTS (SELECT 1 FROM curation_decision later WHERE later.undoes_id = d.id)
       AND (%(only)s::bigint IS NULL OR d.user_id = %(only)s)
     GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC, 3
"""


def progress(project: Project, only: User | None = None) -> list[QueueProgress]:
    """Every queue in use with its state and the people who worked in it; with `only`, no one but that person.

    Counts and times, never what anybody concluded. Four queries.
    """
    queues = list(project.queues.filter(archived_at=None))
    states = queue_states(queues)
    people: dict[int, list[Person]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE, {"project": project.pk, "only": only.pk if only else None})
        for queue, *person in cursor.fetchall():
            people.setdefault(queue, []).append(Person(*person))
    return [QueueProgress(queue, states[queue.pk], people.get(queue.pk, [])) for queue in queues]


def waiting_documents(project: Project) -> bool:
    """Whether documents have come that no `curate` has judged yet."""
    return Document.objects.filter(project=project, assessed_at=None, left_out="", withdrawn_at=None).exists()


def failed_jobs(project: Project) -> list[Job]:
    """Failed jobs that no later job of their kind has made good, newest first."""
    later = Job.objects.filter(project=project, kind=OuterRef("kind"), pk__gt=OuterRef("pk")).filter(
        Q(state=Job.State.DONE) | Q(state__in=[Job.State.WAITING, Job.State.RUNNING])
    )
    failed = Job.objects.filter(~Exists(later), project=project, state=Job.State.FAILED)
    return list(failed.defer("options", "result")[:FAILED_SHOWN])


def totals(states: list[QueueProgress]) -> dict[str, Any]:
    """What waits for a reviewer, over all queues."""
    return {
        "disputed": sum(entry.state.disputed for entry in states),
        "flagged": sum(entry.state.flagged for entry in states),
    }
