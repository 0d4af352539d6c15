"""Ways of colouring the map: which a person may choose, and the groups that the points fall into.

Every point belongs to one group, and every group has a name, a count and a link, so the legend is the picture in words. What this person has
yet to rate is "not shown": neither its score, nor a state that follows from one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.utils.http import urlencode

from curation import access
from curation.models import Project, ProjectMap, Rubric, Source, map_values
from curation.models.map_values import Value
from curation.recipe.reasons import REASONS
from curation.recipe.scoring import topics
from curation.web import listing
from curation.web.links import link
from curation.web.listing import Scored

#: Colours that people tell apart; what comes after the largest groups is one more group.
MOST = 8
#: Equal parts of a scale that scores are coloured by.
STEPS = 10
#: A point that is gone, in the answer with the points.
GONE = 255
HIDDEN, NOTHING, OTHERS = "hidden", "nothing", "others"
STATES = {
    "kept": "Kept, no seed",
    "seed_candidate": "Seed, not reviewed",
    "seed_approved": "Seed, approved",
    "seed_rejected": "Seed, rejected",
    "seed_withdrawn": "Seed, withdrawn",
}
#: Those that have a colour of their own whatever is there; the rest get what is left.
_STATE_COLOURS = {
    "kept": "c2",
    "seed_candidate": "c1",
    "seed_approved": "c3",
    "seed_rejected": "c4",
    "near_duplicate": "c6",
    "low_scores": "c8",
}


@dataclass(slots=True)
class Group:
    """`colour` is the name of a class in map.css; `url` leads to the list of such passages, "" where there is none."""

    key: str
    label: str
    colour: str
    count: int = 0
    url: str = ""


@dataclass(slots=True)
class Coloured:
    """The groups, and for each point of the map the number of its group, or GONE."""

    groups: list[Group]
    values: bytes
    note: str = ""

    @property
    def shown(self) -> int:
        return sum(group.count for group in self.groups)


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways of colouring that this person may choose: (key, label), and the rubrics behind `score:…`."""

    offered: list[tuple[str, str]]
    rubrics: dict[str, Scored] = field(default_factory=dict)

    def chosen(self, asked: str) -> str:
        """What was asked for, or the first. "" for one that is not offered."""
        return asked if asked in dict(self.offered) else "" if asked else self.offered[0][0]


def ways(request: HttpRequest, project: Project) -> Ways:
    """Scores are offered to those who may see them."""
    offered = [("topic", "Topic"), ("source", "Source"), ("state", "State"), ("language", "Language")]
    if not access.may(request, "see_scores"):
        return Ways(offered)
    rubrics = listing.choices(project).rubrics
    scores = [(f"score:{one.key}", f"{one.name}{' (page)' * (one.level == 'document')}") for one in rubrics]
    return Ways([*offered, *scores], {f"score:{one.key}": one for one in rubrics})


def coloured(request: HttpRequest, drawn: ProjectMap, by: str, rubric: Scored | None) -> Coloured:
    """The points of a map in groups."""
    if rubric is not None:
        return _by_score(request, drawn, rubric)
    return _TABLE[by](request, drawn)


# By what a point is


def _by_topic(request: HttpRequest, drawn: ProjectMap) -> Coloured:
    passages = link("passages:list", drawn.project)
    return _largest(
        map_values.of_column(drawn, "topic"),
        lambda key: (topics.NAMES.get(key, key), f"{passages}?{urlencode({'topic': key})}"),
        "No topic",
    )


def _by_language(request: HttpRequest, drawn: ProjectMap) -> Coloured:
    passages = link("passages:list", drawn.project)
    return _largest(
        map_values.of_column(drawn, "language"),
        lambda code: (code, f"{passages}?{urlencode({'language': code})}"),
        "No language",
    )


def _by_source(request: HttpRequest, drawn: ProjectMap) -> Coloured:
    passages = link("passages:list", drawn.project)
    known = Source.objects.filter(project=drawn.project).values_list("pk", "uuid", "name")
    named = {pk: (name, f"{passages}?{urlencode({'source': str(uuid)})}") for pk, uuid, name in known}
    found = _largest(
        map_values.of_column(drawn, "source"), lambda key: named.get(key, (str(key), "")), "No source"
    )
    found.note = "A page that was found in several sources counts with the first."
    return found


