"""Kind `map`: the picture of a project, from the vectors of its passages, with names of its regions.

The one chunk holds the passages as they were when the job was planned. The picture starts from the map before, where there is one, so that
what people know stays where it was; that map is replaced in the transaction that saves this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import CharField, F, Value
from django.db.models.functions import Concat, Left

from curation.actions.maps import KIND as NAME
from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.models import Chunk, Embedding, EmbeddingModel, Job, Passage, ProjectMap
from curation.models.project_map import candidates
from curation.recipe.atlas import grid, layout, regions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SEED = 1
#: Names are read last.
_LAYING_OUT = 0.95


@dataclass(frozen=True, slots=True)
class Drawn:
    points: bytes
    frame: dict[str, float]
    regions: list[dict[str, Any]]
    count: int


def plan(job: Job) -> Iterator[ChunkPlan]:
    """Freezes which passages are shown. Raises ValueError where nothing has a vector."""
    assert job.project is not None
    model = EmbeddingModel.objects.of_project(job.project)
    shown, left_aside = (
        candidates(job.project, model, bool(job.options.get("with_left_out"))) if model else ([], 0)
    )
    if model is None or not shown:
        raise ValueError("No kept passage has a vector yet. Curate the project first.")
    job.options = {**job.options, "model": model.pk, "left_aside": left_aside}
    job.save(update_fields=["options"])
    yield ChunkPlan({"passages": shown}, len(shown))


def process(job: Job, chunk: Chunk, pulse: Pulse) -> Drawn:
    import numpy as np

    model = EmbeddingModel.objects.get(pk=job.options["model"])
    ids, vectors = _vectors(model, chunk.inputs["passages"])
    positions = layout.lay_out(
        vectors, SEED, _earlier(job, ids), lambda share: pulse.beat(int(_LAYING_OUT * share * chunk.size))
    )
    frame = grid.frame_of(positions)
    places = frame.to_grid(positions)
    named = regions.name_regions(frame.from_grid(places), _reader(ids, pulse), SEED)
    return Drawn(
        grid.points(np.array(ids, dtype=np.int64), places).tobytes(),
        asdict(frame),
        [_stored(region, frame) for region in named],
        len(ids),
    )


def _vectors(model: EmbeddingModel, passages: Sequence[int]) -> tuple[list[int], NDArray[np.float16]]:
    """Those of the passages that are still there and have their vector, in the order of ids."""
    hashes = dict(Passage.objects.filter(pk__in=passages).values_list("pk", "text_sha256"))
    ids = [key for key in passages if key in hashes]
    vectors, there = Embedding.objects.matrix(model, [hashes[key] for key in ids])
    return [key for key, is_there in zip(ids, there, strict=True) if is_there], vectors[there]


def _earlier(job: Job, ids: Sequence[int]) -> NDArray[np.float64] | None:
    """Where the passages lay on the map before, NaN where they were not on it; None without a map."""
    import numpy as np

    before = ProjectMap.objects.filter(project=job.project).first()
    if before is None or not before.count or not before.frame:
        return None
    points = before.array
    places = grid.Frame(**before.frame).from_grid(np.column_stack([points["x"], points["y"]]))
    wanted = np.array(ids, dtype=np.int64)
    at = np.minimum(np.searchsorted(points["passage"], wanted), len(points) - 1)
    return np.where((points["passage"][at] == wanted)[:, None], places[at], np.nan)


def _reader(ids: Sequence[int], pulse: Pulse) -> Callable[[int, int], list[tuple[int, str]]]:
    """Page, and title, heading and beginning of the passages at some places, cut in the database."""
    said = Concat(
        F("document__title"),
        Value("\n"),
        F("heading"),
        Value("\n"),
        Left("text", regions.BEGINNING),
        output_field=CharField(),
    )

    def read(start: int, stop: int) -> list[tuple[int, str]]:
        pulse.beat(int(len(ids) * (_LAYING_OUT + (1 - _LAYING_OUT) * start / len(ids))))
        part = ids[start:stop]
        rows = Passage.objects.filter(pk__in=part).annotate(said=said).values_list("pk", "document", "said")
        found = {key: (page, text) for key, page, text in rows}
        return [found.get(key, (0, "")) for key in part]

    return read


def _stored(region: regions.Region, frame: grid.Frame) -> dict[str, Any]:
    import numpy as np

    x, y = frame.to_grid(np.array([[region.x, region.y]]))[0].tolist()
    return {"x": x, "y": y, "words": list(region.words), "count": region.count, "level": region.level}


def save(job: Job, chunk: Chunk, result: Drawn) -> Tally:
    assert job.project is not None
    ProjectMap.objects.filter(project=job.project).delete()
    ProjectMap.objects.create(
        uuid=job.uuid,
        project=job.project,
        model_id=job.options["model"],
        job=job,
        method=layout.METHOD,
        count=result.count,
        left_aside=job.options["left_aside"],
        with_left_out=bool(job.options.get("with_left_out")),
        points=result.points,
        frame=result.frame,
        regions=result.regions,
    )
    return Tally(done=result.count, dropped=len(chunk.inputs["passages"]) - result.count)


def finish(job: Job) -> dict[str, Any]:
    return {
        "passages": sum(job.chunks.values_list("done", flat=True)),
        "left_aside": job.options.get("left_aside", 0),
    }


KIND = Kind(
    name=NAME,
    title="Draw the map",
    unit="passages",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
)
