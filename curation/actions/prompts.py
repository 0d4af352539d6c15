"""Prompts as rows, so that every answer can say which version asked: ours, a project's own, and which of them is in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from curation.models import Activity, Project, Prompt, PromptVersion, User
from curation.recipe.generate.trial import faults
from curation.recipe.generate.workflows import WORKFLOWS
from curation.recipe.llm import wording as words
from curation.recipe.llm.prompts import Part, Template
from curation.recipe.verify import judge

#: Our prompts by their key, as they are worded now: in the workflows' order, then those of the judge.
OURS: Mapping[str, words.Prompt] = {
    one.key: one
    for one in (*(one for workflow in WORKFLOWS.values() for one in workflow.prompts), *judge.PROMPTS)
}


class PromptChanged(Exception):
    """The words of a version that is stored already differ: they need a number of their own."""


class PromptOutdated(Exception):
    """A version asks for answers of a form that the workflow no longer reads; the message says which and the way out."""


class PromptRefused(Exception):
    """Words that cannot be saved. `faults` says everything that is wrong with them, a sentence each."""

    def __init__(self, found: list[str]) -> None:
        self.faults = found
        super().__init__(" ".join(found))


def ensure_version(key: str, name: str, number: int, template: Template) -> PromptVersion:
    """The row of one of our prompts' versions, made when it is first used. Raises PromptChanged."""
    with transaction.atomic():
        prompt, _ = Prompt.objects.get_or_create(project=None, key=key, defaults={"name": name})
        version, _ = PromptVersion.objects.select_related("prompt").get_or_create(
            prompt=prompt, number=number, defaults=_said(template)
        )
    if version.sha256 != template.sha256:
        raise PromptChanged(
            f"Version {number} of the prompt {key} is stored with other words. Give the new ones number {number + 1}."
        )
    return version


def ours(key: str) -> PromptVersion:
    """The row of our prompt as it is worded now. Raises PromptChanged; KeyError for a key that is none of ours."""
    one = OURS[key]
    return ensure_version(one.key, one.title, one.version, one.template)


def in_force(project: Project, workflow: str) -> dict[str, PromptVersion]:
    """What each prompt of a workflow asks in this project: its key → the project's chosen version, or else ours.

    Raises PromptOutdated where the project's own can no longer be asked.
    """
    keys = [one.key for one in WORKFLOWS[workflow].prompts]
    chosen = chosen_of(project, keys)
    for version in chosen.values():
        check_form(version)
    return {key: chosen.get(key) or ours(key) for key in keys}


def chosen_of(project: Project, keys: Iterable[str]) -> dict[str, PromptVersion]:
    """The project's own versions that are in force, by key; prompts that ask in our words are left out."""
    found = PromptVersion.objects.filter(
        pk__in=Prompt.objects.filter(project=project, key__in=[*keys]).values("in_force")
    )
    return {one.prompt.key: one for one in found.select_related("prompt")}


def wording(versions: Iterable[PromptVersion]) -> tuple[words.Prompt, ...]:
    """Versions as a workflow's `Writer(wording=…)` takes them: our prompt of the same key in the version's words. Raises PromptOutdated."""
    return tuple(_worded(version) for version in versions)


def by_label(versions: Iterable[PromptVersion]) -> dict[str, int]:
    """{label: id}, so that a call can say which version asked. Raises PromptOutdated."""
    return {_worded(version).label: version.pk for version in versions}


def _worded(version: PromptVersion) -> words.Prompt:
    check_form(version)
    ours = OURS[version.prompt.key]
    return replace(
        ours,
        version=version.number,
        # A database keeps no order of fields, and a model answers in the order in which they are asked for.
        template=replace(version.template, schema=ours.template.schema),
        own=version.prompt.project_id is not None,
    )


def check_form(version: PromptVersion) -> None:
    """Whether a version's answers are of the form that its workflow reads. Raises PromptOutdated."""
    now = OURS.get(version.prompt.key)
    if now is None:
        raise PromptOutdated(f"{version}: no workflow asks this prompt any more. Choose the prompts again.")
    if version.schema != now.template.schema:
        raise PromptOutdated(
            f"{version} was written for answers of another form than {now.label} reads. "
            f"Save its words as a new version on the prompt's page, or use ours again."
        )


def save(
    project: Project,
    key: str,
    parts: Iterable[Part],
    *,
    by: User,
    parent: PromptVersion | None = None,
    note: str = "",
) -> PromptVersion:
    """The project's next version of a prompt, in force from now on. The form of its answer stays ours.

    Words that a version of the project has already are no new version: that one is put in force. Raises PromptRefused, whose faults are all
    that is wrong; KeyError for a key that is none of ours.
    """
    mine = OURS[key]
    template = Template(tuple(parts), mine.template.schema)
    if template.sha256 == mine.template.sha256:
        raise PromptRefused(["These are our words as they stand: nothing was changed."])
    if found := faults(mine, template):
        raise PromptRefused(found)
    with transaction.atomic():
        prompt, _ = Prompt.objects.get_or_create(project=project, key=key, defaults={"name": mine.title})
        prompt = Prompt.objects.select_for_update(of=("self",)).get(pk=prompt.pk)
        version = prompt.versions.filter(sha256=template.sha256).first()
        if version is None:
            last = prompt.versions.aggregate(last=Max("number"))["last"] or 0
            version = PromptVersion.objects.create(
                prompt=prompt, number=last + 1, created_by=by, parent=parent, note=note, **_said(template)
            )
        _choose(prompt, version, by)
    return version


def use(project: Project, key: str, version: PromptVersion | None, *, by: User) -> None:
    """Put one of the project's own versions in force, or (None) our words again. Raises PromptOutdated, PromptRefused."""
    if version is not None:
        if version.prompt.project_id != project.pk or version.prompt.key != key:
            raise PromptRefused(["It is a version of another prompt. Reload the page."])
        check_form(version)
    with transaction.atomic():
        prompt = Prompt.objects.select_for_update(of=("self",)).filter(project=project, key=key).first()
        if prompt is not None:
            _choose(prompt, version, by)


def _choose(prompt: Prompt, version: PromptVersion | None, by: User) -> None:
    if prompt.in_force_id == (version.pk if version else None):
        return
    Activity.objects.create(
        project=prompt.project,
        actor=by,
        verb="put a prompt in force",
        subject=version.label if version else f"ours of {prompt.key}",
    )
    prompt.in_force, prompt.chosen_by, prompt.chosen_at = version, by, timezone.now()
    prompt.save(update_fields=["in_force", "chosen_by", "chosen_at"])


def _said(template: Template) -> dict[str, Any]:
    return {
        "parts": [{"role": one.role, "template": one.template} for one in template.parts],
        "schema": template.schema,
        "sha256": template.sha256,
    }
