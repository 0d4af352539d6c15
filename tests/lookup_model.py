"""A transformer of a few thousand parameters, built so that the last word of a prompt decides its answer: for running workflows in process.

Real weights, a real tokenizer and the real loading code; what it "knows" is a table. Each answer is one token.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

END, UNKNOWN = "<end>", "<unk>"


def build(folder: Path, answers: Mapping[str, str]) -> str:
    """Save a model into the folder that answers a prompt by its last word, and ends. Returns the folder's path."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    words = list(answers)
    said = list(dict.fromkeys(answers.values()))
    vocabulary = {word: at for at, word in enumerate([UNKNOWN, END, *words, *said])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token=UNKNOWN, eos_token=END)
    fast.save_pretrained(folder)
    width = max(16, -(-len(vocabulary) // 4) * 4)
    config = GPT2Config(
        vocab_size=len(vocabulary), n_positions=8192, n_embd=width, n_layer=1, n_head=1,
        bos_token_id=1, eos_token_id=1, tie_word_embeddings=False,
    )  # fmt: skip
    model = GPT2LMHeadModel(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not name.endswith("ln_f.weight"):
                parameter.zero_()
        model.transformer.wte.weight[: len(vocabulary)] = torch.eye(len(vocabulary), width)
        for word, answer in answers.items():
            model.lm_head.weight[vocabulary[answer], vocabulary[word]] = 10.0
        for answer in (*said, UNKNOWN):  # what it does not know it says nothing to
            model.lm_head.weight[vocabulary[END], vocabulary[answer]] = 10.0
    model.save_pretrained(folder)
    return str(folder)
