"""How the scorer of each rubric stands: which version speaks, how many labels there are, how many more until the next training."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from curation.models.job import Job
from curation.models.project import Project
from curation.models.score import ActiveScorer, Rubric, Scorer

#: Settled subjects by rubric: of the level that the rubric asks about.
_SETTLED = """
    SELECT said.key, i.document_id IS NOT NULL, count(DISTINCT coalesce(i.document_id, i.passage_id))
      FROM curation_queue q JOIN curation_item i ON i.queue_id = q.id AND i.state = 'rated' AND q.kind IN ('scores', 'pages')
     CROSS JOIN LATERAL jsonb_object_keys(i.result) AS said (key)
     WHERE q.project_id = %s GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Training:
    """`trained_on`: settled labels when a training was last started; None before the first. `versions` of the project's own."""

    rubric: Rubric
    active: Scorer | None
    settled: int
    trained_on: int | None
    trained_at: datetime | None
    running: Job | None
    versions: int
    least: int
    every: int

    @property
    def goal(self) -> int:
        """With how many labels the next training starts by itself; 0 where it never does."""
        if self.trained_on is None:
            return self.least
        return self.trained_on + self.every if self.every else 0

    @property
    def missing(self) -> int:
        return max(0, self.goal - self.settled)

    @property
    def new(self) -> int:
        """Labels since the last training was started."""
        return self.settled - (self.trained_on or 0)

    @property
    def can_train(self) -> bool:
        return self.running is None and self.settled >= self.least


def of_project(project: Project, rubrics: list[Rubric]) -> list[Training]:
    """One per rubric, in their order. Four queries however many there are."""
    keys = [rubric.pk for rubric in rubrics]
    active = {
        row.rubric_id: row.scorer
        for row in ActiveScorer.objects.filter(project=project, rubric__in=keys).select_related(
            "scorer__model"
        )
    }
    own = list(Scorer.objects.filter(project=project, rubric__in=keys).values_list("rubric", flat=True))
    jobs: dict[int, Job] = {}
    for started in Job.objects.filter(project=project, kind="train").order_by("id"):
        jobs[int(started.options["rubric"])] = started
    with connection.cursor() as cursor:
        cursor.execute(_SETTLED, [project.pk])
        settled = {(key, of_pages): count for key, of_pages, count in cursor.fetchall()}
    knobs = project.settings
    return [
        Training(
            rubric=rubric,
            active=active.get(rubric.pk),
            settled=settled.get((rubric.key, rubric.level == Rubric.Level.DOCUMENT), 0),
            trained_on=int(job.options.get("settled", 0)) if (job := jobs.get(rubric.pk)) else None,
            trained_at=job.created_at if job else None,
            running=job if job and job.is_active else None,
            versions=own.count(rubric.pk),
            least=knobs.min_labels,
            every=knobs.retrain_after_labels,
        )
        for rubric in rubrics
    ]
