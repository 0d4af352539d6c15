"""`cleaning`: precision and recall of what is found and judged, on cases of ours, and what cleaning costs.

ours = F1 of personal data and secrets over the cases of `tests/recipe/ingest/personal_cases.py` (a case is right when exactly its one kind is found,
a near miss when nothing is). Peer, on the same cases: the patterns of datatrove's PIIFormatter (mail addresses and public IPv4), which mask without telling kinds
apart; it is measured on the cases of these two kinds too. Corruption is judged as `assess` does it, over `corruption_cases.py`; beside it, the compression ratio
alone. Repair is measured on the cases of its test; beside it, ftfy's `fix_text` with its defaults.

Cost: processor time of mending and searching, and of cutting repeated lines, beside that of extraction and assessment, over pages of WCXB. Found on real pages: what is found in
the main text of those pages, to be looked at by hand.
"""

from __future__ import annotations

import gzip
import ipaddress
import json
import re
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from curation.recipe.ingest import extract
from curation.recipe.ingest.cleaning import lines
from curation.recipe.ingest.cleaning.find import counts, find
from curation.recipe.ingest.cleaning.repair import repair
from curation.recipe.scoring import signals
from curation.recipe.text import language
from tests.bench import data
from tests.recipe.ingest.personal_cases import NEGATIVES, POSITIVES
from tests.recipe.ingest.test_repair import BROKEN, MEANT
from tests.recipe.scoring.corruption_cases import CORRUPTED, SOUND

PAGES = 60

_MAIL = re.compile(
    r"\b[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?|\[(?:(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)\.){3}(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?|[A-Za-z0-9-]*[A-Za-z0-9]:)])"
)
_IP = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)\.){3}(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)")


def cleaning() -> dict[str, Any]:
    ours = _figures(
        [(counts(find(text)) == {kind: 1}) for kind, text in POSITIVES],
        [bool(find(text)) for text in NEGATIVES],
    )
    peer = _figures([_datatrove(text) for _, text in POSITIVES], [_datatrove(text) for text in NEGATIVES])
    two = [(kind, text) for kind, text in POSITIVES if kind in ("email", "ip_address")]
    return {
        "name": "cleaning",
        "ours": ours["f1"],
        "unit": "F1 of personal data and secrets",
        "peer": peer["f1"],
        "peer_name": "datatrove's PIIFormatter (mail and public IPv4)",
        "n": len(POSITIVES) + len(NEGATIVES),
        "details": {
            "personal_data": {
                **ours,
                "by_kind": _by_kind(),
                "datatrove": peer,
                "datatrove_recall_on_mail_and_ip": round(
                    sum(_datatrove(text) for _, text in two) / len(two), 3
                ),
                "ours_recall_on_mail_and_ip": round(
                    sum(kind in counts(find(text)) for kind, text in two) / len(two), 3
                ),
            },
            "corrupted": {
                **_figures(
                    [_corrupted(text) for _, text in CORRUPTED], [_corrupted(text) for _, text in SOUND]
                ),
                "missed": [name for name, text in CORRUPTED if not _corrupted(text)],
                "compression_alone": _figures(
                    [_by_compression(text) for _, text in CORRUPTED],
                    [_by_compression(text) for _, text in SOUND],
                ),
                "n": len(CORRUPTED) + len(SOUND),
            },
            "repair": {
                "mended": sum(repair(broken)[0] == whole for broken, whole in BROKEN),
                "left_alone": sum(repair(text)[0] == text for text in MEANT),
                "ftfy_mended": sum(_ftfy(broken) == whole for broken, whole in BROKEN),
                "ftfy_left_alone": sum(_ftfy(text) == text for text in MEANT),
                "of": [len(BROKEN), len(MEANT)],
            },
            "cost": _cost(),
            "found_on_real_pages": _on_pages(),
        },
    }


def _figures(found: Sequence[bool], wrongly: Sequence[bool]) -> dict[str, float]:
    true, false = sum(found), sum(wrongly)
    precision = true / (true + false) if true + false else 0.0
    recall = true / len(found)
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}


def _by_kind() -> dict[str, str]:
    whole = Counter(kind for kind, _ in POSITIVES)
    right = Counter(kind for kind, text in POSITIVES if counts(find(text)) == {kind: 1})
    return {kind: f"{right[kind]} of {whole[kind]}" for kind in whole}


def _datatrove(text: str) -> bool:
    if _MAIL.search(text):
        return True
    for one in _IP.findall(text):
        try:
            if ipaddress.ip_address(one).is_global:
                return True
        except ValueError:
            continue
    return False


def _corrupted(text: str) -> bool:
    said = language.identify([text])[0]
    return bool(signals.corruption(signals.measure(text), said.scores[0][1] if said.scores else 1.0))


def _by_compression(text: str) -> bool:
    ratio = signals.measure(text)["compression"]
    return ratio < signals.LEAST_COMPRESSION or ratio > signals.MOST_COMPRESSION


def _ftfy(text: str) -> str:
    import ftfy

    return ftfy.fix_text(text)


def _cost() -> dict[str, Any]:
    """Milliseconds of processor time per page, and by how much cleaning makes extraction and assessment longer."""
    with tarfile.open(data.folder("extraction/wcxb_dev") / "html.tar.xz") as archive:
        members = sorted((one for one in archive if one.isfile()), key=lambda one: one.name)[:PAGES]
        pages = [file.read() for member in members if (file := archive.extractfile(member))]
    run = extract.EXTRACTORS["text/html"].run
    run(pages[0], "")
    extracted, bare = _timed(lambda page: run(page, ""), pages)
    texts = [one["text"] for one in extracted if one["text"]]
    _, mended = _timed(lambda text: extract.cleaned({"text": text}), texts)
    _, assessed = _timed(lambda text: (signals.measure(text), language.identify([text])), texts)
    repeated, gathered = _timed(lines.gather, [texts])
    _, cut = _timed(lambda text: lines.cut(text, repeated[0]), texts)
    cleaned = mended + gathered + cut
    each = {"extracting": bare, "mending_and_searching": mended, "repeated_lines": gathered + cut, "assessing": assessed}  # fmt: skip
    return {
        **{name: round(took / len(pages) * 1000, 2) for name, took in each.items()},
        "longer_than_extracting": round(cleaned / bare, 3),
        "longer_than_extracting_and_assessing": round(cleaned / (bare + assessed), 3),
    }


def _timed(work: Callable[[Any], Any], items: Sequence[Any]) -> tuple[list[Any], float]:
    start = time.process_time()
    made = [work(item) for item in items]
    return made, time.process_time() - start


def _on_pages() -> dict[str, Any]:
    with gzip.open(data.folder("extraction/wcxb_dev") / "ground_truth.jsonl.gz", "rt", encoding="utf-8") as file:  # fmt: skip
        texts = [json.loads(line)["main_content"] for line in file]
    found = [find(text) for text in texts]
    kinds = Counter(span.kind for spans in found for span in spans)
    corrupted = sum(map(_corrupted, texts))
    return {"pages": len(texts), "with_any": sum(map(bool, found)), "kinds": kinds, "corrupted": corrupted}
