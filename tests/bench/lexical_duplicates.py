"""Benchmark `lexical_duplicates`: planted edits found by rate, against datasketch and rensa used plainly.

Of real passages, some get a partner in which 1, 5, 10 or 20% of the words are replaced by other words, left out or doubled.
All three use 112 hashes as 14 bands of 8 rows of 5-word shingles; a candidate counts when its true Jaccard reaches .8 for the pair to be
a lexical duplicate, and as found in any case. Ours = the share found of planted pairs whose true Jaccard is .8 or more.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from tests.bench.passages import real_passages

PASSAGES = 8_000
PLANTED = 500  # per rate
RATES = (0.01, 0.05, 0.10, 0.20)

Pairs = set[tuple[int, int]]


def lexical_duplicates() -> dict[str, Any]:
    from curation.recipe.dedup import minhash

    texts = real_passages(PASSAGES)
    texts, planted = _with_edits(texts)
    sets = [minhash.shingles(text) for text in texts]
    true = {
        pair: minhash.jaccard(sets[pair[0]], sets[pair[1]]) for pairs in planted.values() for pair in pairs
    }
    alike = {pair for pair, jaccard in true.items() if jaccard >= minhash.JACCARD}

    runs: dict[str, dict[str, Any]] = {}
    for name, find in (("ours", _ours), ("datasketch", _datasketch), ("rensa", _rensa)):
        started = time.perf_counter()
        try:
            candidates, verified = find(texts)
        except ImportError as error:
            runs[name] = {"skipped": str(error)}
            continue
        runs[name] = {
            "seconds": round(time.perf_counter() - started, 2),
            "recall": round(len(candidates & alike) / len(alike), 4),
            "found_by_rate": {
                f"{rate:.0%}": round(len(candidates & pairs) / len(pairs), 3)
                for rate, pairs in planted.items()
            },
            "candidates": len(candidates),
            "precision": round(len(verified) / max(1, len(candidates)), 3),
        }
    return {
        "name": "lexical_duplicates",
        "ours": runs["ours"]["recall"],
        "unit": "recall of planted pairs with true Jaccard of .8 and more",
        "peer": runs["datasketch"].get("recall"),
        "peer_name": "datasketch MinHashLSH, 14 bands of 8",
        "n": len(texts),
        "details": {
            "planted": {f"{rate:.0%}": len(pairs) for rate, pairs in planted.items()},
            "alike": len(alike),
            "mean_jaccard": {
                f"{rate:.0%}": round(sum(true[pair] for pair in pairs) / len(pairs), 3)
                for rate, pairs in planted.items()
            },
            "runs": runs,
        },
    }


def _with_edits(texts: list[str]) -> tuple[list[str], dict[float, Pairs]]:
    drawn = random.Random(1)
    words = [word for text in texts[:200] for word in text.split()]
    all_texts, planted = list(texts), {}
    for number, rate in enumerate(RATES):
        planted[rate] = set()
        for at in range(number * PLANTED, (number + 1) * PLANTED):
            planted[rate].add((at, len(all_texts)))
            all_texts.append(_edited(texts[at], rate, words, drawn))
    return all_texts, planted


def _edited(text: str, rate: float, words: list[str], drawn: random.Random) -> str:
    own = text.split()
    for at in drawn.sample(range(len(own)), max(1, round(rate * len(own)))):
        own[at] = drawn.choice((drawn.choice(words), "", f"{own[at]} {own[at]}"))
    return " ".join(filter(None, own))


def _ours(texts: list[str]) -> tuple[Pairs, Pairs]:
    from curation.recipe.dedup import minhash

    sets = [minhash.shingles(text) for text in texts]
    candidates = set(minhash.candidates([minhash.bands(one) for one in sets]))
    return candidates, {
        pair for pair in candidates if minhash.jaccard(sets[pair[0]], sets[pair[1]]) >= minhash.JACCARD
    }


def _shingles(text: str) -> set[str]:
    words = text.casefold().split()
    return {" ".join(words[at : at + 5]) for at in range(max(1, len(words) - 4))}


def _verified(texts: list[str], candidates: Pairs) -> Pairs:
    sets = {at: _shingles(texts[at]) for pair in candidates for at in pair}
    return {
        (left, right)
        for left, right in candidates
        if len(sets[left] & sets[right]) >= 0.8 * len(sets[left] | sets[right])
    }


def _datasketch(texts: list[str]) -> tuple[Pairs, Pairs]:
    from datasketch import MinHash, MinHashLSH

    def signed(text: str) -> Any:
        made = MinHash(num_perm=112)
        made.update_batch([shingle.encode() for shingle in _shingles(text)])
        return made

    return _by_index(texts, MinHashLSH(num_perm=112, params=(14, 8)), signed)


def _rensa(texts: list[str]) -> tuple[Pairs, Pairs]:
    from rensa import RMinHash, RMinHashLSH

    def signed(text: str) -> Any:
        made = RMinHash(num_perm=112, seed=1)
        made.update(list(_shingles(text)))
        return made

    index = RMinHashLSH(threshold=0.8, num_perm=112, num_bands=14)
    return _by_index(texts, index, signed)


def _by_index(texts: list[str], index: Any, signed: Callable[[str], Any]) -> tuple[Pairs, Pairs]:
    candidates: Pairs = set()
    for at, text in enumerate(texts):
        made = signed(text)
        candidates.update((int(other), at) for other in index.query(made))
        index.insert(at, made)
    return candidates, _verified(texts, candidates)
