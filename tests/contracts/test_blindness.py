"""Bar: nothing that others concluded, or that a model says where people are to judge it, shows before one has answered.

Each test makes two worlds that differ in the secret alone, asks for every page and API answer in both as somebody who
has not answered yet, and compares: whatever differs has told something. Words that only the secret has are looked for too.
"""

import re
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from curation.actions import people, review
from curation.actions.review import revisions
from curation.models import (
    ActiveScorer,
    Call,
    Cluster,
    Endpoint,
    Job,
    Label,
    Revision,
    Rubric,
    Score,
    Scorer,
)
from curation.recipe.chain import ChainStep
from tests import factories as make
from tests.contracts.test_access import addresses
from tests.world import a_cluster, a_map, a_stored_document

pytestmark = pytest.mark.django_db

MEMBERS = ("annotator", "reviewer", "manager")
CANARY = "zanzibar"
#: What an answer says anew each time: tokens, leases, ids and keys of new rows.
PASSING = re.compile(
    r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|value="\w{64}"|"X-CSRFToken": "\w{64}"'
    r'|data-csrf-token="\w{64}"|nonce-[\w+/=]+|/admin/curation/\w+/\d+/|name="_selected_action"[^>]*|value="\d+"'
)
#: Pages that sum a whole project up. A histogram tells nothing about one passage of many; here there is only one.
SUMS = {"overview:page", "overview:running", "thresholds:list", "thresholds:bench"}
#: Lists are asked for by score and by what was decided too: an order or a missing row tells as much as a figure.
QUERIES = {
    "passages:list": ["?rubric=factual&least=3", "?sort=highest", "?reason=low_scores", "?reason=rejected"],
    "map:page": ["?by=score:factual", "?by=score:reasoning", "?by=state"],
    "map:points": ["?by=score:factual", "?by=score:reasoning", "?by=state"],
    "seeds:list": ["?rubric=reasoning&least=3", "?sort=lowest", "?state=approved", "?state=rejected"],
    "samples:list": ["?state=approved", "?state=rejected"],
    "queues:page": ["?state=open", "?state=accepted", "?state=disputed"],
    "exports:new": ["?what=passages", "?what=seeds", "?what=samples"],
    "search:page": ["?q=moons", "?q=kindly"],
    "admin:curation_decision_changelist": ["?verdict=accept", "?verdict=reject", "?q=kindly", "?o=5"],
}


@pytest.fixture
def clock(monkeypatch):
    """Time stands still and the disk stays as it is, so that two answers can be compared."""
    now = datetime.now(UTC)
    monkeypatch.setattr(timezone, "now", lambda: now)
    monkeypatch.setattr("curation.admin.dashboard.disk", lambda: "some")


