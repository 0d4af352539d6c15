"""How likely each block is to be main text: small networks over the columns of `signals` and the shares of the page types.

Two hidden layers each, evaluated with numpy; the weights lie beside it in `weights.json`. `tests/bench/extraction_fit.py` fits
them on WCXB's development split (CC BY 4.0) and Scrapinghub's articles (MIT), and says what they reach on pages that they have
not seen.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from curation.recipe.ingest.extractors.html.signals import Matrix

WEIGHTS = Path(__file__).with_name("weights.json")
FAR = 5.0  # standard deviations beyond which a value counts as this far
TYPE_WEIGHT = 2.0  # the shares of the types are small numbers; this brings them to the size of the others


@cache
def weights() -> dict[str, Any]:
    """`page_type` as `page_type.judged` wants it, and `blocks` as `applied` does."""
    stored = json.loads(WEIGHTS.read_text("utf-8"))
    return {"page_type": stored["page_type"], "blocks": ready(stored["blocks"])}


def ready(fitted: dict[str, Any]) -> dict[str, Any]:
    """Fitted numbers (mean, scale, and for each network the rows and constants of its layers) as arrays."""
    nets = [
        [
            (np.array(layer["rows"], dtype=np.float32), np.array(layer["constants"], dtype=np.float32))
            for layer in net
        ]
        for net in fitted["nets"]
    ]
    return {name: np.array(fitted[name], dtype=np.float32) for name in ("mean", "scale")} | {"nets": nets}


def likelihoods(measured: Matrix, shares: tuple[float, ...]) -> Matrix:
    """One number from 0 to 1 per row of `measured`. `shares` are the page types' in their order."""
    return applied(measured, shares, weights()["blocks"])


def applied(measured: Matrix, shares: tuple[float, ...], given: dict[str, Any]) -> Matrix:
    """The mean of what the networks say."""
    kinds = np.tile(np.array(shares, dtype=np.float32) * TYPE_WEIGHT, (len(measured), 1))
    values = np.clip((np.hstack([measured, kinds]) - given["mean"]) / given["scale"], -FAR, FAR)
    return np.mean([_said(net, values) for net in given["nets"]], axis=0)


def _said(net: list[tuple[Matrix, Matrix]], values: Matrix) -> Matrix:
    *hidden, last = net
    for rows, constants in hidden:
        values = np.maximum(values @ rows + constants, 0.0)
    scores = (values @ last[0] + last[1])[:, 0]
    return 1.0 / (1.0 + np.exp(-np.clip(scores, -30, 30)))
