"""`retrain`: a new version of a scorer from 10,000 labels, database and all: reading them, vectors and signals, training, hold-out
figures of the new and the present one, the learning curve, and storing it.

ours = seconds from the job's insertion to its end, on one core, as a studio's workers compute. The peer is scikit-learn's cross-validated ridge on the same vectors alone,
held in memory already: what it takes without a studio around it.
"""

from __future__ import annotations

import os
import time
from typing import Any

from tests.bench.database import a_database

LABELS = 10_000


def retrain() -> dict[str, Any]:
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported
    with a_database():
        from curation.actions import scorers
        from curation.jobs import run
        from curation.models import Job, Passage, Scorer
        from tests import factories as make
        from tests import labelling
        from tests.bench.million import a_project_of, vectors_of

        project, _ = a_project_of(LABELS, labelling.ORDINARY)
        project.knobs = {"min_educational": 0.0}
        project.save()
        labelling.scored(project)
        passages = list(Passage.objects.filter(project=project).order_by("pk"))
        points = vectors_of(LABELS)
        ratings = labelling.teacher(points)
        labelling.rated(make.a_queue(project, "scores"), passages, {"factual": ratings})
        rubric = labelling.our_rubric("factual")
        start, processor = time.perf_counter(), time.process_time()
        job = scorers.train(project, rubric, None)
        run.plan(job.pk)
        planned = time.perf_counter() - start
        chunk = run.claim(job.pk)
        assert chunk is not None
        run.run_chunk(chunk)
        run.finish_if_done(job.pk)
        took, processor = time.perf_counter() - start, time.process_time() - processor
        job.refresh_from_db()
        assert job.state == Job.State.DONE, job.reason
        scorer = Scorer.objects.get(job=job)
        peer = _peer(points, ratings)
    return {
        "name": "retrain",
        "ours": round(took, 2),
        "unit": "s",
        "peer": round(peer, 2),
        "peer_name": "scikit-learn's RidgeCV (24 strengths, 5 folds) on the vectors alone, in memory",
        "n": LABELS,
        "details": {
            "planning_s": round(planned, 2),
            "processor_s": round(processor, 2),
            "held_out": scorer.figures["n"],
            "spearman": round(scorer.figures["spearman"], 3),
            "present_spearman": round(scorer.figures["present"]["spearman"], 3),
            "curve_points": len(scorer.figures["learning_curve"]),
        },
    }


def _peer(points: Any, ratings: Any) -> float:
    import numpy as np
    from sklearn.linear_model import RidgeCV

    start = time.perf_counter()
    RidgeCV(alphas=np.logspace(-1, 2, 24), cv=5).fit(points, ratings)
    return time.perf_counter() - start
