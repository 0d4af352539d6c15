"""The protocol: what is sent for each kind of question, and what is read of an answer. Over real HTTP."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from curation.recipe.llm.asking import AGAIN, ask
from curation.recipe.llm.client import Remote, read
from curation.recipe.llm.errors import CallFailed
from curation.recipe.llm.inprocess import Local
from curation.recipe.llm.records import Endpoint, Limits, Message, Request, Sampling
from curation.recipe.llm.retry import Retrying
from tests.llm_server import Reply, error, serving
from tests.recipe.llm.test_connect import HELLO, Rows, asked


def sent(server, request, kind="chat"):
    async def go():
        client = Remote(Endpoint(server.address, "tiny", kind=kind, private_allowed=True))
        try:
            return await client.send(request)
        finally:
            await client.close()

    return asyncio.run(go())


def test_what_nobody_set_is_left_to_the_server():
    with serving() as server:
        sent(server, HELLO)
        assert server.asked[0].body == {
            "model": "tiny",
            "max_tokens": 1024,
            "messages": [{"role": "user", "content": "hello"}],
        }


def test_sampling_n_and_log_probabilities_are_asked_for_and_read():
    told = [{"token": "a", "logprob": -0.1, "top_logprobs": [{"token": "b", "logprob": -2.3}]}]
    message = {"role": "assistant", "content": "a"}
    choice = {"index": 0, "finish_reason": "stop", "message": message, "logprobs": {"content": told}}
    body = json.dumps(
        {"choices": [choice, choice], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    ).encode()
    sampling = Sampling(temperature=0.7, top_p=0.9, most_tokens=5, stop=("\n",), seed=3, logprobs=1, n=2)
    with serving(lambda seen, nth: Reply(body=body)) as server:
        answer = sent(server, Request(messages=HELLO.messages, sampling=sampling))
        asked_for = server.asked[0].body
    assert asked_for | {"messages": None} == {
        "model": "tiny",
        "max_tokens": 5,
        "temperature": 0.7,
        "top_p": 0.9,
        "seed": 3,
        "stop": ["\n"],
        "n": 2,
        "logprobs": True,
        "top_logprobs": 1,
        "messages": None,
    }
    assert len(answer.choices) == 2 and answer.usage.total == 3
    assert answer.choices[1].tokens[0].others == (("b", -2.3),)


@pytest.mark.parametrize(
    ("prompt", "said"), [({"prompt": "Once"}, "Once"), ({"prompt_ids": (5, 6, 7)}, [5, 6, 7])]
)
def test_raw_completion_takes_text_or_tokens(prompt, said):
    logprobs = {"tokens": ["x"], "token_logprobs": [-1.5], "top_logprobs": [{"y": -2.0}]}
    body = json.dumps({"choices": [{"text": "x", "finish_reason": "length", "logprobs": logprobs}]}).encode()
    with serving(lambda seen, nth: Reply(body=body)) as server:
        answer = sent(server, Request(**prompt, sampling=Sampling(logprobs=1)), "completion")
        (seen,) = server.asked
    assert seen.path.endswith("/v1/completions") and seen.body["prompt"] == said
    (choice,) = answer.choices
    assert (choice.text, choice.finish, choice.tokens[0].logprob) == ("x", "length", -1.5)


def test_tokens_that_the_server_does_not_count_are_estimated_and_said_so():
    with serving(lambda seen, nth: Reply(usage=False)) as server:
        usage = sent(server, HELLO).usage
    assert not usage.counted and usage.into > 0 and usage.out > 0


def test_the_newer_name_of_the_limit_is_learnt():
    def script(seen, nth):
        return error(400, "Use 'max_completion_tokens' instead.") if "max_tokens" in seen.body else Reply()

    async def go(address):
        client = Remote(Endpoint(address, "tiny", private_allowed=True))
        for _ in range(3):
            await client.send(HELLO)
        await client.close()

    with serving(script) as server:
        asyncio.run(go(server.address))
        assert len(server.asked) == 4


def test_connections_are_used_again():
    with serving() as server:

        async def go():
            client = Remote(
                Endpoint(server.address, "tiny", private_allowed=True, limits=Limits(concurrency=4))
            )
            for _ in range(5):
                await asyncio.gather(*(client.send(HELLO) for _ in range(4)))
            await client.close()

        opened = []
        original = server._serve

        async def counted(reader, writer):
            opened.append(1)
            await original(reader, writer)

        server._serve = counted
        asyncio.run(go())
    assert len(server.asked) == 20 and len(opened) <= 4


def test_every_attempt_is_in_the_ledger_before_the_answer_is_used():
    rows = Rows()
    with serving(lambda seen, nth: error(503) if nth < 3 else Reply("good")) as server:
        made, answer = asked(server.address, rows=rows, attempts=4)
    assert made == "good" and answer.call == 3
    assert [(one.attempt, one.error) for one in rows.entries] == [
        (1, "unavailable"),
        (2, "unavailable"),
        (3, ""),
    ]


def test_an_answer_that_the_ledger_did_not_take_is_never_used():
    class Broken(Rows):
        async def commit(self, entry):
            raise OSError("the disk is full")

    with serving() as server, pytest.raises(OSError, match="disk"):
        asked(server.address, rows=Broken())


def test_an_answer_that_cannot_be_used_is_asked_for_again_as_another_sample_a_few_times():
    rows = Rows()
    with serving(lambda seen, nth: Reply("")) as server:

        async def go():
            client = Remote(Endpoint(server.address, "tiny", private_allowed=True))

            def refuse(answer):
                raise CallFailed("empty")

            try:
                await ask(HELLO, client, rows, refuse, retrying=Retrying(attempts=2))
            finally:
                await client.close()

        with pytest.raises(CallFailed, match="empty"):
            asyncio.run(go())
    assert [one.error for one in rows.entries] == ["empty"] * (AGAIN + 1)
    assert len({one.key for one in rows.entries}) == AGAIN + 1


def test_a_wait_that_the_server_asks_for_is_waited():
    with serving(lambda seen, nth: error(429, retry_after="1") if nth == 1 else Reply()) as server:
        began = time.monotonic()
        asked(server.address, attempts=3)
        assert time.monotonic() - began >= 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"choices": None},
        {"choices": [None]},
        {"choices": [{"message": None}], "usage": None},
        {"choices": [{"message": {"content": 7}}]},
    ],
)
def test_odd_answers_are_read_or_named_never_an_accident(body):
    try:
        answer = read(body, HELLO, 0.0)
    except CallFailed as failed:
        assert failed.name == "garbled"  # noqa: PT017  either is right
    else:
        assert answer.text == ""


@pytest.mark.parametrize(
    "told", [{"content": [{}]}, {"content": [None]}, {"content": [{"token": "a", "logprob": "low"}]}]
)
def test_log_probabilities_in_no_known_form_are_named_where_they_were_asked_for(told):
    body = {"choices": [{"message": {"content": "ice"}, "logprobs": told}]}
    assert read(body, HELLO, 0.0).text == "ice"
    with pytest.raises(CallFailed, match="log-probabilities"):
        read(body, Request(messages=HELLO.messages, sampling=Sampling(logprobs=1)), 0.0)


# In this process


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A model of a few hundred parameters with a tokenizer that was trained on a sentence."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    from tokenizers import decoders

    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=60, special_tokens=["<unk>", "<end>"])
    tokenizer.train_from_iterator(["ice floats on water because it is less dense"] * 3, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="<end>")
    fast.save_pretrained(folder)
    config = GPT2Config(
        vocab_size=len(fast), n_positions=48, n_embd=4, n_layer=1, n_head=1, bos_token_id=1, eos_token_id=1
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    return str(folder)


def local(folder, request, **limits):
    return asyncio.run(Local(Endpoint("", folder, kind="local", limits=Limits(**limits))).send(request))


def test_a_model_in_this_process_answers_by_the_same_interface(tiny):
    request = Request(messages=(Message("user", "ice floats"),), sampling=Sampling(most_tokens=6, logprobs=2))
    answer = local(tiny, request)
    (choice,) = answer.choices
    assert 1 <= answer.usage.out <= 6 and answer.usage.into > 0 and answer.usage.counted
    assert len(choice.tokens) == answer.usage.out and all(one.logprob <= 0 for one in choice.tokens)
    assert len(choice.tokens[0].others) == 2
    assert local(tiny, request).text == answer.text


def test_it_takes_raw_text_tokens_and_several_samples(tiny):
    sampling = Sampling(temperature=1.0, most_tokens=5, n=3)
    drawn = local(tiny, Request(prompt="ice", sampling=sampling))
    assert len(drawn.choices) == 3
    assert [one.text for one in local(tiny, Request(prompt="ice", sampling=sampling)).choices] == [
        one.text for one in drawn.choices
    ]
    assert local(tiny, Request(prompt_ids=(2, 3, 4), sampling=Sampling(most_tokens=3))).usage.into == 3


def test_what_it_cannot_read_and_a_model_that_is_not_there_are_named(tiny, tmp_path):
    with pytest.raises(CallFailed) as failed:
        local(tiny, Request(prompt="ice floats on water " * 30))
    assert failed.value.name == "context_too_long"
    with pytest.raises(CallFailed) as failed:
        local(str(tmp_path / "nothing"), HELLO)
    assert failed.value.name == "model_not_loaded"
