"""A sample with the chain that made it: its nouns, and the one JSON form it has everywhere.

The form is written down in docs/sample-schema.md and used by import, export and the API alike. `parse` is strict
about what it knows (a wrong type or an unknown role is an error that names the field) and careful with what it
does not know: a field that the schema does not have is kept in the `meta` of the object it stood on, so nothing
is lost on the way in. `as_row(parse(row)) == row` for every row that `as_row` wrote.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from curation.recipe.text.normalise import safe_text, text_hash

ROLES = ("system", "user", "assistant", "tool")
STEP_KINDS = ("prompt", "draft", "critique", "revision")
VERDICT_KINDS = ("judge", "code", "maths", "format")
OUTCOMES = ("passed", "failed", "uncertain")

#: Longest short field of each name, in characters: what the database's columns hold.
LIMITS = {
    "id": 200,
    "workflow": 60,
    "model": 120,
    "language": 8,
    "licence": 80,
    "license": 80,
    "topics": 80,
    "skill": 80,
    "difficulty": 40,
    "name": 120,
    "prompt_version": 80,
    "judge": 120,
    "address": 2_000,
}
#: Deepest nesting that is read; deeper JSON is an attack or an accident, and recursion would not survive it.
DEPTH_LIMIT = 64

#: Largest score that is read: beyond it a number is no score, and would not survive as a double.
SCORE_LIMIT = 1e15

LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
#: Key in `meta` that says what was taken out of a row so that PostgreSQL can hold it.
MADE_SAFE = "made_safe"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    content: str
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeedReference:
    """What the sample was generated from: a place in a document, or the text itself."""

    address: str = ""
    quote: str = ""
    text: str = ""
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChainStep:
    """One call or edit on the way to the sample."""

    kind: str
    name: str = ""
    prompt: str = ""
    prompt_version: str = ""
    model: str = ""
    output: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """What a machine concluded of the sample."""

    kind: str
    outcome: str
    judge: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    evidence: str = ""
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chain:
    """One training example and how it came to be. Exactly one of `messages` and `text` is filled."""

    id: str = ""
    messages: tuple[Message, ...] = ()
    text: str = ""
    seed: SeedReference | None = None
    workflow: str = ""
    model: str = ""
    language: str = ""
    licence: str = ""
    topics: tuple[str, ...] = ()
    skill: str = ""
    difficulty: str = ""
    steps: tuple[ChainStep, ...] = ()
    verdicts: tuple[ChainVerdict, ...] = ()
    lineage: dict[str, Any] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)


class ChainError(ValueError):
    """A row that is no sample. `problems` says everything that is wrong with it, a sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(self.problems))

    def at(self, row: int, name: str) -> str:
        """The message with its place: "Row 12 of samples.jsonl: `text` is empty."."""
        return f"Row {row:,} of {name}: {self}"


# Reading ------------------------------------------------------------------------------------------------------


def parse(row: Any) -> Chain:
    """Read one decoded JSON row. Raises ChainError naming every field that is wrong and the way out."""
    problems: list[str] = []
    if not isinstance(row, Mapping):
        raise ChainError([f"A sample is a JSON object, and this is {_kind_of(row)}."])
    if _too_deep(row):
        raise ChainError([f"It is nested more than {DEPTH_LIMIT} levels deep."])
    notes: Counter[str] = Counter()
    chain = _chain(_Reader(_storable(row, notes), "", problems))
    if problems:
        raise ChainError(problems)
    return replace(chain, meta=chain.meta | {MADE_SAFE: dict(notes)}) if notes else chain


def looks_like_chain(row: Any) -> bool:
    """Whether a row of a table means to be a sample with its chain, rather than a document with a `text`."""
    return isinstance(row, Mapping) and bool({"messages", "steps", "verdicts"} & row.keys())


def _chain(read: _Reader) -> Chain:
    chain = Chain(
        id=read.name("id", numbers=True),
        messages=read.objects("messages", _message),
        text=read.text("text").strip() and read.text("text"),
        seed=read.object("seed", _seed),
        workflow=read.name("workflow"),
        model=read.name("model"),
        language=read.language("language"),
        licence=read.licence(),
        topics=read.names("topics"),
        skill=read.name("skill"),
        difficulty=read.name("difficulty", numbers=True),
        steps=read.objects("steps", _step),
        verdicts=read.objects("verdicts", _verdict),
        lineage=read.mapping("lineage"),
        meta=read.rest(),
    )
    _check_content(chain, read)
    return chain


def _check_content(chain: Chain, read: _Reader) -> None:
    has_messages, has_text = bool(read.value("messages")), bool(chain.text.strip())
    if has_messages and has_text:
        read.wrong("It has both `messages` and `text`; keep the one that is trained on.")
    elif not has_messages and not has_text and not read.problems:
        read.wrong("It has neither `messages` nor `text`; a sample needs one of them.")
    elif chain.messages and not read.problems and all(said.role != "assistant" for said in chain.messages):
        read.wrong("`messages` has no assistant message; there is nothing to learn from it.")


