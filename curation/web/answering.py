"""How the form of a review card is read: what was typed, and what a person concluded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import QueryDict

from curation.actions.review import Answer, NotAsked
from curation.models import Decision

if TYPE_CHECKING:
    from curation.web.cards import Shown


def plain(text: str) -> str:
    """With the line ends that a browser's form would send back as LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def typed_in(form: QueryDict) -> dict[str, Any]:
    """What a person has typed or chosen, as drafts keep it: texts, note, ratings."""
    typed: dict[str, Any] = {
        name: plain(str(form[name]))
        for name in form
        if name in ("text", "note") or name.startswith("message-")
    }
    ratings = {
        name.removeprefix("rating-"): int(str(form[name]))
        for name in form
        if name.startswith("rating-") and str(form[name]).isdigit()
    }
    return typed | ({"ratings": ratings} if ratings else {})


def typed_of(decision: Decision) -> dict[str, Any]:
    """The same of a decision: an undone one is shown as it was entered."""
    typed: dict[str, Any] = {"note": decision.note}
    if decision.ratings:
        typed["ratings"] = decision.ratings
    version = decision.text_version
    if version is None:
        return typed
    if version.messages:
        return typed | {f"message-{at}": said["content"] for at, said in enumerate(version.messages)}
    return typed | {"text": version.text}


def answer_of(shown: Shown, form: QueryDict) -> Answer:
    """The form as an answer. An edit is one only where it changes the text that was on screen; with another revision chosen, none is.

    Raises NotAsked when the seconds or ratings are no numbers.
    """
    verdict, _, reason = form.get("action", "").partition(":")
    typed = typed_in(form)
    revision = str(form.get("revision", "")) if verdict == "accept" else ""
    edits = verdict == "accept" and not revision
    edited = [one for one in shown.with_typed(typed).fields if one.is_edited] if edits else []
    messages = None
    if edited and edited[0].role:
        messages = [{"role": one.role, "content": one.value} for one in shown.with_typed(typed).fields]
    return Answer(
        verdict=verdict,
        reason=reason or form.get("reason", ""),
        ratings=typed.get("ratings", {}) if verdict == "rate" else {},
        note=str(typed.get("note", "")).strip(),
        text=edited[0].value if edited and messages is None else None,
        messages=messages,
        revision=revision,
        seconds=seconds_in(form),
    )


def seconds_in(form: QueryDict) -> float | None:
    """Seconds of attention as the page measured them; None without script. Raises NotAsked."""
    if not form.get("seconds"):
        return None
    try:
        return float(str(form["seconds"]))
    except ValueError:
        raise NotAsked("The seconds of attention are not a number.") from None
