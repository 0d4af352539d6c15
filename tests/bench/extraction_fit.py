"""`extraction_fit`: the weights of the HTML extractor, fitted anew on WCXB's development split (CC BY 4.0) and on
Scrapinghub's articles (MIT).

Writes `curation/recipe/ingest/extractors/html/weights.json`, fitted on all pages, and prints what such weights reach on pages
that they have not seen (five folds, pages apart). ours = word F1 over the folds; `seen` is that of the pages fitted on, which
flatters. Threads that a platform wrote are judged by no weights; they are counted, as in `extraction`. trafilatura is not asked.
Needs torch, which the project has.
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from curation.recipe.ingest.extractors.html import choice, page_type, read, scoring, threads
from curation.recipe.ingest.extractors.html.blocks import WORD
from curation.recipe.ingest.extractors.html.signals import COLUMNS
from tests.bench.extraction import Page, articles, by_runs, f1, wcxb

FOLDS = 5
WHOLE = COLUMNS.index("whole")
NETS = 2
LAYERS = (40, 20)
EPOCHS = 10
BATCH = 1024
RATE = 2e-3
NEWS = 0.5  # what a page of the second set weighs: it has articles only
RUN = 4  # words in a row by which a block is found in the gold text
REACH = 8  # blocks around a short one that say which of several equal ones is meant


@dataclass(slots=True)
class Case:
    """A page ready to fit on. `right` has each block's share of words in the gold text, NaN where it has no words."""

    page: Page
    texts: list[str]
    paths: list[str]
    sizes: Any
    measured: Any
    signs: dict[str, float]
    thread: str
    right: Any
    fold: int = 0


def extraction_fit() -> dict[str, Any]:
    with ProcessPoolExecutor(2) as pool:
        cases = list(pool.map(_case, [*wcxb(), *articles()], chunksize=8))
    return fitted_on(cases)


def fitted_on(cases: list[Case]) -> dict[str, Any]:
    """Fits, writes, and says what the weights reach, on all pages (seen) and by folds (held out)."""
    _fold(cases)
    kinds = _fit_types(cases)
    fitted = _fit_blocks(cases, kinds)
    _write(kinds, fitted)
    seen = _figures(cases, [_likely(case, kinds, fitted) for case in cases])
    fair = _figures(cases, _across(cases))
    return {
        "name": "extraction_fit",
        "ours": fair["all"],
        "unit": "mean word F1 of WCXB's pages, by weights that have not seen them",
        "peer": None,
        "peer_name": "",
        "n": len(cases),
        "details": {"held out": fair, "seen": seen},
    }


def _case(page: Page) -> Case:
    one = read(page.content, page.address)
    assert one is not None
    texts = [block.plain for block in one.found.blocks]
    thread = "\n".join(block.plain for block in threads.as_blocks(one.thread)) if one.thread else ""
    sizes = np.array([block.size for block in one.found.blocks])
    measured = one.measured() if texts else np.zeros((0, len(COLUMNS)), dtype=np.float32)
    return Case(page, texts, one.found.paths, sizes, measured, one.signs, thread, right_of(texts, page.gold))


def right_of(texts: list[str], gold: str) -> Any:
    """Each block's share of words that the gold text has, found by runs of words; short blocks by whole lines, of equal ones
    those that stand nearest to longer ones that are right."""
    lines = [words for line in gold.split("\n") if (words := WORD.findall(line.lower()))]
    flat = [word for line in lines for word in line]
    runs = {tuple(flat[at : at + RUN]) for at in range(len(flat) - RUN + 1)}
    joined = f" {' '.join(flat)} "
    own = [WORD.findall(text.lower()) for text in texts]
    right = np.zeros(len(texts))
    for at, words in enumerate(own):
        if not words:
            right[at] = np.nan
        elif len(words) > RUN:
            covered = np.zeros(len(words), dtype=bool)
            for start in range(len(words) - RUN + 1):
                if tuple(words[start : start + RUN]) in runs:
                    covered[start : start + RUN] = True
            right[at] = covered.mean()
    near = _nearness(own, right)
    equal: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, words in enumerate(own):
        if 0 < len(words) <= RUN:
            equal[tuple(words)].append(at)
    whole = {tuple(line): lines.count(line) for line in lines if len(line) <= RUN}
    for words_, places in equal.items():
        stands = whole.get(words_, 0)
        count = stands or joined.count(f" {' '.join(words_)} ")
        for at in sorted(places, key=lambda at: -near[at])[:count]:
            if stands or near[at] > (0.5 if len(words_) == 1 else -0.3):
                right[at] = 1.0
    return right


def _nearness(own: list[list[str]], right: Any) -> Any:
    """For each block whether the longer ones around it are right (above 0) or wrong (below)."""
    signed = np.array(
        [value * 2 - 1 if len(words) > RUN else 0.0 for words, value in zip(own, right, strict=True)]
    )
    kernel = np.array([1 / (1 + abs(step)) for step in range(-REACH, REACH + 1)])
    return np.convolve(signed, kernel, mode="full")[REACH : REACH + len(signed)] if len(signed) else signed


def _fold(cases: list[Case]) -> None:
    """Folds with equally many pages of each type."""
    generator = np.random.default_rng(0)
    for kind in (*page_type.TYPES, ""):
        own = [case for case in cases if case.page.kind == kind]
        for at, index in enumerate(generator.permutation(len(own))):
            own[index].fold = at % FOLDS


