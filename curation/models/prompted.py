"""Which samples a version of a prompt had a part in, by what their chains call it."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Count, Exists, OuterRef, QuerySet

from curation.models.project import Project
from curation.models.sample import Sample, SampleStep


def counts(project: Project, labels: Iterable[str]) -> dict[str, int]:
    """{label: samples of the project that it had a part in}, without those of which there are none. One query."""
    found = (
        SampleStep.objects.filter(sample__project=project, prompt_version__in=[*labels])
        .order_by()
        .values_list("prompt_version")
        .annotate(samples=Count("sample", distinct=True))
    )
    return dict(found)


def made_with(rows: QuerySet[Sample], label: str) -> QuerySet[Sample]:
    """Those samples that a version had a part in."""
    return rows.filter(Exists(SampleStep.objects.filter(sample=OuterRef("pk"), prompt_version=label)))
