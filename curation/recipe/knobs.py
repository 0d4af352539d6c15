"""What a team tunes per project, with our defaults.

The Phi-4 report gives no thresholds (RECIPE: section 2 and 8), so every default here is ours, and the
settings page says so. A knob is a field of `Knobs` with its title, unit and range in `KNOBS`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Knob:
    title: str
    help: str
    minimum: float
    maximum: float
    unit: str = ""


#: What is done about personal data and secrets in texts (`Knobs.personal_data`).
UNHEEDED, FLAG, MASK = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Knobs:
    min_document_characters: int = 200
    cut_repeated_lines: int = 1
    personal_data: int = FLAG
    # With starter-1 these keep five of six pages of an ordinary mix of web pages (articles, shops, forums,
    # documentation) and a third of all their passages.
    min_educational: float = 2.3
    min_factual: float = 2.9
    min_reasoning: float = 2.4
    # Of 56 pairs at 0.92 and above on those pages, all but about four said the same; most of the doubtful ones lay below 0.93.
    near_duplicate_cosine: float = 0.92
    leave_out_near_duplicates: int = 1
    heed_licences: int = 0
    seeds_decisions: int = 1
    pages_decisions: int = 2
    scores_decisions: int = 2
    pairs_decisions: int = 1
    samples_decisions: int = 1
    # A project says what it trusts: nothing is required unless it does.
    require_code: int = 0
    require_maths: int = 0
    require_format: int = 0
    require_judge: int = 0
    leave_out_rejected: int = 1
    # A sample of ordinary length with its seed is read in 2,000 to 4,000 tokens; an answer that cannot be used is asked for twice more.
    revision_tokens: int = 30_000
    # Fewer are mostly noise on the fifth of them that is held out.
    min_labels: int = 50
    retrain_after_labels: int = 50


KNOBS: dict[str, Knob] = {
    "min_document_characters": Knob(
        "Shortest document", "Documents with less text are left out as too short.", 0, 100_000, "characters"
    ),
    "cut_repeated_lines": Knob(
        "Repeated lines are cut",
        "1: lines that a tenth of a source's documents share are cut from new texts. 0: they stay.",
        0,
        1,
    ),
    "personal_data": Knob(
        "Personal data and secrets",
        "1: mail addresses, telephone numbers, keys and the like are counted and shown. 2: they are masked too, by the next curation and for good. 0: nothing is shown.",
        0,
        2,
    ),
    "min_educational": Knob("Educational value of a page", "Pages that score lower are left out.", 0, 5),
    "min_factual": Knob(
        "Factual value of a passage",
        "A passage goes on when it reaches this or the reasoning threshold.",
        0,
        5,
    ),
    "min_reasoning": Knob(
        "Reasoning value of a passage",
        "A passage goes on when it reaches this or the factual threshold.",
        0,
        5,
    ),
    "near_duplicate_cosine": Knob(
        "Near-duplicate similarity",
        "Passages whose vectors are at least this close form a cluster.",
        0.7,
        1.0,
    ),
    "leave_out_near_duplicates": Knob(
        "Near duplicates are left out",
        "1: of each cluster only its representative goes on. 0: clusters are shown, and nothing is left out for them.",
        0,
        1,
    ),
    "heed_licences": Knob(
        "Only accepted licences go on",
        "1: documents under other licences wait for a manager. 0: licences are kept and shown, and nothing waits for them.",
        0,
        1,
    ),
    "seeds_decisions": Knob("Decisions per seed", "People who decide on each seed, blind.", 1, 9),
    "pages_decisions": Knob("Decisions per page", "People who rate each page, blind.", 1, 9),
    "scores_decisions": Knob("Decisions per score", "People who rate each passage, blind.", 1, 9),
    "pairs_decisions": Knob(
        "Decisions per pair", "People who judge each pair of near duplicates, blind.", 1, 9
    ),
    "samples_decisions": Knob("Decisions per sample", "People who decide on each sample, blind.", 1, 9),
    "require_code": Knob(
        "Code has to have passed",
        "1: a sample goes into a queue once its code passed its tests. 0: people see it without.",
        0,
        1,
    ),
    "require_maths": Knob(
        "The answer has to match",
        "1: a sample goes into a queue once its final answer was found equal to the one it carries. 0: people see it without.",
        0,
        1,
    ),
    "require_format": Knob(
        "Instructions have to be kept",
        "1: a sample goes into a queue once it was found to keep the instructions of form that it was given. 0: people see it without.",
        0,
        1,
    ),
    "require_judge": Knob(
        "A judge has to have passed it",
        "1: a sample goes into a queue once a language model judged it sound. 0: people see it without.",
        0,
        1,
    ),
    "leave_out_rejected": Knob(
        "Rejections hold for passages",
        "1: a passage that was rejected as a seed is no training row in its own right either. 0: it may be one.",
        0,
        1,
    ),
    "revision_tokens": Knob(
        "Tokens for a revision",
        "What a model may spend at most on one revision that somebody asks for by sending a sample back.",
        2_000,
        1_000_000,
        "tokens, read and written",
    ),
    "min_labels": Knob(
        "Labels for a first scorer",
        "Passages or pages that people settled on, before a scorer is trained from them.",
        10,
        100_000,
        "labels",
    ),
    "retrain_after_labels": Knob(
        "Labels for the next scorer",
        "So many new ones start a training by themselves. 0: only a manager does.",
        0,
        100_000,
        "labels",
    ),
}


def knobs_from(values: dict[str, Any]) -> Knobs:
    """Read stored values over the defaults. Raises ValueError naming the knob that is unknown or out of range."""
    known = {field.name: field.type for field in fields(Knobs)}
    merged = asdict(Knobs())
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"unknown knob {name!r}; the studio knows {', '.join(known)}")
        knob = KNOBS[name]
        try:
            number = int(value) if known[name] == "int" else float(value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{knob.title}: {value!r} is not a number") from error
        if not knob.minimum <= number <= knob.maximum:
            raise ValueError(f"{knob.title}: {number:g} is outside {knob.minimum:g} to {knob.maximum:g}")
        merged[name] = number
    return Knobs(**merged)


def differing(knobs: Knobs) -> dict[str, Any]:
    """What a project stores: the knobs that differ from our defaults. The others follow when we find better ones."""
    ours = asdict(Knobs())
    return {name: value for name, value in asdict(knobs).items() if value != ours[name]}