def _message(read: _Reader) -> Message:
    return Message(
        role=read.choice("role", ROLES), content=read.text("content", required=True), meta=read.rest()
    )


def _seed(read: _Reader) -> SeedReference:
    seed = SeedReference(
        address=read.name("address"),
        quote=read.text("quote"),
        text=read.text("text"),
        meta=read.rest(),
    )
    if not (seed.address or seed.quote.strip() or seed.text.strip() or read.problems):
        read.wrong(f"`{read.path}` needs an `address` (and a `quote`), or a `text`.")
    return seed


def _step(read: _Reader) -> ChainStep:
    step = ChainStep(
        kind=read.choice("kind", STEP_KINDS),
        name=read.name("name"),
        prompt=read.text("prompt"),
        prompt_version=read.name("prompt_version", numbers=True),
        model=read.name("model"),
        output=read.text("output"),
        scores=read.scores("scores"),
        meta=read.rest(),
    )
    if not (step.prompt or step.output or step.scores or read.problems):
        read.wrong(f"`{read.path}` has no `prompt`, `output` or `scores`; it says nothing.")
    return step


def _verdict(read: _Reader) -> ChainVerdict:
    return ChainVerdict(
        judge=read.name("judge"),
        kind=read.choice("kind", VERDICT_KINDS),
        outcome=read.choice("outcome", OUTCOMES),
        scores=read.scores("scores"),
        evidence=read.text("evidence"),
        meta=read.rest(),
    )


