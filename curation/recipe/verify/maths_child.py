"""The child process of `maths.Maths`: reads pairs of answers as lines of JSON and writes how they compare.

Started as `python -m curation.recipe.verify.maths_child MEMORY_BYTES`. It ends when its input ends, or with its parent.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import sys
import warnings
from dataclasses import asdict

from curation.recipe.verify import kernel
from curation.recipe.verify.equality import Equality, compare


def main(memory: int) -> None:
    if sys.platform == "linux":
        kernel.die_with_parent()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints must not stand between the replies
    # Loaded before the first pair, whose time should not pay for it.
    compare(r"x^2+\sqrt{2}", r"\sqrt{2}+x^2")
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    _reply(replies, Equality("equal"))
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = compare(asked["gold"], asked["answer"], by_spelling=asked["by_spelling"])
        except MemoryError:
            os._exit(86)  # nothing is sure after this; the parent starts another child
        _reply(replies, answer)


def _reply(replies: object, answer: Equality) -> None:
    print(json.dumps(asdict(answer)), file=replies, flush=True)  # type: ignore[call-overload]


if __name__ == "__main__":
    main(int(sys.argv[1]))
