"""ProjectMap: where each passage lies on the two-dimensional picture of a project."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import connection, models
from django.db.models.expressions import RawSQL

from curation.models.embedding import EmbeddingModel
from curation.models.job import Job
from curation.models.project import Project
from curation.recipe.atlas.area import Area

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: More passages than these are not shown: beyond, a sample by content hash, which changes little as a project grows.
MOST = 50_000
#: Left out for their scores, or as duplicates, but worth seeing beside what is kept.
SHOWN_TOO = ("near_duplicate", "low_scores")

_CANDIDATES = """
    FROM curation_passage p JOIN curation_document d ON d.id = p.document_id AND d.extraction_id = p.extraction_id
   WHERE p.project_id = %(project)s AND d.left_out = '' AND d.withdrawn_at IS NULL
     AND p.left_out = ANY(%(reasons)s) AND p.id > %(after)s
     AND EXISTS (SELECT FROM curation_embedding e WHERE e.model_id = %(model)s AND e.text_sha256 = p.text_sha256)
"""


class ProjectMapQuerySet(models.QuerySet["ProjectMap"]):
    def light(self) -> ProjectMapQuerySet:
        """Without the points."""
        return self.defer("points")


class ProjectMap(models.Model):
    """One per project. `points` is an array of `recipe.atlas.grid.POINT` (passage id, x, y), in the order of ids.

    Replaced as a whole, with another UUID: an area that was drawn on an earlier map is known to be one of another map.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="maps")
    model = models.ForeignKey(EmbeddingModel, on_delete=models.PROTECT, related_name="+")
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    method = models.CharField(max_length=80, help_text="How the picture was made, with its version.")
    count = models.IntegerField()
    left_aside = models.IntegerField(
        default=0, db_default=0, help_text="Passages beyond what a map can show."
    )
    with_left_out = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Also shows what was left out for its scores or as a duplicate.",
    )
    points = models.BinaryField()
    frame = models.JSONField(
        default=dict, db_default={}, help_text="left, bottom and side of the picture, in the layout's units."
    )
    regions = models.JSONField(
        default=list, db_default=[], help_text="Names on the picture: x, y, words, count, level."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectMapQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["project"], name="one_map_of_a_project")]

    @property
    def array(self) -> NDArray[np.void]:
        """The points, to be read."""
        import numpy as np

        from curation.recipe.atlas.grid import POINT

        return np.frombuffer(self.points, dtype=POINT)

    def inside(self, area: Area) -> list[int]:
        """Ids of the passages that lie in an area of this map."""
        points = self.array
        return [int(key) for key in points["passage"][area.holds(points["x"], points["y"])]]


class AnotherMap(Exception):
    """The area was drawn on a map that is no longer there."""


def passages_in(project: Project, area: Area) -> RawSQL:
    """The passages of an area, for `__in`. Raises AnotherMap where the project's map is another one by now.

    They travel as one array: fifty thousand parameters would take longer to write than to look up.
    """
    found = ProjectMap.objects.filter(project=project, uuid=area.map).first()
    if found is None:
        raise AnotherMap(
            "This area was drawn on an earlier map of the project, whose points lay elsewhere. Draw it again on the present map."
        )
    return RawSQL("SELECT unnest(%s::bigint[])", [found.inside(area)])


def candidates(
    project: Project, model: EmbeddingModel, with_left_out: bool, most: int = MOST
) -> tuple[list[int], int]:
    """Ids of the passages that a map shows, in their order, and how many more there are. Kept ones come first, then those
    with the first content hashes, so that a project which grows keeps most of those that it showed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(array_agg(id ORDER BY id), '{}'), coalesce(max(total), 0) FROM ("
            f"SELECT p.id, count(*) OVER () AS total {_CANDIDATES} ORDER BY p.left_out <> '', p.text_sha256, p.id LIMIT %(most)s) AS shown",
            {**_asked(project, model, with_left_out), "most": most},
        )
        ids, total = cursor.fetchone()
    return ids, total - len(ids)


def come_since(drawn: ProjectMap, cap: int) -> int:
    """Passages that a new map would show and that came after the newest of this one; counted up to `cap`."""
    points = drawn.array
    newest = int(points["passage"][-1]) if len(points) else 0
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM (SELECT p.id {_CANDIDATES} LIMIT %(cap)s) AS found",
            {**_asked(drawn.project, drawn.model, drawn.with_left_out, newest), "cap": cap},
        )
        (count,) = cursor.fetchone()
    return int(count)


def _asked(project: Project, model: EmbeddingModel, with_left_out: bool, after: int = 0) -> dict[str, Any]:
    reasons: Sequence[str] = ("", *SHOWN_TOO) if with_left_out else ("",)
    return {"project": project.pk, "model": model.pk, "reasons": list(reasons), "after": after}