class _Reader:
    """Takes the fields of one JSON object by name, writes down what is wrong, and knows what was left."""

    def __init__(self, row: Mapping[str, Any], path: str, problems: list[str]) -> None:
        self.row, self.path, self.problems = row, path, problems
        self.taken: set[str] = set()

    def wrong(self, problem: str) -> None:
        self.problems.append(problem)

    def place(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def value(self, key: str) -> Any:
        self.taken.add(key)
        return self.row.get(key)

    def text(self, key: str, required: bool = False) -> str:
        value = self.value(key)
        if isinstance(value, str) and (value.strip() or not required):
            return value
        if value is None and not required:
            return ""
        state = "empty" if isinstance(value, str) else "missing" if key not in self.row else _kind_of(value)
        self.wrong(f"`{self.place(key)}` is {state}; it must be a string{' with text' if required else ''}.")
        return ""

    def name(self, key: str, numbers: bool = False) -> str:
        value = self.value(key)
        if numbers and isinstance(value, int | float) and not isinstance(value, bool):
            value = json.dumps(value)
        return self._short(value, self.place(key), LIMITS[key])

    def _short(self, value: Any, place: str, limit: int) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            self.wrong(f"`{place}` is {_kind_of(value)}; it must be a string.")
            return ""
        if len(value) > limit:
            self.wrong(f"`{place}` is {len(value):,} characters long; at most {limit:,} are kept.")
        return value

    def names(self, key: str) -> tuple[str, ...]:
        value = self._list(key, "strings")
        return tuple(
            self._short(entry, f"{self.place(key)}[{n}]", LIMITS[key]) for n, entry in enumerate(value)
        )

    def choice(self, key: str, choices: Sequence[str]) -> str:
        value = self.value(key)
        if isinstance(value, str) and value in choices:
            return value
        state = "missing" if key not in self.row else _shown(value)
        self.wrong(f"`{self.place(key)}` is {state}; use {_alternatives(choices)}.")
        return ""

    def language(self, key: str) -> str:
        value = self.name(key)
        if value and not LANGUAGE.fullmatch(value):
            self.wrong(f"`{self.place(key)}` is {_shown(value)}; use a code such as en, zh or pt-BR.")
        return value

    def licence(self) -> str:
        """The licence, under either spelling."""
        british, american = self.name("licence"), self.name("license")
        if british and american and british != american:
            self.wrong(
                f"`licence` is {_shown(british)} and `license` is {_shown(american)}; keep one of them."
            )
        return british or american

    def scores(self, key: str) -> dict[str, float]:
        scores = self.mapping(key)
        for name, score in scores.items():
            if isinstance(score, bool) or not isinstance(score, int | float) or abs(score) > SCORE_LIMIT:
                self.wrong(f"`{self.place(key)}.{name}` is {_shown(score)}; a score is a number.")
        return scores

    def mapping(self, key: str) -> dict[str, Any]:
        value = self.value(key)
        if value is None:
            return {}
        if isinstance(value, Mapping):
            return dict(value)
        self.wrong(f"`{self.place(key)}` is {_kind_of(value)}; it must be an object.")
        return {}

    def object(self, key: str, build: Callable[[_Reader], T]) -> T | None:
        value = self.value(key)
        return None if value is None else self._built(value, self.place(key), build)

    def objects(self, key: str, build: Callable[[_Reader], T]) -> tuple[T, ...]:
        built = (
            self._built(entry, f"{self.place(key)}[{n}]", build)
            for n, entry in enumerate(self._list(key, "objects"))
        )
        return tuple(entry for entry in built if entry is not None)

    def _built(self, value: Any, place: str, build: Callable[[_Reader], T]) -> T | None:
        if not isinstance(value, Mapping):
            self.wrong(f"`{place}` is {_kind_of(value)}; it must be an object.")
            return None
        inner = _Reader(value, place, [])
        built = build(inner)
        self.problems.extend(inner.problems)
        return built

    def _list(self, key: str, of: str) -> Sequence[Any]:
        value = self.value(key)
        if value is None or isinstance(value, list):
            return value or []
        self.wrong(f"`{self.place(key)}` is {_kind_of(value)}; it must be a list of {of}.")
        return []

    def rest(self) -> dict[str, Any]:
        """`meta` and every field that nobody took. Must be called last."""
        meta = self.mapping("meta")
        for key, value in self.row.items():
            if key in self.taken:
                continue
            if key in meta and meta[key] != value:
                self.wrong(f"`{self.place(key)}` also stands in `meta` with another value; keep one of them.")
            meta[key] = value
        return meta


def _kind_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names: list[tuple[type | tuple[type, ...], str]] = [
        (str, "a string"),
        ((int, float), "a number"),
        (list, "a list"),
        (Mapping, "an object"),
    ]
    return next((name for kind, name in names if isinstance(value, kind)), type(value).__name__)


def _shown(value: Any) -> str:
    """A value as an error shows it: short, and never a whole text."""
    if isinstance(value, str):
        return json.dumps(value if len(value) <= 40 else value[:40] + "…", ensure_ascii=False)
    return json.dumps(value) if isinstance(value, int | float | bool) else _kind_of(value)


def _alternatives(choices: Sequence[str]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}"


def _too_deep(value: Any) -> bool:
    level: list[Any] = [value]
    for _ in range(DEPTH_LIMIT):
        level = [child for entry in level for child in _children(entry)]
        if not level:
            return False
    return True


def _children(value: Any) -> Iterable[Any]:
    nested = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [child for child in nested if isinstance(child, Mapping | list)]


def _storable(value: Any, notes: Counter[str]) -> Any:
    """The same value without what PostgreSQL cannot hold; `notes` counts what was changed."""
    if isinstance(value, str):
        safe = safe_text(value)
        notes.update(safe.notes)
        return safe.text
    if isinstance(value, float) and not math.isfinite(value):
        raise ChainError(["It holds NaN or Infinity, which JSON does not have; write null, or leave it out."])
    if isinstance(value, Mapping):
        return {_storable(str(key), notes): _storable(entry, notes) for key, entry in value.items()}
    if isinstance(value, list):
        return [_storable(entry, notes) for entry in value]
    return value


# Writing ------------------------------------------------------------------------------------------------------


def as_row(chain: Chain) -> dict[str, Any]:
    """The chain as a JSON object: every field of the schema, in its order; null where nothing is known."""
    return {
        "id": chain.id or None,
        "messages": messages_row(chain) or None,
        "text": chain.text or None,
        "seed": seed_row(chain.seed) if chain.seed else None,
        "workflow": chain.workflow or None,
        "model": chain.model or None,
        "language": chain.language or None,
        "licence": chain.licence or None,
        "topics": list(chain.topics),
        "skill": chain.skill or None,
        "difficulty": chain.difficulty or None,
        "steps": [_step_row(step) for step in chain.steps],
        "verdicts": [_verdict_row(verdict) for verdict in chain.verdicts],
        "lineage": chain.lineage or None,
        "meta": chain.meta,
    }


def messages_row(chain: Chain) -> list[dict[str, Any]]:
    return [_with_meta({"role": said.role, "content": said.content}, said.meta) for said in chain.messages]


def seed_row(seed: SeedReference) -> dict[str, Any]:
    row = {"address": seed.address or None, "quote": seed.quote or None, "text": seed.text or None}
    return _with_meta(row, seed.meta)


def _step_row(step: ChainStep) -> dict[str, Any]:
    row = {
        "kind": step.kind,
        "name": step.name or None,
        "prompt": step.prompt or None,
        "prompt_version": step.prompt_version or None,
        "model": step.model or None,
        "output": step.output or None,
        "scores": step.scores,
    }
    return _with_meta(row, step.meta)


def _verdict_row(verdict: ChainVerdict) -> dict[str, Any]:
    row = {
        "judge": verdict.judge or None,
        "kind": verdict.kind,
        "outcome": verdict.outcome,
        "scores": verdict.scores,
        "evidence": verdict.evidence or None,
    }
    return _with_meta(row, verdict.meta)


def _with_meta(row: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    return row | {"meta": meta} if meta else row


# Identity -----------------------------------------------------------------------------------------------------


def rendered(chain: Chain) -> str:
    """The sample as plain text, for reading, searching and embedding: the text, or the turns with a blank line between."""
    return chain.text or "\n\n".join(said.content for said in chain.messages)


def identity(chain: Chain) -> str:
    """What makes a sample the same one within its source: its id, else a hash over its text or its turns.

    Who made it and what was thought of it do not change it.
    """
    if chain.id:
        return chain.id
    turns = [[said.role, said.content] for said in chain.messages]
    content = json.dumps(turns, ensure_ascii=False, separators=(",", ":")) if turns else chain.text
    return f"sha256:{text_hash(content)}"