class World:
    """A project in which one item of each kind of queue has been answered by somebody else, and by nobody else yet."""

    def __init__(self):
        self.project = make.a_project("stars")
        self.other = make.a_member(self.project, email="other@example.org")
        self.persons = {role: make.a_member(self.project, role, f"{role}@example.org") for role in MEMBERS}
        self.tokens = {kind: people.issue_token(user, "blind")[1] for kind, user in self.persons.items()}
        document, batch = a_stored_document(self.project, make.a_source(self.project, "Stars"))
        passage = make.a_passage(self.project, document.extraction.text, document)
        seed = make.a_seed(self.project, passage=passage)
        sample = make.a_sample(self.project, source=document.first_import.source)
        self.queues = {
            kind: make.a_queue(self.project, kind, wanted=3, name=kind)
            for kind in ("seeds", "scores", "samples")
        }
        subjects = {"seeds": seed, "scores": passage, "samples": sample}
        self.items = {kind: make.an_item(queue, subjects[kind]) for kind, queue in self.queues.items()}
        cluster = a_cluster(self.project, None)
        Cluster.objects.filter(pk=cluster.pk).update(representative=passage)
        self.rows = {
            "document": document.uuid,
            "passage": passage.uuid,
            "seed": seed.uuid,
            "sample": sample.uuid,
            "cluster": cluster.uuid,
            "source": batch.source.uuid,
            "batch": batch.uuid,
            "rubric": "factual",
            "version": "starter-1",
            "signal": "compression",
            "knob": "min_factual",
            "map": a_map(self.project, passage, make.a_passage(self.project)).uuid,
            "place": 0,
            "ordinal": 0,
            "key": "own",
        }
        self.passage = passage

    def session(self, kind):
        client = Client()
        client.force_login(self.persons[kind])
        return client

    def pages(self, kind):
        """Every address that can be asked for by GET as this person: pages, parts, the panel, the API."""
        for name, names in addresses().items():
            for item in self.items.values():
                places = {**self.rows, "project": "stars", "item": item.uuid, "queue": item.queue.uuid}
                if name.startswith("api:") or (name.startswith("admin:") and "object_id" not in names):
                    places |= {"app_label": "curation"}
                if name.startswith(("accounts:", "admin:rest", "api:openapi")) or not set(names) <= set(
                    places
                ):
                    continue
                address = reverse(name, kwargs={one: places[one] for one in names})
                yield from ((name, address + query) for query in ["", *QUERIES.get(name, [])])
                if not {"item", "queue"} & set(names):
                    break

    def answers(self, kind, only=None):
        """What each address answers this person, with what passes taken out. Nothing that asking changes is kept."""
        client, found = self.session(kind), {}
        headers = {"Authorization": f"Bearer {self.tokens[kind]}"}
        for name, address in self.pages(kind):
            if only is not None and name not in only:
                continue
            # Parts of a page are asked for by themselves too, as those who decide the most.
            parts = kind == "annotator" and not name.startswith(("api:", "admin:"))
            for htmx in (False, True) if parts else (False,):
                point = transaction.savepoint()
                asked = headers if name.startswith("api:") else {"HX-Request": "true"} if htmx else {}
                sender = Client() if name.startswith("api:") else client
                response = sender.get(address, headers=asked)
                body = b"".join(response.streaming_content) if response.streaming else response.content
                found[name, address, htmx] = (
                    response.status_code,
                    PASSING.sub("…", body.decode("utf-8", "replace")),
                )
                transaction.savepoint_rollback(point)
        for kind_of_queue, queue in self.queues.items():
            point = transaction.savepoint()
            claimed = Client().post(reverse("api:claim", kwargs={"queue": queue.uuid}), headers=headers)
            found["api:claim", kind_of_queue, False] = (
                claimed.status_code,
                PASSING.sub("…", claimed.content.decode()),
            )
            transaction.savepoint_rollback(point)
        return found


@pytest.fixture
def world(clock):
    return World()


def compare(world, kinds, first, second, besides=frozenset(), only=None):
    """What differs between the answers after `first()` and those after `second()`: of every page, or `only` of these."""
    told = []
    for kind in kinds:
        seen = []
        for secret in (first, second):
            point = transaction.savepoint()
            secret()
            seen.append(world.answers(kind, only))
            transaction.savepoint_rollback(point)
        for place, one in seen[0].items():
            if CANARY in one[1].lower() or CANARY in seen[1][place][1].lower():
                told.append(f"{kind} is shown the secret's words at {place[1]} ({place[0]})")
            elif one != seen[1][place] and place[0] not in besides:
                told.append(
                    f"{kind} can tell by {place[1]} ({place[0]}): {_difference(one[1], seen[1][place][1])}"
                )
    return told


def _difference(one, other):
    at = next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    return f"…{one[max(0, at - 60) : at + 60]!r} or …{other[max(0, at - 60) : at + 60]!r}"


def decide(world, answers):
    """The other person answers every queue, and drafts something on what they hold."""
    for kind, answer in answers.items():
        item = world.items[kind]
        claim = review.claim(world.queues[kind], world.other)
        review.save_draft(world.other, item, {"note": f"{CANARY} draft"}, 0)
        review.decide(world.other, item, claim.lease, answer)


def concluded(world, kindly):
    """What the other person answered in every queue."""
    words = f"{CANARY} {'kindly' if kindly else 'harshly'}"
    if kindly:
        text = f"{CANARY} edited kindly"
        seed = sample = review.Answer("accept", note=words, text=text)
    else:
        seed = review.Answer("reject", reason="garbled", note=words)
        sample = review.Answer("reject", reason="trivial", note=words)
    value = 5 if kindly else 0
    ratings = {"factual": value, "reasoning": value}
    decide(
        world,
        {"seeds": seed, "scores": review.Answer("rate", ratings=ratings, note=words), "samples": sample},
    )


