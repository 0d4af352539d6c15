"""Whether two final answers are the same: equal, different, or uncertain, which is an outcome of its own.

Structure first (`answers`), exact fractions next, algebra last (`expressions`). In doubt it is uncertain: a false "equal" puts a wrong
solution into training data, and an uncertain one only asks a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

from curation.recipe.verify import answers, expressions
from curation.recipe.verify.answers import Group
from curation.recipe.verify.expressions import NotUnderstood

_INFINITE = {r"\infty": "+", r"+\infty": "+", r"-\infty": "-"}
#: Parts of a set or list beyond which not every order is tried.
_MOST_UNORDERED = 6


@dataclass(frozen=True, slots=True)
class Equality:
    """`verdict`: a key of EQUALITIES. `detail`: why, in words."""

    verdict: str
    detail: str = ""


#: Verdict → title and explanation.
EQUALITIES: dict[str, tuple[str, str]] = {
    "equal": ("Equal", "Both answers have the same value."),
    "different": ("Different", "The answers have different values."),
    "uncertain": ("Uncertain", "Whether they are the same cannot be told by machine."),
}


def compare(gold: str, answer: str, *, by_spelling: bool = True) -> Equality:
    """Compare two answers, each a whole text with its answer in \\boxed{…} or after ####, or an answer alone.

    Without `by_spelling` answers that are spelt alike have to be understood too: that measures how much is.
    """
    if not answer.strip() or not gold.strip():
        return Equality("uncertain", "One of the answers is empty.")
    try:
        left, right = (answers.tidy(answers.final(text)) for text in (gold, answer))
        same = _same(left, right) if by_spelling else _understood(left, right)
    except NotUnderstood as reason:
        return Equality("uncertain", f"{reason}."[:300])
    except RecursionError:
        return Equality("uncertain", "It is nested too deeply.")
    except Exception as error:  # sympy raises anything
        return Equality("uncertain", f"{type(error).__name__}: {error}"[:300])
    return Equality("equal" if same else "different")


def _same(left: str, right: str) -> bool:
    """Raises NotUnderstood where it cannot be told."""
    return left.replace(" ", "") == right.replace(" ", "") or _understood(left, right)


def _understood(left: str, right: str) -> bool:
    (left, one), (right, other) = answers.without_name(left), answers.without_name(right)
    if one and other and one != other:
        return False
    for rule in (_in_words, _in_a_base, _by_plus_minus, _by_union, _by_parts, _with_units):
        if (told := rule(left, right)) is not None:
            return told
    return _values(left, right)


def _in_words(left: str, right: str) -> bool | None:
    one, other = answers.words(left), answers.words(right)
    if one is None or other is None:
        return None
    if one == other:
        return True
    if len(one) == len(other) == 1 or {one, other} <= {"yes", "no", "true", "false"}:
        return False
    raise NotUnderstood("words that differ")


def _in_a_base(left: str, right: str) -> bool | None:
    one, other = answers.based(left), answers.based(right)
    if one is None and other is None:
        return None
    if one is None or other is None or one[1] != other[1]:
        raise NotUnderstood("numbers in different bases")
    return one[0].lstrip("0") == other[0].lstrip("0")


def _by_plus_minus(left: str, right: str) -> bool | None:
    if r"\pm" not in left + right:
        return None
    return _unordered(_both_signs(left), _both_signs(right), listed=True)


def _both_signs(text: str) -> tuple[str, ...]:
    group = answers.group(text)
    if r"\pm" not in text:
        return group.parts if group and group.opening in ("", r"\{") else (text,)
    if text.count(r"\pm") > 1 or group:
        raise NotUnderstood("several signs at once")
    minus = answers.tidy(text.replace(r"\pm", "-"))
    return answers.tidy(text.replace(r"\pm", "+").lstrip("+ ").removeprefix("+")).lstrip("+ "), minus


def _by_union(left: str, right: str) -> bool | None:
    if r"\cup" not in left + right:
        return None
    parts = [tuple(part.strip() for part in text.split(r"\cup")) for text in (left, right)]
    if len(parts[0]) != len(parts[1]):
        raise NotUnderstood("unions of different numbers of parts")
    return _unordered(parts[0], parts[1], listed=True)


def _by_parts(left: str, right: str) -> bool | None:
    one, other = answers.group(left), answers.group(right)
    if one is None and other is None:
        return None
    if one is None or other is None:
        raise NotUnderstood("one answer is a single value and the other has parts")
    if (one.opening, one.closing) != (other.opening, other.closing):
        return _unlike_brackets(one, other)
    if one.opening == r"\{":
        return _unordered(one.parts, other.parts, listed=False)
    if len(one.parts) != len(other.parts):
        return False
    if all(_same(a, b) for a, b in zip(one.parts, other.parts, strict=True)):
        return True
    if one.opening == "" and _unordered(one.parts, other.parts, listed=True):
        raise NotUnderstood("the same values in another order")
    return False


def _unlike_brackets(one: Group, other: Group) -> bool:
    if "" in (one.opening, other.opening):
        raise NotUnderstood("a list with and without brackets")
    return False


def _unordered(left: tuple[str, ...], right: tuple[str, ...], *, listed: bool) -> bool:
    """Whether the parts are the same in some order. A set may name a value twice; a list may not."""
    if len(left) != len(right):
        if listed:
            return False
        raise NotUnderstood("sets written with different numbers of elements")
    if len(left) > _MOST_UNORDERED:
        if sorted(left) == sorted(right):
            return True
        raise NotUnderstood("too many parts to try every order")
    table = [[_same(a, b) for b in right] for a in left]
    return any(all(table[at][to] for at, to in enumerate(order)) for order in permutations(range(len(right))))


def _with_units(left: str, right: str) -> bool | None:
    (left, one), (right, other) = answers.unit(left), answers.unit(right)
    if not one and not other:
        return None
    if one == other:
        return _values(left, right)
    if "%" in (one, other) and "" in (one, other):
        return _percent(left, right) if one == "%" else _percent(right, left)
    if one and other:
        raise NotUnderstood(f"units that differ: {one} and {other}")
    if _values(left, right):
        raise NotUnderstood(f"only one names a unit: {one or other}")
    if "degree" in (one, other):
        raise NotUnderstood("an angle with and without degrees")
    return False


def _percent(percentage: str, plain: str) -> bool:
    share, value = answers.number(percentage), answers.number(plain)
    if share is None or value is None:
        raise NotUnderstood("a percentage that is no plain number")
    if share == value:
        raise NotUnderstood("the same number with and without a percent sign")
    return share / 100 == value


def _values(left: str, right: str) -> bool:
    infinite = [_INFINITE.get(text.replace(" ", "")) for text in (left, right)]
    if any(infinite):
        return infinite[0] == infinite[1]
    one, other = answers.number(left), answers.number(right)
    if one is not None and other is not None:
        return one == other
    return expressions.equal(left, right)
