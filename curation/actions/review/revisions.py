"""Revisions that people ask for by sending a sample back: who can make one, asking, and how it ends: made, failed by name, or taken back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from curation.actions import prompts
from curation.actions.endpoints import offered
from curation.actions.review.claims import lock_item
from curation.actions.review.errors import NotAsked
from curation.actions.review.projection import project
from curation.actions.review.texts import turns
from curation.models import (
    Activity,
    Decision,
    Endpoint,
    Item,
    Job,
    Lease,
    Project,
    PromptVersion,
    Revision,
    Sample,
    SampleStep,
    Slot,
    TextVersion,
    User,
)
from curation.recipe.chain import ChainStep
from curation.recipe.generate.again import AGAIN

NO_MODEL = "No language model is connected to this project, so nothing can be revised. A site admin sets one up under Endpoints."
LONGEST_DETAIL = 400


# Asking


def reviser(sample: Sample) -> Endpoint | None:
    """Who would revise a sample: the endpoint of its run, else one of the model that wrote it, else the first that the project may ask."""
    found = list(offered(sample.project))
    own = sample.candidate.run.endpoint_id if sample.candidate else None
    likely = sorted(found, key=lambda one: (one.pk != own, one.model != sample.model))
    return next(iter(likely), None)


def can_revise(project: Project) -> bool:
    """Whether there is a model to ask. At most one query."""
    in_environment = bool(settings.LLM_BASE_URL and settings.LLM_MODEL)
    return in_environment or Endpoint.objects.of_project(project).exists()


def to_ask(item: Item, note: str, of_round: int) -> Endpoint:
    """The endpoint that would revise a locked item's sample by this note. Raises NotAsked."""
    if item.sample is None:
        raise NotAsked("Only samples can be sent back for another revision.")
    if not note.strip():
        raise NotAsked("Say in the note what the revision should change.")
    if item.state == Item.State.REVISING:
        raise NotAsked("Somebody has sent it back already; its revision is being made.")
    if item.state != Item.State.OPEN:
        raise NotAsked("This item is not open any more: it was settled, or it waits for a reviewer.")
    if of_round != item.round:
        raise NotAsked("The text was revised since you opened it. Look at the new one first.")
    endpoint = reviser(item.sample)
    if endpoint is None:
        raise NotAsked(NO_MODEL)
    return endpoint


def ask(item: Item, decision: Decision, endpoint: Endpoint) -> Revision:
    """The revision that the item waits for from now on, with the job that makes it. Inside the transaction of the decision.

    The job says nothing of who asked or why: everybody in the project may look at jobs.
    """
    options = {
        "endpoint": endpoint.pk,
        "model": endpoint.model,
        "version": wording().pk,
        "budget_tokens": item.queue.project.settings.revision_tokens,
    }
    job = Job.objects.create(project=item.queue.project, kind="revise", options=options)
    return Revision.objects.create(item=item, decision=decision, job=job, before=item.text_version)


def wording() -> PromptVersion:
    """The version of the prompt that asks now."""
    return prompts.ensure_version(AGAIN.key, AGAIN.title, AGAIN.version, AGAIN.template)


# Ending


def made(revision: Revision, contents: Sequence[str], step: ChainStep, call: int) -> bool:
    """Keep a revision: a text version by the model, a step of the chain, and everybody is asked anew, blind. False when nobody waits for it any more.

    What was decided about the text before stays as it was and counts no more.
    """
    with transaction.atomic():
        item, revision = _locked(revision)
        if revision.state != Revision.State.ASKED or item.state == Item.State.CLOSED or item.sample is None:
            return False
        sample = Sample.objects.select_for_update(no_key=True).defer("search").get(pk=item.sample.pk)
        revision.text_version = _text(item, sample, contents, call)
        revision.step = _step(sample, step, call)
        _end(revision, Revision.State.MADE)
        _ask_anew(item, revision.text_version)
        return True


def _text(item: Item, sample: Sample, contents: Sequence[str], call: int) -> TextVersion:
    messages = turns(sample, contents) if sample.messages else None
    text = "\n\n".join(contents)
    content = json.dumps(messages, sort_keys=True, ensure_ascii=False) if messages else text
    return TextVersion.objects.create(
        project_id=item.queue.project_id,
        sample=sample,
        text=text,
        messages=messages,
        sha256=hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest(),
        call_id=call,
    )


def _step(sample: Sample, step: ChainStep, call: int) -> SampleStep:
    last = sample.steps.aggregate(last=Max("ordinal"))["last"]
    return SampleStep.objects.create(
        sample=sample,
        ordinal=0 if last is None else last + 1,
        kind=step.kind,
        name=step.name,
        prompt=step.prompt,
        prompt_version=step.prompt_version,
        model=step.model,
        output=step.output,
        call_id=call,
    )


def _ask_anew(item: Item, text: TextVersion) -> None:
    """The next round: every slot is open again, whoever decided or holds one."""
    held = item.slots.filter(state=Slot.State.HELD)
    Lease.objects.filter(uuid__in=held.values("lease")).update(
        ended_at=timezone.now(), ended_how=Lease.End.REVISED
    )
    item.slots.update(state=Slot.State.OPEN, holder=None, lease=None, expires_at=None, decision=None)
    item.round, item.text_version = item.round + 1, text
    item.save(update_fields=["round", "text_version"])
    project(item)


def failed(revision: Revision, reason: str, detail: str) -> bool:
    """No revision came: the item is back as it was, and says why to whoever asked. False when nobody waits for it any more."""
    return _over(revision, Revision.State.FAILED, reason=reason, detail=detail[:LONGEST_DETAIL])


def take_back(revision: Revision, by: User) -> bool:
    """A manager ends the waiting: the item is open again with the text it had. False when it is over already."""
    with transaction.atomic():
        over = _over(revision, Revision.State.TAKEN_BACK, ended_by=by)
        if over:
            Activity.objects.create(
                project_id=revision.item.queue.project_id,
                actor=by,
                verb="took back a revision",
                subject=f"item {revision.item.uuid}",
            )
    return over


def withdraw(decision: Decision) -> bool:
    """Whoever sent an item back thinks better of it. False when the revision is over. Inside a transaction that projects the item."""
    asked = Revision.objects.asked().filter(decision=decision)
    return bool(
        asked.update(state=Revision.State.TAKEN_BACK, ended_by=decision.user_id, ended_at=timezone.now())
    )


def give_back_abandoned() -> int:
    """End what no job works on any more (it was cancelled, or it broke). Returns how many; the sweep calls it."""
    ended = Revision.objects.asked().filter(job__state__in=[Job.State.CANCELLED, Job.State.FAILED])
    return sum(
        failed(one, "job_ended", one.job.reason or "The job that was to make it has ended.")
        for one in ended.select_related("item", "job")
    )


def _over(revision: Revision, state: str, **said: object) -> bool:
    with transaction.atomic():
        item, revision = _locked(revision)
        if revision.state != Revision.State.ASKED:
            return False
        for name, value in said.items():
            setattr(revision, name, value)
        _end(revision, state)
        if item.state != Item.State.CLOSED:
            project(item)
        return True


def _locked(revision: Revision) -> tuple[Item, Revision]:
    """Items are locked first, as deciding does."""
    item = lock_item(revision.item)
    return item, Revision.objects.select_for_update(no_key=True).get(pk=revision.pk)


def _end(revision: Revision, state: str) -> None:
    revision.state, revision.ended_at = state, timezone.now()
    revision.save()