def answered_by_a_model(world, value):
    """A language model's label, its reasons, and the call that has them."""
    rubric, _ = Rubric.objects.get_or_create(
        project=None, key="factual", defaults={"name": "factual", "level": "passage", "question": "?"}
    )
    job = Job.objects.create(
        project=world.project, kind="annotate", state="done", options={}, result={"labels": 1}
    )
    endpoint = Endpoint.objects.create(name="Tiny", address="http://127.0.0.1:9/v1", model="tiny")
    said = {"choices": [{"message": {"content": f"{CANARY} {value}"}}]}
    call = Call.objects.create(
        project=world.project,
        endpoint=endpoint,
        model="tiny",
        job=job,
        key="0" * 64,
        answer=said,
        request={},
    )
    Label.objects.create(
        project=world.project,
        rubric=rubric,
        passage=world.passage,
        annotator="tiny · annotate/1",
        value=value,
        reasons=f"{CANARY} {value}",
        job=job,
        call=call,
    )


def scored_by_a_model(world, value):
    """What the scorer that speaks says of the passage."""
    for key in ("factual", "reasoning"):
        rubric, _ = Rubric.objects.get_or_create(
            project=None, key=key, defaults={"name": key, "level": "passage", "question": "?"}
        )
        scorer, _ = Scorer.objects.get_or_create(rubric=rubric, name="starter", version="1")
        ActiveScorer.objects.get_or_create(project=world.project, rubric=rubric, defaults={"scorer": scorer})
        Score.objects.create(scorer=scorer, passage=world.passage, value=value)


def test_what_people_and_models_concluded_shows_to_nobody_who_has_not_answered(world):
    def kindly():
        concluded(world, kindly=True)
        answered_by_a_model(world, 5)
        scored_by_a_model(world, 4.4)

    def harshly():
        concluded(world, kindly=False)
        answered_by_a_model(world, 0)
        scored_by_a_model(world, 0.6)

    told = compare(world, MEMBERS, kindly, harshly, besides=SUMS)
    assert not told, "\n".join(told)


def test_sums_of_a_project_tell_nothing_that_a_person_concluded(world):
    """Or a language model that was asked the same as people are."""

    def kindly():
        concluded(world, kindly=True)
        answered_by_a_model(world, 5)

    def harshly():
        concluded(world, kindly=False)
        answered_by_a_model(world, 0)

    told = compare(world, MEMBERS, kindly, harshly, only=SUMS)
    assert not told, "\n".join(told)


def test_after_one_s_own_answer_a_reviewer_is_shown_what_others_said(world):
    """The canary is where it should be: the tests above look in the right places."""
    answer = review.Answer("reject", reason="garbled", note=f"{CANARY} harshly")
    decide(world, {"seeds": answer})
    reviewer = world.persons["reviewer"]
    claim = review.claim(world.queues["seeds"], reviewer)
    review.decide(reviewer, world.items["seeds"], claim.lease, review.Answer("accept"))
    shown = [place for place, (_, body) in world.answers("reviewer").items() if CANARY in body]
    assert shown


def test_sessions_have_the_cookie_that_the_api_names():
    from curation.api.auth import Session

    assert Session.param_name == settings.SESSION_COOKIE_NAME


def test_what_somebody_asked_a_revision_for_shows_to_nobody_who_has_yet_to_decide_on_it(world):
    """The note of whoever sent a sample back is in the prompt, and may be in the answer: in no page, part, job, call or claim."""

    def revised(note):
        def revise():
            item = world.items["samples"]
            endpoint = Endpoint.objects.create(name="Tiny", address="http://127.0.0.1:9/v1", model="tiny")
            claim = review.claim(world.queues["samples"], world.other)
            review.send_back(world.other, item, claim.lease, f"{CANARY} {note}")
            revision = Revision.objects.get()
            call = Call.objects.create(
                project=world.project,
                endpoint=endpoint,
                model="tiny",
                job=revision.job,
                key="0" * 64,
                request={"messages": note},
            )
            said = f'{{"changes": "{CANARY} {note}", "turns": []}}'
            step = ChainStep("revision", "revise-again", f"{CANARY} {note}", "revise-again/1", "tiny", said)
            contents = [one["content"] + " Revised." for one in item.sample.messages]
            assert revisions.made(revision, contents, step, call.pk)

        return revise

    told = compare(world, ("annotator", "reviewer"), revised("kindly"), revised("rather harshly, at length"))
    assert not told, "\n".join(told)
