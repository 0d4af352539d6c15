"""The demonstration project: made once, reviewable at once, and curated as the guide promises."""

from collections import Counter

import pytest

from curation.demo.load import SLUG, ensure_demo
from curation.jobs.run import drain
from curation.models import (
    ClusterMember,
    Document,
    Import,
    Item,
    Job,
    Passage,
    Project,
    RejectedRow,
    Sample,
    Seed,
    Source,
    User,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admin() -> User:
    return User.objects.create_superuser("admin@example.org", "a-long-password")


def left_out(project: Project, reason: str) -> set[str]:
    return set(Document.objects.filter(project=project, left_out=reason).values_list("title", flat=True))


def items(project: Project) -> Counter[str]:
    return Counter(Item.objects.filter(queue__project=project).values_list("queue__kind", flat=True))


def test_a_newcomer_can_review_samples_at_once(admin):
    project = ensure_demo(admin)
    assert project is not None
    assert items(project) == {"samples": 40}
    assert Sample.objects.filter(project=project).count() == 40
    assert Document.objects.filter(project=project).count() == 73
    assert not RejectedRow.objects.filter(batch__project=project).exists()
    assert Job.objects.active().filter(project=project).get().kind == "extract"


def test_two_files_are_found_to_be_there_already(admin):
    project = ensure_demo(admin)
    crawl = Import.objects.get(project=project, source__name="Unsorted crawl")
    assert crawl.counts["duplicates"] == 2


def test_the_second_start_changes_nothing(admin):
    project = ensure_demo(admin)
    before = [model.objects.count() for model in (Project, Source, Import, Document, Sample, Item, Job)]
    assert ensure_demo(admin) is None
    assert before == [
        model.objects.count() for model in (Project, Source, Import, Document, Sample, Item, Job)
    ]
    assert project.slug == SLUG


def test_a_start_that_was_killed_halfway_is_taken_up(admin, monkeypatch):
    from curation.demo import load

    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(load, "start_curation", killed)
        with pytest.raises(KeyboardInterrupt):
            ensure_demo(admin)
    project = ensure_demo(admin)
    assert project is not None
    assert items(project) == {"samples": 40}
    assert Import.objects.filter(project=project).count() == len(load.SHELVES)


def test_without_an_admin_there_is_no_demonstration(db):
    assert ensure_demo() is None
    assert not Project.objects.exists()


def test_the_demonstration_curates_as_the_guide_says(admin):
    project = ensure_demo(admin)
    drain(Job.objects.active().get(project=project))
    assert not Job.objects.filter(project=project).exclude(state=Job.State.DONE).exists()

    documents = Document.objects.filter(project=project)
    assert not documents.filter(extraction=None).exists()
    assert documents.filter(left_out="corrupted").count() == 1
    assert left_out(project, "exact_duplicate") == {"How a vaccine trains the immune system"}
    assert "We value your privacy" in left_out(project, "low_educational")
    assert set(documents.values_list("language", flat=True)) >= {
        "en",
        "de",
        "fr",
        "es",
        "zh",
        "ja",
        "hi",
        "ar",
    }

    rewritten = {"Where paper came from", "The science of bread dough", "The Silk Road, explained"}
    rewritten |= {"Two high tides every day", "The gap in the bridge"}
    clustered = ClusterMember.objects.filter(cluster__project=project).values_list(
        "passage__document__title", flat=True
    )
    assert rewritten <= set(clustered)

    seeds = Seed.objects.filter(project=project, state=Seed.State.CANDIDATE).count()
    assert seeds > 50
    assert items(project) == {"samples": 40, "seeds": seeds, "scores": 20}
    assert Passage.objects.filter(project=project, left_out="low_scores").exists()
    assert Sample.objects.filter(project=project).exclude(passage=None).count() == 40
