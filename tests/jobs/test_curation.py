"""The whole way from stored texts to seeds, with the bundled model, on a handful of documents."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import InterfaceError, OperationalError

from curation.actions import review
from curation.actions.curation import DUPLICATES_FIRST, STEPS, NothingToCurate, start_curation, under_way
from curation.jobs import run
from curation.jobs.kinds import KINDS, split
from curation.management.commands import curate
from curation.models import (
    Chunk,
    Cluster,
    ClusterMember,
    Document,
    Embedding,
    EmbeddingModel,
    Item,
    Job,
    Passage,
    Queue,
    Score,
    Seed,
    Signals,
    Slot,
    neighbours,
)
from curation.models.funnel import funnel
from curation.models.neighbours import nearest_to_passage
from curation.models.search import search_passages
from curation.recipe.dedup import two_speed
from curation.recipe.text import static
from curation.recipe.text.normalise import normal_hash
from tests import factories as make

pytestmark = pytest.mark.django_db

ICE = (
    "Ice floats because water expands when it freezes. In liquid water the molecules move past each other and pack closely; in ice "
    "each one is held by four neighbours in an open lattice. The lattice takes about nine per cent more room, so its density is "
    "lower than that of the liquid. If ice sank, lakes would freeze from the bottom up, and few fish would survive a winter."
)
ICE_AGAIN = ICE.replace("few fish would survive a winter", "hardly a fish would survive the winter")
PLAGUE = (
    "The Black Death reached Sicily in October 1347 on Genoese ships and killed perhaps a third of Europe's people within four years. "
    "With so few labourers left, wages rose and lords competed for tenants. Parliament tried to freeze wages by the Statute of Labourers "
    "in 1351, and the resentment it caused was one of the roots of the Peasants' Revolt of 1381."
)
TOKYO = (
    "月はいつも同じ面を地球に向けている。これは月の自転の周期と公転の周期がどちらも約27.3日で等しいからである。かつて月はもっと速く自転していたが、"
    "地球の引力によって月の形がわずかに歪み、その歪みが回転にブレーキをかけた。両方の周期が一致すると歪みは動かなくなり、それ以上は減速しない。"
    "東京の科学館ではこの様子を模型で見ることができる。地球の海でも同じことが起きている。潮の満ち引きは海底との摩擦によって地球の自転を遅らせ、"
    "そのぶん月は毎年約3.8センチメートルずつ地球から遠ざかっている。"
)
COOKIES = (
    "We use cookies to personalise content and ads, to provide social media features and to analyse our traffic. By clicking "
    "Accept all you consent to the use of ALL the cookies. Manage preferences. Sign up to our newsletter. Privacy policy. Log in."
)
NOISE = "qzxv wkjh ptrk zzgb vvxq hjkl mnbv xzcv qwrt plkj " * 8


@pytest.fixture
def project():
    made = make.a_project("pages")
    texts = {
        "ice": ICE,
        "ice copy": ICE.replace("floats", "FLOATS").replace(". ", ".  "),
        "ice again": ICE_AGAIN,
        "plague": PLAGUE,
        "tokyo": TOKYO,
        "cookies": COOKIES,
        "noise": NOISE,
        "short": "Too little to say.",
    }
    for title, text in texts.items():
        document = make.a_document(made, text, title=title)
        document.extraction.normal_sha256 = normal_hash(text)
        document.extraction.save()
    make.a_document(made, "empty", title="empty", extracted=False, left_out="empty")
    return made


def curated(project):
    job = run.drain(start_curation(project, None))
    assert job.state == Job.State.DONE, job.reason
    return job


def reasons(project):
    return dict(Document.objects.filter(project=project).values_list("title", "left_out"))


def rows(project):
    """Everything that curating makes, by natural keys."""
    documents = Document.objects.filter(project=project)
    passages = Passage.objects.filter(project=project)
    return {
        "documents": sorted(documents.values_list("sha256", "left_out", "left_out_detail", "language")),
        "passages": sorted(
            passages.values_list("document__sha256", "ordinal", "text_sha256", "left_out", "left_out_detail")
        ),
        "signals": Signals.objects.count(),
        "vectors": sorted((e.text_sha256, tuple(e.vector)) for e in Embedding.objects.all()),
        "scores": sorted(
            (
                one.scorer.rubric.key,
                one.document.sha256 if one.document else one.passage.text_sha256,
                one.value,
            )
            for one in Score.objects.select_related("scorer__rubric", "document", "passage")
        ),
        "clusters": sorted(
            ClusterMember.objects.values_list(
                "cluster__representative__text_sha256", "passage__text_sha256", "similarity"
            )
        ),
        "seeds": sorted(Seed.objects.filter(project=project).values_list("text_sha256", "state")),
        "items": sorted(Item.objects.values_list("seed__text_sha256", "wanted", "state")),
        "slots": Slot.objects.count(),
    }


def test_every_document_and_passage_that_goes_no_further_says_why(project):
    curated(project)
    assert reasons(project) == {
        "ice": "",
        "ice copy": "exact_duplicate",
        "ice again": "",
        "plague": "",
        "tokyo": "",
        "cookies": "low_educational",
        "noise": "corrupted",
        "short": "too_short",
        "empty": "empty",
    }
    kept = Document.objects.get(title="ice copy")
    assert kept.left_out_detail == "the same text as ice"
    assert "at least 200" in Document.objects.get(title="short").left_out_detail
    assert "bits a letter" in Document.objects.get(title="noise").left_out_detail
    near = Passage.objects.get(left_out="near_duplicate")
    assert near.document.title in ("ice", "ice again")
    assert "close to passage 1 of ice" in near.left_out_detail
    assert Passage.objects.get(document__title="cookies").left_out == "document_left_out"
    assert Document.objects.get(title="tokyo").language == "ja"


def test_the_funnel_accounts_for_every_row(project):
    curated(project)
    found = funnel(project)
    assert found.documents == 9 == found.kept + sum(found.left_out.values())
    assert found.passages == found.passages_kept + sum(found.passages_left_out.values())
    assert (found.waiting, found.clusters) == (0, 1)
    assert found.embedded == found.passages
    assert found.scored == 4
    assert found.seeds == found.passages_kept == Seed.objects.count() > 0
    assert found.approved["documents"] == found.kept
    assert found.approved["passages"] == found.passages_kept


def test_seeds_wait_in_the_default_queue_the_best_first(project):
    curated(project)
    queue = Queue.objects.get(project=project, name="Seeds")
    assert queue.items.count() == Seed.objects.count()
    best = [
        max(Score.objects.filter(passage=item.seed.passage).values_list("value", flat=True))
        for item in queue.items.order_by("position").select_related("seed__passage")
    ]
    assert best == sorted(best, reverse=True)


def test_curating_twice_changes_nothing(project):
    curated(project)
    before = rows(project)
    ids = (
        set(Passage.objects.values_list("pk")),
        set(Cluster.objects.values_list("pk")),
        set(Seed.objects.values_list("pk")),
    )
    curated(project)
    assert rows(project) == before
    assert ids == (
        set(Passage.objects.values_list("pk")),
        set(Cluster.objects.values_list("pk")),
        set(Seed.objects.values_list("pk")),
    )


def test_duplicates_can_be_found_before_everything_is_embedded(project, monkeypatch):
    def only_certain(rough, good, threshold, certain):
        assert len(certain) >= 2  # "ice" and "ice again" share their wording
        good(np.array(certain))

    monkeypatch.setattr(two_speed, "likely", only_certain)
    # Half a minute of distilling for vectors that nobody looks at here; the static model has tests of its own.
    monkeypatch.setattr(static, "load", lambda options, folder: SimpleNamespace(views=lambda texts: None))
    job = run.drain(start_curation(project, None, DUPLICATES_FIRST))
    assert job.state == Job.State.DONE, job.reason
    (near,) = Passage.objects.filter(left_out="near_duplicate")
    assert near.document.title in ("ice", "ice again")
    assert Embedding.objects.count() == 2 < Passage.objects.filter(left_out="").count()
    assert not Score.objects.exists()
    curated(project)
    first = rows(project)
    _forget()
    curated(project)
    assert rows(project) == first


class Killed(BaseException):
    pass


@pytest.mark.parametrize("name", ["assess", "split", "embed", "score", "near_duplicates", "select"])
def test_a_worker_killed_between_process_and_save_leaves_the_same_rows(project, name, monkeypatch):
    kind, killed = KINDS[name], []

    def save(job, chunk, result):
        tally = kind.save(job, chunk, result)
        if not killed:
            killed.append(chunk.pk)
            raise Killed
        return tally

    monkeypatch.setitem(KINDS, name, replace(kind, save=save))
    job = start_curation(project, None)
    with pytest.raises(Killed):
        run.drain(job)
    Chunk.objects.filter(pk=killed[0]).update(state=Chunk.State.WAITING, expires_at=None)
    last = run.drain(job)
    assert last.state == Job.State.DONE, last.reason
    interrupted = rows(project)
    monkeypatch.setitem(KINDS, name, kind)

    _forget()
    curated(project)
    assert rows(project) == interrupted


def _forget():
    """Take away everything that curating made."""
    Embedding.objects.all().delete()
    Item.objects.all().delete()
    Seed.objects.all().delete()
    Queue.objects.all().delete()
    Cluster.objects.all().delete()
    Passage.objects.all().delete()
    Signals.objects.all().delete()
    Score.objects.all().delete()
    Job.objects.all().delete()
    Document.objects.exclude(extraction=None).update(left_out="", left_out_detail="", assessed_at=None)


def test_a_threshold_is_judged_anew_and_back_again(project):
    curated(project)
    before = rows(project)
    project.knobs = {"min_educational": 5.0}
    project.save()
    curated(project)
    assert reasons(project)["plague"] == "low_educational"
    assert Seed.objects.count() == 0 == Item.objects.count()
    project.knobs = {}
    project.save()
    curated(project)
    assert rows(project) == before


def test_a_lower_threshold_scores_the_pages_that_pass_now(project):
    curated(project)
    assert not Score.objects.filter(passage__document__title="cookies").exists()
    project.knobs = {"min_educational": 0, "min_factual": 0}
    project.save()
    curated(project)
    assert reasons(project)["cookies"] == ""
    assert Score.objects.filter(passage__document__title="cookies").count() == 2


def test_what_people_decided_survives_a_higher_threshold(project):
    curated(project)
    seed = Seed.objects.get(passage__document__title="plague")
    user, item = make.a_member(project), Item.objects.get(seed=seed)
    claim = review.claim_item(user, item)
    assert claim is not None
    review.decide(user, item, claim.lease, review.Answer("accept"))
    project.knobs = {"min_educational": 5.0}
    project.save()
    curated(project)
    seed.refresh_from_db()
    assert seed.state == Seed.State.APPROVED


def test_new_documents_are_added_to_what_is_there(project):
    curated(project)
    vectors = Embedding.objects.count()
    new = make.a_document(
        project,
        PLAGUE.replace("Sicily", "Messina in Sicily") + " Bakers and weavers asked for more as well.",
        title="new",
    )
    later = make.an_import(project.sources.get())
    copy = make.a_document(project, "  " + PLAGUE, title="copy", first_import=later)
    for document in (new, copy):
        document.extraction.normal_sha256 = normal_hash(document.extraction.text)
        document.extraction.save()
    curated(project)
    assert reasons(project)["copy"] == "exact_duplicate"
    assert Embedding.objects.count() == vectors + 1
    assert Passage.objects.filter(document=new).count() == 1
    assert Cluster.objects.count() == 2


def test_only_languages_that_the_project_keeps_go_on(project):
    project.languages = ["en"]
    project.save()
    curated(project)
    tokyo = Document.objects.get(title="tokyo")
    assert tokyo.left_out == "language"
    assert tokyo.left_out_detail.startswith("ja (")


def test_a_document_that_mixes_languages_says_so_and_its_passages_have_their_own(project):
    german = (
        "Der Fluss steigt im Frühling, weil der Schnee in den Bergen schmilzt und das Wasser ins Tal läuft. Die Müller am Ufer "
        "wussten das seit Jahrhunderten: Sie bauten ihre Wehre so hoch, dass ein gewöhnliches Hochwasser ihnen nichts anhaben "
        "konnte, und räumten im März die Keller. Erst als man den Lauf begradigte, kamen die Fluten schneller, als jemand fliehen konnte."
    )
    both = make.a_document(project, f"# Eins\n\n{german}\n\n# Two\n\n{ICE}", title="both")
    project.languages = ["en"]
    project.save()
    curated(project)
    both.refresh_from_db()
    assert (both.left_out, both.language) == ("language", "und")
    assert both.left_out_detail == "undetermined (mixed); the project keeps en"
    assert {code for code, _ in both.extraction.notes["language"]["parts"]} == {"de", "en"}
    assert {one.language for one in split.passages_of(both.extraction.pk, both.extraction.text, "und")} == {"de", "en"}  # fmt: skip


def test_a_copy_of_a_passage_on_another_page_is_an_exact_duplicate(project):
    filler = " ".join(
        f"Sentence number {n} tells of town {n} and its {n * 7} mills on the river." for n in range(30)
    )
    for number, text in enumerate(
        (f"# One\n\n{PLAGUE * 2}\n\n# Two\n\n{filler}", f"# Three\n\n{ICE}\n\n# Two\n\n{filler}")
    ):
        document = make.a_document(project, text, title=f"mixed {number}")
        document.extraction.normal_sha256 = normal_hash(text)
        document.extraction.save()
    curated(project)
    again = Passage.objects.filter(left_out="exact_duplicate")
    assert again.exists()
    assert all("the same text as passage" in one.left_out_detail for one in again)


def test_another_project_with_the_same_text_shares_its_vectors_and_nothing_else(project):
    curated(project)
    vectors = Embedding.objects.count()
    other = make.a_project("other")
    make.a_document(other, PLAGUE, title="theirs")
    curated(other)
    assert Embedding.objects.count() == vectors
    assert EmbeddingModel.objects.count() == 1
    passage = Passage.objects.get(project=other)
    assert nearest_to_passage(passage) == []
    assert funnel(other).documents == 1


@pytest.mark.parametrize("exact_up_to", [3_000, 0])
def test_similar_passages_are_found_closest_first_and_only_in_the_project(project, exact_up_to, monkeypatch):
    monkeypatch.setattr(neighbours, "EXACT_UP_TO", exact_up_to)
    curated(project)
    near = nearest_to_passage(Passage.objects.get(document__title="ice"))
    assert near[0].passage.document.title == "ice again"
    assert near[0].similarity > 0.95
    assert [one.similarity for one in near] == sorted((one.similarity for one in near), reverse=True)
    assert all(one.passage.document.title != "ice" for one in near)


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("floating lattices", "ice"),
        ("地球の引力", "tokyo"),
        ("東京", "tokyo"),
        ("月", "tokyo"),
        ('"Black Death"', "plague"),
    ],
)
def test_words_are_found_by_their_stems_and_in_scripts_without_spaces(project, query, title):
    curated(project)
    hits, total = search_passages(project, query, left_out_too=True)
    assert total >= 1
    assert title in {hit.subject.document.title for hit in hits}
    assert any(marked for _, marked in hits[0].headline)


def test_a_search_stays_within_its_project(project):
    curated(project)
    assert search_passages(make.a_project("other"), "lattice") == ([], 0)
    assert search_passages(project, "  ") == ([], 0)


def test_starting_while_it_runs_returns_what_runs(project):
    job = start_curation(project, None)
    assert start_curation(project, None) == job == under_way(project)
    assert [job.kind, *job.then] == list(STEPS)


def test_a_project_without_documents_is_a_loud_nothing():
    empty = make.a_project("nothing")
    with pytest.raises(NothingToCurate, match="load nothing"):
        start_curation(empty, None)
    with pytest.raises(CommandError, match="no documents"):
        call_command("curate", "nothing")


def test_an_unknown_project_is_refused_with_those_there_are(project):
    with pytest.raises(CommandError, match="pages"):
        call_command("curate", "pagse")


def test_the_command_prints_the_funnel_as_json(project, capsys):
    out = io.StringIO()
    call_command("curate", "pages", stdout=out)
    said = json.loads(out.getvalue())
    assert said["documents"] == said["kept"] + sum(said["left_out"].values()) == 9
    assert {"passages", "passages_left_out", "embedded", "scored", "clusters", "seeds"} <= set(said)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == [KINDS[name].title for name in STEPS]


def test_work_is_left_to_live_workers_until_they_stop(project):
    seen = []

    def left_to_others():
        seen.append(Chunk.objects.count())
        return len(seen) < 3

    assert run.drain(start_curation(project, None), None, left_to_others).state == Job.State.DONE
    assert seen[:3] == [0, 0, 0]
    assert Seed.objects.exists()


def test_a_database_that_restarts_is_waited_for(project, monkeypatch):
    broken = [OperationalError("terminating connection"), InterfaceError("connection is closed")]

    def drain(*args):
        if broken:
            raise broken.pop()
        return run.drain(*args)

    monkeypatch.setattr(curate, "drain", drain)
    monkeypatch.setattr(curate.connection, "close", lambda: None)
    out = io.StringIO()
    call_command("curate", "pages", stdout=out)
    assert json.loads(out.getvalue())["kept"] == 4


def test_a_step_that_fails_is_named_with_the_way_out(project, monkeypatch):
    def process(job, chunk, pulse):
        raise ValueError("no such thing")

    monkeypatch.setitem(KINDS, "split", replace(KINDS["split"], process=process))
    with pytest.raises(CommandError, match=r"Split into passages failed.*no such thing"):
        call_command("curate", "pages", stdout=io.StringIO())
