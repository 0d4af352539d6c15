"""The map as a job: run twice or killed, the same rows; one map of a project; a grown project keeps its places."""

from dataclasses import replace

import numpy as np
import pytest

from curation.actions import maps
from curation.jobs import run
from curation.jobs.kinds import KINDS
from curation.jobs.kinds import project_map as kind
from curation.models import Chunk, Embedding, Job, Passage, Project, ProjectMap, project_map
from tests import factories as make
from tests import labelling

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_beat(monkeypatch):
    monkeypatch.setattr(run, "BEAT_SECONDS", 3_600)


@pytest.fixture
def project():
    made = make.a_project("stars")
    labelling.embedded(made)
    return made


def drawn(project, **options):
    job = run.drain(maps.draw(project, None, **options))
    assert job.state == Job.State.DONE, job.reason
    return ProjectMap.objects.get(project=project)


def places(one):
    """{passage: (x, y)} of a map."""
    return {int(key): (int(x), int(y)) for key, x, y in one.array.tolist()}


def test_every_kept_passage_with_a_vector_has_its_place(project):
    kept = labelling.pages(project, labelling.vectors(30), model=labelling.bundled())
    Passage.objects.filter(pk=kept[0].pk).update(left_out="rejected")
    Passage.objects.filter(pk=kept[1].pk).update(left_out="low_scores")
    Embedding.objects.filter(text_sha256=kept[2].text_sha256).delete()
    labelling.pages(make.a_project("moons"), labelling.vectors(3, seed=2), model=labelling.bundled())
    one = drawn(project)
    assert list(places(one)) == [passage.pk for passage in kept[3:]]
    assert (one.count, one.left_aside, one.with_left_out) == (27, 0, False)
    assert len(set(places(one).values())) == 27
    assert set(places(drawn(project, with_left_out=True))) == {kept[1].pk, *(p.pk for p in kept[3:])}


def test_drawing_twice_leaves_one_map_under_another_name(project):
    labelling.pages(project, labelling.vectors(30), model=labelling.bundled())
    first = drawn(project)
    second = drawn(project)
    assert ProjectMap.objects.filter(project=project).count() == 1
    assert first.uuid != second.uuid and first.uuid == first.job.uuid


def test_the_same_passages_give_the_same_map(project):
    labelling.pages(project, labelling.vectors(40), model=labelling.bundled())
    first = drawn(project)
    ProjectMap.objects.all().delete()
    second = drawn(project)
    assert (bytes(first.points), first.regions) == (bytes(second.points), second.regions)


class Killed(BaseException):
    pass


def test_a_worker_killed_between_process_and_save_leaves_the_same_map(project, monkeypatch):
    labelling.pages(project, labelling.vectors(40), model=labelling.bundled())
    before = drawn(project)
    undisturbed = drawn(project)
    ProjectMap.objects.all().delete()
    before.pk, before.uuid = None, before.job.uuid
    before.save()

    def save(job, chunk, result):
        kind.save(job, chunk, result)
        raise Killed

    monkeypatch.setitem(KINDS, "map", replace(kind.KIND, save=save))
    job = maps.draw(project, None)
    with pytest.raises(Killed):
        run.drain(job)
    assert ProjectMap.objects.get(project=project).uuid == before.uuid, (
        "the map before stands until this one is there"
    )
    monkeypatch.setitem(KINDS, "map", kind.KIND)
    Chunk.objects.filter(job=job).update(state=Chunk.State.WAITING, expires_at=None)
    assert run.drain(job).state == Job.State.DONE
    after = ProjectMap.objects.get(project=project)
    assert after.uuid == job.uuid
    assert (bytes(after.points), after.frame) == (bytes(undisturbed.points), undisturbed.frame)


def test_beyond_what_a_map_can_show_a_sample_by_hash_is_shown_that_hardly_changes(project, monkeypatch):
    monkeypatch.setattr(project_map.candidates, "__defaults__", (20,))
    few = labelling.pages(project, labelling.vectors(60), model=labelling.bundled())
    first = drawn(project)
    assert (first.count, first.left_aside) == (20, 40)
    assert set(places(first)) == {one.pk for one in sorted(few, key=lambda one: one.text_sha256)[:20]}
    labelling.pages(project, labelling.vectors(6, seed=9), model=labelling.bundled())
    second = drawn(project)
    assert len(set(places(first)) & set(places(second))) >= 14
    assert second.left_aside == 46


def test_kept_passages_come_before_those_that_are_left_out(project, monkeypatch):
    monkeypatch.setattr(project_map.candidates, "__defaults__", (20,))
    passages = labelling.pages(project, labelling.vectors(30), model=labelling.bundled())
    out = [one.pk for one in passages[:15]]
    Passage.objects.filter(pk__in=out).update(left_out="near_duplicate")
    one = drawn(project, with_left_out=True)
    assert {passage.pk for passage in passages[15:]} <= set(places(one)) and one.count == 20


def test_a_grown_project_keeps_its_places_and_says_what_came(project):
    points = labelling.vectors(90)
    passages = labelling.pages(project, points[:80], model=labelling.bundled())
    first = drawn(project)
    labelling.pages(project, points[80:], model=labelling.bundled())
    assert project_map.come_since(first, 100) == 10 and project_map.come_since(first, 4) == 4
    second = drawn(project)
    assert project_map.come_since(second, 100) == 0

    def side(one):
        at = places(one)
        return np.array([at[passage.pk] for passage in passages], dtype=float)

    def way(before, after):
        return np.median(np.linalg.norm(before - after, axis=1))

    ProjectMap.objects.all().delete()
    anew = drawn(project)
    assert way(side(first), side(second)) < way(side(first), side(anew)) / 2


def test_without_vectors_nothing_is_started_and_a_job_says_why(project):
    with pytest.raises(maps.MapError, match="Curate the project"):
        maps.draw(make.a_project("empty"), None)
    job = run.drain(maps.draw(project, None))
    assert job.state == Job.State.FAILED and "vector" in job.reason
    assert not ProjectMap.objects.exists()


def test_one_drawing_at_a_time_is_enough(project):
    labelling.pages(project, labelling.vectors(10), model=labelling.bundled())
    assert maps.draw(project, None) == maps.draw(project, None)


def test_progress_reaches_the_number_of_passages(project):
    labelling.pages(project, labelling.vectors(40), model=labelling.bundled())
    job = maps.draw(project, None)
    run.plan(job.pk)
    chunk = run.claim(job.pk)

    class Told:
        done = []

        def beat(self, done=0):
            self.done.append(done)

    kind.process(Job.objects.get(pk=job.pk), chunk, Told())
    assert Told.done == sorted(Told.done) and len(set(Told.done)) > 5 and 0 < Told.done[-1] <= 40


def test_a_passage_that_vanished_meanwhile_is_not_drawn(project):
    passages = labelling.pages(project, labelling.vectors(12), model=labelling.bundled())
    job = maps.draw(project, None)
    run.plan(job.pk)
    gone = passages[4].pk
    Passage.objects.filter(pk=gone).delete()
    assert run.drain(job).state == Job.State.DONE
    one = Project.objects.get(pk=project.pk).maps.get()
    assert one.count == 11 and gone not in places(one)
    assert job.chunks.get().dropped == 1


def test_a_few_passages_have_a_map(project):
    labelling.pages(project, labelling.vectors(1), model=labelling.bundled())
    assert drawn(project).count == 1