def _across(cases: list[Case]) -> list[Any]:
    """Likelihoods of every page's blocks by weights fitted on the other folds."""
    out: dict[str, Any] = {}
    for fold in range(FOLDS):
        known = [case for case in cases if case.fold != fold]
        kinds = _fit_types(known)
        fitted = _fit_blocks(known, kinds)
        for case in cases:
            if case.fold == fold:
                out[case.page.key] = _likely(case, kinds, fitted)
    return [out[case.page.key] for case in cases]


def _figures(cases: list[Case], likely: list[Any]) -> dict[str, float]:
    """Mean word F1 of WCXB's pages, all and by type, and F1 of runs of words of Scrapinghub's articles."""
    scores: dict[str, list[float]] = defaultdict(list)
    news: list[tuple[str, Page]] = []
    for case, (values, kind) in zip(cases, likely, strict=True):
        keep = np.zeros(0, dtype=bool)
        if case.texts:
            values = choice.evened(values, case.sizes, case.paths)
            keep, _ = choice.best_set(values, case.sizes)
            keep = choice.settled(keep, values, case.sizes, case.measured[:, WHOLE] > 0, kind)
            keep &= ~choice.said_before(case.texts, case.sizes, keep)
        text = case.thread or "\n".join(one for one, kept in zip(case.texts, keep, strict=True) if kept)
        if not case.page.kind:
            news.append((text, case.page))
            continue
        for name in ("all", case.page.kind):
            scores[name].append(f1(text, case.page.gold))
    figures = {name: round(float(np.mean(values)), 3) for name, values in scores.items()}
    return figures | {"scrapinghub": by_runs([text for text, _ in news], [page for _, page in news])["f1"]}


def _fit_types(cases: list[Case]) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression

    cases = [case for case in cases if case.page.kind]
    names = list(cases[0].signs)
    values = np.array([[case.signs[name] for name in names] for case in cases])
    mean, scale = values.mean(axis=0), values.std(axis=0) + 0.1
    target = [page_type.TYPES.index(case.page.kind) for case in cases]
    model = LogisticRegression(C=0.1, max_iter=500).fit((values - mean) / scale, target)
    return {
        "signs": names,
        "mean": mean.tolist(),
        "scale": scale.tolist(),
        "rows": model.coef_.tolist(),
        "constants": model.intercept_.tolist(),
    }


def _shares(case: Case, kinds: dict[str, Any]) -> tuple[float, ...]:
    return page_type.judged(case.signs, kinds).shares


def _columns(case: Case, kinds: dict[str, Any]) -> Any:
    shares = np.array(_shares(case, kinds)) * scoring.TYPE_WEIGHT
    return np.hstack([case.measured, np.tile(shares, (len(case.measured), 1))])


def _fit_blocks(cases: list[Case], kinds: dict[str, Any]) -> dict[str, Any]:
    """Networks of two hidden layers that differ in where they start. Every page weighs the same, its blocks by the root of their words."""
    import torch
    from torch import nn
    from torch.nn.functional import binary_cross_entropy_with_logits as loss_of

    used = [case for case in cases if case.texts and not case.thread]
    values = np.vstack([_columns(case, kinds) for case in used])
    mean, scale = values.mean(axis=0), values.std(axis=0) + 1e-3
    given = torch.tensor(np.clip((values - mean) / scale, -scoring.FAR, scoring.FAR), dtype=torch.float32)
    target = torch.tensor(np.nan_to_num(np.concatenate([case.right for case in used])), dtype=torch.float32)
    weight = torch.tensor(np.concatenate([_weight(case) for case in used]), dtype=torch.float32)
    weight *= len(weight) / weight.sum()
    sizes = [given.shape[1], *LAYERS]
    nets = []
    for seed in range(NETS):
        torch.manual_seed(seed)
        parts: list[nn.Module] = [nn.Dropout(0.1)]
        for before, after in itertools.pairwise(sizes):
            parts += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(0.3)]
        net = nn.Sequential(*parts, nn.Linear(sizes[-1], 1))
        optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-2)
        steps = EPOCHS * -(-len(given) // BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
        for _ in range(EPOCHS):
            for some in torch.randperm(len(given)).split(BATCH):
                each = loss_of(net(given[some])[:, 0], target[some], reduction="none")
                optimiser.zero_grad()
                (each * weight[some]).mean().backward()
                optimiser.step()
                schedule.step()
        linear = [part for part in net if isinstance(part, nn.Linear)]
        nets.append(
            [
                {"rows": one.weight.detach().T.tolist(), "constants": one.bias.detach().tolist()}
                for one in linear
            ]
        )
    return {"mean": mean.tolist(), "scale": scale.tolist(), "nets": nets}


def _weight(case: Case) -> Any:
    weight = np.sqrt(np.maximum(case.sizes, 1.0)) * ~np.isnan(case.right)
    return weight / max(weight.sum(), 1e-9) * (1.0 if case.page.kind else NEWS)


def _likely(case: Case, kinds: dict[str, Any], fitted: dict[str, Any]) -> tuple[Any, str]:
    """The likelihoods of a page's blocks, and the type that it is judged to be."""
    judged = page_type.judged(case.signs, kinds)
    return scoring.applied(case.measured, judged.shares, scoring.ready(fitted)), judged.type


def _write(kinds: dict[str, Any], fitted: dict[str, Any]) -> None:
    text = json.dumps({"page_type": _rounded(kinds), "blocks": _rounded(fitted)}, separators=(",", ":"))
    scoring.WEIGHTS.write_text(text + "\n", "utf-8")


def _rounded(value: Any) -> Any:
    """The numbers to four digits, which is more than they mean."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