def _largest(values: Sequence[Value], said: Callable[[Any], tuple[str, str]], nothing: str) -> Coloured:
    """The largest groups by themselves, all others as one."""
    counts = Counter(one.value for one in values if one.passage is not None and one.value is not None)
    ranked = sorted(counts, key=lambda key: (-counts[key], str(key)))
    own = ranked if len(ranked) <= MOST else ranked[: MOST - 1]
    groups = [
        Group(str(key), label, f"c{number}", url=url)
        for number, key in enumerate(own, 1)
        for label, url in [said(key)]
    ]
    others = len(ranked) - len(own)
    rest = [Group(OTHERS, f"{others} others", f"c{MOST}")] if others else []
    place = {key: number for number, key in enumerate(own)}
    nowhere = len(groups) + len(rest)
    return _counted(
        [*groups, *rest, Group(NOTHING, nothing, "none")],
        [
            GONE
            if one.passage is None
            else nowhere
            if one.value is None
            else place.get(one.value, len(groups))
            for one in values
        ],
    )


# By where it stands


def _by_state(request: HttpRequest, drawn: ProjectMap) -> Coloured:
    values = map_values.of_column(drawn, "state")
    hidden = _hidden(request, drawn.project, "passage")
    there = Counter(one.value for one in values if one.passage is not None and one.passage not in hidden)
    keys = [key for key in (*STATES, *REASONS) if key in there]
    spare = iter(
        [f"c{number}" for number in range(1, MOST + 1) if f"c{number}" not in _STATE_COLOURS.values()]
    )
    groups = [
        Group(
            key,
            _state_label(key),
            _STATE_COLOURS.get(key) or next(spare, f"c{MOST}"),
            url=_state_url(drawn.project, key),
        )
        for key in keys
    ]
    place = {key: number for number, key in enumerate(keys)}
    return _counted(
        [*groups, _not_shown()],
        [
            GONE if one.passage is None else len(groups) if one.passage in hidden else place[one.value]
            for one in values
        ],
    )


def _state_label(key: str) -> str:
    return STATES[key] if key in STATES else f"Left out: {REASONS[key].title.lower()}"


def _state_url(project: Project, key: str) -> str:
    if key.startswith("seed_"):
        return f"{link('seeds:list', project)}?{urlencode({'state': key.removeprefix('seed_')})}"
    asked = {"state": "kept"} if key == "kept" else {"reason": key}
    return f"{link('passages:list', project)}?{urlencode(asked)}"


# By score


def _by_score(request: HttpRequest, drawn: ProjectMap, rubric: Scored) -> Coloured:
    """Parts of the scale from below, then what has no score."""
    values = map_values.of_scores(drawn, rubric.level, rubric.scorer)
    hidden = _hidden(request, drawn.project, rubric.level)
    step = Rubric.objects.values_list("highest", flat=True).get(scorers=rubric.scorer) / STEPS
    groups = [
        Group(
            str(at),
            f"{at * step:g} to {(at + 1) * step:g}",
            f"s{at + 1}",
            url=_score_url(drawn.project, rubric, at, step),
        )
        for at in range(STEPS)
    ]

    def group_of(one: Value) -> int:
        if one.passage is None:
            return GONE
        if (one.passage if rubric.level == "passage" else one.document) in hidden:
            return STEPS + 1
        return STEPS if one.value is None else min(STEPS - 1, int(one.value / step))

    made = [*groups, Group(NOTHING, "No score", "none"), _not_shown()]
    return _counted(made, [group_of(one) for one in values])


def _score_url(project: Project, rubric: Scored, at: int, step: float) -> str:
    listed = "documents:list" if rubric.level == "document" else "passages:list"
    asked = {"rubric": rubric.key, "least": f"{at * step:g}"}
    if at < STEPS - 1:
        asked["below"] = f"{(at + 1) * step:g}"
    return f"{link(listed, project)}?{urlencode(asked)}"


# What they share


def _hidden(request: HttpRequest, project: Project, level: str) -> set[int]:
    """Passages or pages of the project that this person has yet to rate."""
    waiting = access.measured_items(request.user).filter(queue__project=project)
    return {key for key in waiting.values_list(level, flat=True) if key}


def _not_shown() -> Group:
    return Group(HIDDEN, "Not shown before you rate it", "none")


def _counted(groups: list[Group], numbers: list[int]) -> Coloured:
    """Groups with their counts, without those that have no point."""
    counts = Counter(numbers)
    for number, group in enumerate(groups):
        group.count = counts[number]
    kept = [number for number, group in enumerate(groups) if group.count]
    places = bytearray([GONE] * 256)
    for place, number in enumerate(kept):
        places[number] = place
    return Coloured([groups[number] for number in kept], bytes(numbers).translate(bytes(places)))


_TABLE: dict[str, Callable[[HttpRequest, ProjectMap], Coloured]] = {
    "topic": _by_topic,
    "source": _by_source,
    "state": _by_state,
    "language": _by_language,
}
