"""Which texts are kept out of training: a split by content hash, so that it never moves.

What is hashed is the *key* of a text: whatever its duplicates and siblings share with it (the hash of its document, of its
cluster's representative, …). Texts with one key stand on one side, for ever and in every project; labels that
come later do not move those that were there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Share of all keys that is held out.
SHARE = 0.2
#: Changed only if the split should ever be drawn anew; then no old hold-out figure can be compared with a new one.
SALT = "hold-out/1"


def position(key: str, salt: str = SALT) -> float:
    """Where a key lies between 0 and 1: uniform over keys, the same on every machine."""
    digest = hashlib.sha256(f"{salt}\0{key}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def held_out(key: str, share: float = SHARE) -> bool:
    """Whether texts with this key are only ever measured on. A larger share holds out what a smaller one did, and more."""
    return position(key) < share


def folds(keys: Sequence[str], count: int) -> NDArray[np.intp]:
    """A fold from 0 to `count` - 1 for each key, equal keys in the same one. Distinct keys are dealt out in the order of
    their hash, so that no fold is empty while there are keys for it."""
    import numpy as np

    distinct = sorted(set(keys), key=lambda key: (position(key, f"fold/{count}"), key))
    dealt = {key: at % count for at, key in enumerate(distinct)}
    return np.fromiter((dealt[key] for key in keys), dtype=np.intp, count=len(keys))
