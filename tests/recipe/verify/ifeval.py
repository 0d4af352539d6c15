"""IFEval's 25 instructions (Zhou et al. 2023) in our words: to show that all of them can be said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Said = tuple[str, dict[str, Any]]


def related(relation: str, number: int) -> dict[str, int]:
    return {"least": number} if relation == "at least" else {"most": number - 1}


def exactly(number: int) -> dict[str, int]:
    return {"least": number, "most": number}


IFEVAL: dict[str, Callable[[dict[str, Any]], Said]] = {
    "change_case:capital_word_frequency": lambda k: ("capital_words", related(k["capital_relation"], k["capital_frequency"])),
    "change_case:english_capital": lambda _: ("uppercase", {}),
    "change_case:english_lowercase": lambda _: ("lowercase", {}),
    "combination:repeat_prompt": lambda k: ("starts_with", {"phrase": k["prompt_to_repeat"]}),
    "combination:two_responses": lambda _: ("responses", {"count": 2, "separator": "******"}),
    "detectable_content:number_placeholders": lambda k: ("placeholders", {"least": k["num_placeholders"]}),
    "detectable_content:postscript": lambda k: ("postscript", {"marker": k["postscript_marker"]}),
    "detectable_format:constrained_response": lambda _: ("one_of", {"choices": ["My answer is yes.", "My answer is no.", "My answer is maybe."]}),
    "detectable_format:json_format": lambda _: ("json", {}),
    "detectable_format:multiple_sections": lambda k: ("sections", {"least": k["num_sections"], "marker": k["section_spliter"]}),
    "detectable_format:number_bullet_lists": lambda k: ("bullets", exactly(k["num_bullets"])),
    "detectable_format:number_highlighted_sections": lambda k: ("highlights", {"least": k["num_highlights"]}),
    "detectable_format:title": lambda _: ("title", {"least": 1}),
    "keywords:existence": lambda k: ("contains", {"words": k["keywords"]}),
    "keywords:forbidden_words": lambda k: ("avoids", {"words": k["forbidden_words"]}),
    "keywords:frequency": lambda k: ("frequency", {"word": k["keyword"], **related(k["relation"], k["frequency"])}),
    "keywords:letter_frequency": lambda k: ("letter_frequency", {"letter": k["letter"], **related(k["let_relation"], k["let_frequency"])}),
    "language:response_language": lambda k: ("language", {"code": k["language"]}),
    "length_constraints:nth_paragraph_first_word": lambda k: ("paragraph_starts", {"nth": k["nth_paragraph"], "word": k["first_word"]}),
    "length_constraints:number_paragraphs": lambda k: ("paragraphs", {"separator": "***", **exactly(k["num_paragraphs"])}),
    "length_constraints:number_sentences": lambda k: ("sentences", related(k["relation"], k["num_sentences"])),
    "length_constraints:number_words": lambda k: ("words", related(k["relation"], k["num_words"])),
    "punctuation:no_comma": lambda _: ("no_commas", {}),
    "startend:end_checker": lambda k: ("ends_with", {"phrase": k["end_phrase"]}),
    "startend:quotation": lambda _: ("quoted", {}),
}  # fmt: skip
