"""What is left to chance: drawn from the run's seed, the seed's identity and the candidate's number, so it is the same whenever it is drawn again.

The Phi-4 report asks for diversity of topics and of skills, and does not say how; the tables here are ours.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping

from curation.recipe.chain import LIMITS
from curation.recipe.generate.records import Seed

AUDIENCES = (
    "a curious pupil of fifteen who wants to know why",
    "a first-year student who has seen the terms but not used them",
    "an advanced student who is about to be examined",
    "a practitioner who needs it at work tomorrow and has no time for generalities",
    "an experienced colleague of a neighbouring field",
    "a teacher who is preparing a lesson and expects awkward questions",
)
SKILLS = (
    "applying a rule to a new case",
    "finding the error in a plausible argument",
    "comparing two alternatives and saying when each is better",
    "explaining a cause and its effect",
    "working out a quantity",
    "predicting what changes when one condition changes",
    "telling apart two things that are often confused",
    "finding the case in which a general statement fails",
    "putting steps into their order and saying why",
    "drawing a conclusion from incomplete information and saying how sure it is",
)
#: How hard: its name, and what it asks for.
DIFFICULTIES = {
    "easy": "one or two steps of reasoning; no prior knowledge beyond school",
    "medium": "three or four steps of reasoning that build on each other",
    "hard": "five or more steps, with a condition that is easily overlooked",
}

#: What a run may fix instead of leaving it to chance; `LONGEST_AIM` characters at most, which is what a sample has room for.
AIMS = ("audience", "skill", "difficulty")
LONGEST_AIM = LIMITS["skill"]


class AimError(ValueError):
    """An aim that cannot be kept; the message says which and what there is."""


def check_aim(aim: Mapping[str, str]) -> None:
    """Raises AimError."""
    if unknown := sorted(aim.keys() - set(AIMS)):
        raise AimError(f"Nothing called {unknown[0]} can be aimed at; there are {', '.join(AIMS)}.")
    for name, wanted in aim.items():
        if not wanted.strip() or len(wanted) > LONGEST_AIM:
            raise AimError(f"An aim has 1 to {LONGEST_AIM} characters; the {name} has {len(wanted.strip())}.")
    if aim.get("difficulty", "easy") not in DIFFICULTIES:
        raise AimError(f"There is no difficulty {aim['difficulty']}; there are {', '.join(DIFFICULTIES)}.")


def drawer(seed: int, record: Seed, what: str) -> random.Random:
    """A source of chance for one purpose: other purposes drawing more or less does not change what it gives."""
    said = f"{seed}\n{record.identity}\n{record.candidate}\n{what}"
    return random.Random(hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest())  # noqa: S311  no secret


def setting(seed: int, record: Seed, what: str, aim: Mapping[str, str]) -> dict[str, str]:
    """For whom, which skill, how hard. What is aimed at is not drawn; the rest is what it would be without an aim."""
    draw = drawer(seed, record, what)
    return {
        "audience": draw.choice(AUDIENCES),
        "skill": draw.choice(SKILLS),
        "difficulty": draw.choice(tuple(DIFFICULTIES)),
        **aim,
    }
