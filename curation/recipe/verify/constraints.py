"""Instructions that a machine can check, each with its evidence: length, form, keywords, case, beginning and end, JSON, language.

After Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models" (IFEval, arXiv 2311.07911), section 3, whose 25 instructions can all be said with these. Where
IFEval says "less than n", `most` is n - 1. A check is of form only: a text of twelve sentences need not be worth reading.

    verify("One. Two.", "sentences", {"least": 2}).verdict  # "held"
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from curation.recipe.text import language
from curation.recipe.text.normalise import safe_text
from curation.recipe.verify.schema import BadSchema, faults

Parameters = Mapping[str, Any]


class BadConstraint(ValueError):
    """A constraint that does not exist or has the wrong parameters, in words."""


@dataclass(frozen=True, slots=True)
class Checked:
    """`verdict`: a key of VERDICTS. `words`: the instruction. `evidence`: what was found in the text."""

    verdict: str
    words: str
    evidence: str


#: Verdict → title and explanation.
VERDICTS: dict[str, tuple[str, str]] = {
    "held": ("Held", "The text does what the instruction asks."),
    "broken": ("Broken", "The text does not do what the instruction asks."),
    "uncertain": ("Uncertain", "A machine cannot tell here whether it does."),
}

Found = tuple[bool | None, str]  # held, broken or (None) uncertain; the evidence


@dataclass(frozen=True, slots=True)
class Constraint:
    """`words` describes it, with parameters in braces. `parameters`: name → type; those in `optional` may be left out."""

    words: str
    check: Callable[[str, Parameters], Found]
    parameters: dict[str, type | tuple[type, ...]] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()


def verify(text: str, key: str, parameters: Parameters) -> Checked:
    """Check one constraint. Raises BadConstraint for one that cannot be checked, whatever the text."""
    constraint = CONSTRAINTS.get(key)
    if constraint is None:
        raise BadConstraint(f"No constraint is called {key!r}; there are {', '.join(CONSTRAINTS)}.")
    _check_parameters(key, constraint, parameters)
    try:
        held, evidence = constraint.check(text, parameters)
    except BadSchema as reason:
        raise BadConstraint(str(reason)) from reason
    verdict = "uncertain" if held is None else "held" if held else "broken"
    return Checked(verdict, _said(constraint, parameters), evidence[:500])


def _check_parameters(key: str, constraint: Constraint, parameters: Parameters) -> None:
    known = constraint.parameters
    if unknown := sorted(parameters.keys() - known.keys()):
        raise BadConstraint(f"{key} has no parameter {unknown[0]!r}; it has {', '.join(known) or 'none'}.")
    if missing := sorted(known.keys() - constraint.optional - parameters.keys()):
        raise BadConstraint(f"{key} needs {', '.join(missing)}.")
    for name, value in parameters.items():
        if not isinstance(value, known[name]) or isinstance(value, bool):
            raise BadConstraint(f"{key}: {name} cannot be {value!r}.")
        if isinstance(value, list) and not (value and all(isinstance(one, str) and one for one in value)):
            raise BadConstraint(f"{key}: {name} has to be a list of words, none of them empty.")
    if {"least", "most"} <= known.keys() and not {"least", "most"} & parameters.keys():
        raise BadConstraint(f"{key} needs least, most or both.")


def _said(constraint: Constraint, parameters: Parameters) -> str:
    shown = {name: _shown(value) for name, value in parameters.items()}
    return constraint.words.format_map({"bounds": _bounds(parameters), "separator": "blank lines", **shown})


def _shown(value: Any) -> str:
    return (
        ", ".join(value)
        if isinstance(value, list)
        else json.dumps(value)[:200]
        if isinstance(value, dict)
        else str(value)
    )


def _bounds(parameters: Parameters) -> str:
    least, most = parameters.get("least"), parameters.get("most")
    if least is not None and least == most:
        return f"exactly {least:,}"
    said = [f"at least {least:,}"] if least is not None else []
    return " and ".join([*said, f"at most {most:,}"] if most is not None else said)


# What is counted

_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+(?:['’][^\W_]+)*"
)
_SENTENCE_END = re.compile(r"(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bDr)(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bSt)[.!?…؟।]+[\"'”’»)\]*_]*(?=\s|$)|[。！？]+")  # fmt: skip
_BULLET = re.compile(r"^[ \t]*[*+•‣▪-][ \t]+\S.*$", re.M)
_NUMBERED = re.compile(r"^[ \t]*\d{1,3}[.)][ \t]+\S.*$", re.M)
_HEADING = re.compile(r"^#{1,6}\s+\S.*$", re.M)
_HIGHLIGHT = re.compile(r"\*\*[^\n*]+\*\*|(?<!\*)\*[^\s*][^\n*]*\*(?!\*)")
_PLACEHOLDER = re.compile(r"\[[^\[\]\n]+\]")
_TITLE = re.compile(r"<<[^\n<>]+>>")
_FENCED = re.compile(r"^\s*```[a-zA-Z]*\s*\n(.*?)\n?\s*```\s*$", re.S)
BOUNDS: dict[str, type | tuple[type, ...]] = {"least": int, "most": int}
_EITHER = frozenset({"least", "most"})


def _sentences(text: str, _: Parameters) -> int:
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    rest = text[ends[-1] :] if ends else text
    return len(ends) + bool(_WORD.search(rest))


def _paragraphs(text: str, parameters: Parameters) -> int:
    return len(_parts(text, parameters))


def _parts(text: str, parameters: Parameters) -> list[str]:
    separator = parameters.get("separator")
    parts = text.split(separator) if separator else re.split(r"\n[ \t]*\n", text)
    return [part.strip() for part in parts if part.strip()]


def _sections(text: str, parameters: Parameters) -> int:
    return len(re.findall(rf"^[#* \t]*{re.escape(parameters['marker'])}\s*\d+", text, re.M))


def _capital_words(text: str, _: Parameters) -> int:
    return sum(word.isupper() for word in _WORD.findall(text))


def _times(text: str, parameters: Parameters) -> int:
    return len(_whole_word(parameters["word"]).findall(text))


def _letter(text: str, parameters: Parameters) -> int:
    return text.lower().count(parameters["letter"].lower())


def _whole_word(word: str) -> re.Pattern[str]:
    left = r"(?<!\w)" if word[:1].isalnum() else ""
    right = r"(?!\w)" if word[-1:].isalnum() else ""
    return re.compile(left + re.escape(word) + right, re.I)


def _counted(
    noun: str, count: Callable[[str, Parameters], int], words: str = "", **more: type | tuple[type, ...]
) -> Constraint:
    def check(text: str, parameters: Parameters) -> Found:
        found = count(text, parameters)
        held = parameters.get("least", found) <= found <= parameters.get("most", found)
        return held, f"{found:,} {noun}"

    optional = _EITHER | {"separator"}
    return Constraint(words or f"{{bounds}} {noun}", check, {**more, **BOUNDS}, optional)


def _matches(pattern: re.Pattern[str]) -> Callable[[str, Parameters], int]:
    return lambda text, _: len(pattern.findall(text))


# What is there or not


def _contains(text: str, parameters: Parameters) -> Found:
    missing = [word for word in parameters["words"] if not _whole_word(word).search(text)]
    return not missing, f"missing: {', '.join(missing)}" if missing else "all are there"


def _avoids(text: str, parameters: Parameters) -> Found:
    found = [match[0] for word in parameters["words"] if (match := _whole_word(word).search(text))]
    return not found, f"found: {', '.join(found)}" if found else "none is there"


def _without(text: str, parameters: Parameters) -> Found:
    found = {one: text.count(one) for one in parameters["characters"] if one in text}
    return not found, ", ".join(f"{count:,} × {one}" for one, count in found.items()) or "none is there"


def _without_commas(text: str, _: Parameters) -> Found:
    return _without(text, {"characters": ",，、،"})


def _cased(test: Callable[[str], bool], wrong: Callable[[str], bool]) -> Callable[[str, Parameters], Found]:
    def check(text: str, _: Parameters) -> Found:
        if not any(one.isupper() or one.islower() for one in text):
            return None, "no letters that have a case"
        first = next((word for word in _WORD.findall(text) if any(map(wrong, word))), "")
        return test(text), f"first exception: {first}" if first else "every letter"

    return check


def _starts(text: str, parameters: Parameters) -> Found:
    begin = text.strip()[: len(parameters["phrase"]) + 20]
    return begin.casefold().startswith(parameters["phrase"].strip().casefold()), f"starts with {begin!r}"


def _ends(text: str, parameters: Parameters) -> Found:
    phrase, end = parameters["phrase"].strip(), text.strip().strip("\"”'*_").rstrip()
    held = end.casefold().endswith(phrase.strip("\"”'*_").casefold())
    return held, f"ends with {end[-len(phrase) - 20 :]!r}"


def _quoted(text: str, _: Parameters) -> Found:
    pairs = (('"', '"'), ("“", "”"), ("«", "»"), ("„", "“"), ("「", "」"))
    bare = text.strip()
    held = len(bare) > 1 and any(bare[0] == left and bare[-1] == right for left, right in pairs)
    return held, f"from {bare[:1]!r} to {bare[-1:]!r}"


def _one_of(text: str, parameters: Parameters) -> Found:
    found = [choice for choice in parameters["choices"] if choice.casefold() in text.casefold()]
    return bool(found), f"found: {', '.join(found)}" if found else "none of them"


def _nth_paragraph(text: str, parameters: Parameters) -> Found:
    parts, at = _parts(text, {}), parameters["nth"]
    if not 1 <= at <= len(parts):
        return False, f"{len(parts):,} paragraphs"
    first = next(iter(_WORD.findall(parts[at - 1])), "")
    return first.casefold() == parameters["word"].casefold(), f"paragraph {at} starts with {first!r}"


def _postscript(text: str, parameters: Parameters) -> Found:
    letters = r"\.?\s?".join(re.escape(one) for one in parameters["marker"] if one.isalnum())
    found = re.search(rf"^[ \t]*[*_]*{letters}\b.*", text, re.M | re.I)
    return bool(found), found[0].strip()[:80] if found else "no line starts with it"


def _responses(text: str, parameters: Parameters) -> Found:
    parts = _parts(text, parameters)
    distinct = len(set(parts))
    return len(parts) == distinct == parameters[
        "count"
    ], f"{len(parts):,} parts, {distinct:,} of them distinct"


def _json(text: str, parameters: Parameters) -> Found:
    inside = fenced[1] if (fenced := _FENCED.match(text)) else text
    try:
        value = json.loads(inside, parse_constant=_no_constant)
    except ValueError as error:
        return False, f"no JSON: {error}"
    except RecursionError:
        return False, "no JSON: nested too deeply"
    found = list(faults(value, parameters.get("schema", {})))
    return not found, "; ".join(found) or f"JSON, {type(value).__name__}"


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no value of JSON")


def _language(text: str, parameters: Parameters) -> Found:
    (found,) = language.identify([safe_text(text).text])
    if found.code == language.UNDETERMINED:
        return None, "too short or too mixed to tell"
    best = ", ".join(f"{code} {score:.2f}" for code, score in found.scores)
    return found.code == parameters["code"], f"{found.code} ({best})"


CONSTRAINTS: dict[str, Constraint] = {
    # Length
    "words": _counted("words", _matches(_WORD)),
    "sentences": _counted("sentences", _sentences),
    "characters": _counted("characters", lambda text, _: len(text.strip())),
    "paragraphs": _counted("paragraphs", _paragraphs, "{bounds} paragraphs, divided by {separator}", separator=str),
    "paragraph_starts": Constraint("Paragraph {nth} starts with the word “{word}”", _nth_paragraph, {"nth": int, "word": str}),
    # Form
    "bullets": _counted("bullet points", _matches(_BULLET)),
    "numbered": _counted("numbered points", _matches(_NUMBERED)),
    "headings": _counted("headings", _matches(_HEADING)),
    "sections": _counted("sections", _sections, "{bounds} sections, each with “{marker}” and its number", marker=str),
    "highlights": _counted("highlighted parts", _matches(_HIGHLIGHT)),
    "placeholders": _counted("placeholders in square brackets", _matches(_PLACEHOLDER)),
    "title": _counted("titles in double angular brackets", _matches(_TITLE)),
    "postscript": Constraint("a postscript that starts with {marker}", _postscript, {"marker": str}),
    "responses": Constraint("{count} different responses, divided by {separator}", _responses, {"count": int, "separator": str}),
    "json": Constraint("JSON and nothing else", _json),
    "json_schema": Constraint("JSON that follows {schema}", _json, {"schema": dict}),
    # Keywords
    "contains": Constraint("contains {words}", _contains, {"words": list}),
    "avoids": Constraint("does not contain {words}", _avoids, {"words": list}),
    "frequency": _counted("times", _times, "{bounds} times the word “{word}”", word=str),
    "letter_frequency": _counted("times", _letter, "{bounds} times the letter “{letter}”", letter=str),
    "one_of": Constraint("answers with one of: {choices}", _one_of, {"choices": list}),
    # Case and signs
    "lowercase": Constraint("no capital letters", _cased(lambda text: text == text.lower(), str.isupper)),
    "uppercase": Constraint("capital letters only", _cased(lambda text: text == text.upper(), str.islower)),
    "capital_words": _counted("words in capitals", _capital_words),
    "no_commas": Constraint("no commas", _without_commas),
    "without": Constraint("none of the characters {characters}", _without, {"characters": str}),
    # Beginning and end
    "starts_with": Constraint("starts with “{phrase}”", _starts, {"phrase": str}),
    "ends_with": Constraint("ends with “{phrase}”", _ends, {"phrase": str}),
    "quoted": Constraint("stands in quotation marks", _quoted),
    # Language
    "language": Constraint("written in {code}", _language, {"code": str}),
}  # fmt: skip
