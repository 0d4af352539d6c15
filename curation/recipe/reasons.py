"""Why a document, passage, seed or sample goes no further: every reason the studio knows, by name.

Rows store the key; screens, manifests and the command line show the title. A reason that is not in this
table cannot be stored (`check_reason`), so nothing is ever left out namelessly.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    title: str
    explanation: str
    by_threshold: bool = False  # recomputed when a knob changes


REASONS: dict[str, Reason] = {
    # A document, while its text is made
    "empty": Reason("No text", "Nothing readable was found in it."),
    "not_text": Reason("Not text", "Its bytes are not text of a kind the studio reads."),
    "damaged": Reason("Damaged", "Cut off or broken, so that nobody can tell what it held."),
    "encrypted": Reason("Encrypted", "It opens only with a password."),
    "scanned": Reason("Pictures of pages", "It holds pictures of its text, or drawings, and no text."),
    "unsafe": Reason("Unsafe", "Built like an attack: it swells, refers to itself or nests without end."),
    "too_large": Reason("Too large", "Larger than the limit on one document."),
    "extraction_failed": Reason("Extraction failed", "The extractor broke on it; the job names the error."),
    "extraction_timeout": Reason("Extraction timed out", "The extractor took longer than the time limit."),
    # A document, when it is judged
    "too_short": Reason("Too short", "Fewer characters than the project asks for.", by_threshold=True),
    "corrupted": Reason(
        "Corrupted", "Outlier in compression ratio or character statistics.", by_threshold=True
    ),
    "licence_not_accepted": Reason(
        "Licence not accepted",
        "Its licence is not among those that the project accepts; a manager may accept it, or take the source as it is.",
        by_threshold=True,
    ),
    "language": Reason("Other language", "Not one of the project's languages.", by_threshold=True),
    "exact_duplicate": Reason("Exact duplicate", "The same text, normalised, is already in the project."),
    "low_educational": Reason(
        "Low educational value", "Scored below the project's threshold for pages.", by_threshold=True
    ),
    "withdrawn": Reason("Withdrawn", "Its source was withdrawn, or its last occurrence removed."),
    "source_archived": Reason("Source archived", "Every source it was found in is archived."),
    # A passage
    "document_left_out": Reason("Document left out", "The document it stands in goes no further."),
    "near_duplicate": Reason(
        "Near duplicate", "Another passage of its cluster represents it.", by_threshold=True
    ),
    "low_scores": Reason(
        "Low scores",
        "Neither factual nor reasoning value reaches the project's threshold.",
        by_threshold=True,
    ),
    # A candidate, while it is generated
    "refused": Reason("Declined", "The model declined, or the server's content filter held the answer back."),
    "unusable_answer": Reason(
        "Unusable answer", "Empty, cut off, or without the fields asked for, three times in a row."
    ),
    "seed_too_long": Reason("Seed too long", "With its prompt it is longer than the model can read."),
    "prompt_failed": Reason("Prompt failed", "The prompt could not be rendered for this seed."),
    "request_refused": Reason("Request refused", "The server did not accept this request."),
    "nothing_to_teach": Reason(
        "Nothing to teach", "The model found too little in the seed that is worth writing about."
    ),
    "no_deduction": Reason(
        "No deduction", "No chain of reasoning of two steps or more was found in the seed."
    ),
    "too_little_written": Reason("Too little written", "What was written is too short to be a sample."),
    "not_grounded": Reason("Not grounded", "What it rests on does not stand in the seed."),
    "not_standalone": Reason(
        "Not understandable alone", "The task points at a text that its reader does not have."
    ),
    "wrong_answer": Reason("Wrong answer", "A second look found the answer wrong or its reasoning broken."),
    "copied": Reason("Copied", "Too much of it repeats the seed word for word."),
    "not_good_enough": Reason("Not good enough", "Its best revision stayed below the least score."),
    "broken_code": Reason("Broken code", "The code cannot be parsed, or none was written."),
    "low_fidelity": Reason(
        "Fidelity too low", "Code written from the instruction alone is too far from the original."
    ),
    "fidelity_unknown": Reason(
        "Fidelity unknown", "Nothing could measure how close the two pieces of code are."
    ),
    "no_middle": Reason("No middle", "No part of it can be rebuilt from the rest by reasoning."),
    "not_rebuilt": Reason("Not rebuilt", "No attempt came close enough to what was removed."),
    "nothing_revised": Reason("Nothing revised", "The model was asked for a revision and changed nothing."),
    "no_conversation": Reason("No conversation", "Too few usable turns came about."),
    # A sample, when its run decides whether to accept it
    "verdict_failed": Reason("Verification failed", "A verdict that the run requires says it is wrong."),
    "verdict_uncertain": Reason(
        "Not verified", "A verdict that the run requires could not be told, or was not made."
    ),
    "repeats_accepted": Reason(
        "Repeats another sample", "It says what a sample of the same run that came before it says already."
    ),
    "repeats_approved": Reason(
        "Repeats the approved set", "It says what a sample that was approved before the run says already."
    ),
    "beyond_target": Reason("Beyond the target", "It passed, and the run had as many as it wanted."),
    "not_asked": Reason("Not asked", "The budget did not cover it."),
    "failed": Reason("Failed", "The endpoint failed it by accident; the run's job names the error."),
    # A sample, before people see it
    "not_verified": Reason(
        "Waits for a verdict", "A verdict that the project requires is missing, or did not pass."
    ),
    # Anything that people judge
    "rejected": Reason("Rejected", "A person rejected it."),
    "disputed": Reason("Disputed", "Decisions differ; it waits for a reviewer."),
    "flagged": Reason("Flagged", "Somebody asked for a second look."),
    "revising": Reason("Being revised", "Somebody sent it back; another revision is being made."),
    "not_reviewed": Reason("Not reviewed", "Not enough decisions yet."),
    # An export
    "not_processed": Reason("Not processed yet", "Background work has not reached it."),
    "filtered": Reason("Filtered", "Outside the filters of this export."),
    "superseded": Reason("Superseded", "A better extraction of the same document replaced it."),
}


def check_reason(key: str) -> str:
    """Return `key` when the table knows it; raise KeyError naming it otherwise."""
    if key not in REASONS:
        raise KeyError(f"unknown reason {key!r}: add it to curation/recipe/reasons.py")
    return key


#: Why a person rejects something; the digit that is typed for it is its place in the tuple.
@dataclass(frozen=True, slots=True)
class RejectReason:
    """`fault` is its type where the recipe has one: comprehension, factual, logical or stylistic (Phi-4 report, appendix A.2)."""

    key: str
    title: str
    fault: str = ""


REJECT_REASONS: dict[str, tuple[RejectReason, ...]] = {
    "seeds": (
        RejectReason("boilerplate", "Boilerplate or navigation"),
        RejectReason("shallow", "Nothing to reason about"),
        RejectReason("wrong", "Wrong or misleading"),
        RejectReason("garbled", "Garbled text"),
        RejectReason("incomplete", "Not understandable alone"),
        RejectReason("unsafe", "Personal or unsafe content"),
        RejectReason("other", "Something else (say it in a note)"),
    ),
    "pages": (),
    "scores": (),
    "pairs": (
        RejectReason("figures", "Other figures, names or dates"),
        RejectReason("more", "One says more"),
        RejectReason("subject", "Same subject, another statement"),
        RejectReason("form", "Alike in form only"),
        RejectReason("other", "Something else (say it in a note)"),
    ),
    "samples": (
        RejectReason("wrong", "Wrong answer or fact", "factual"),
        RejectReason("ungrounded", "Not supported by its seed", "factual"),
        RejectReason("reasoning", "A step does not follow", "logical"),
        RejectReason("misread", "Misses what is asked", "comprehension"),
        RejectReason("unclear", "Unclear or badly written", "stylistic"),
        RejectReason("format", "Broken format or code", "stylistic"),
        RejectReason("trivial", "Too easy or trivial"),
        RejectReason("unsafe", "Personal or unsafe content"),
        RejectReason("other", "Something else (say it in a note)"),
    ),
}
