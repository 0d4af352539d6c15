"""The table of workflows: every one builds, pickles and is in the table of steps; every prompt is pinned."""

from __future__ import annotations

import asyncio
import pickle

import pytest

from curation.recipe.chain import LIMITS, STEP_KINDS
from curation.recipe.generate.records import KINDS, Lost, Outcome, Seed
from curation.recipe.generate.thread import REASON_OF
from curation.recipe.generate.workflows import PROMPTS, WORKFLOWS
from curation.recipe.llm.asking import BudgetSpent, EndpointDown, Trust
from curation.recipe.llm.errors import ERRORS, CallFailed
from curation.recipe.llm.prompts import Part, Template
from curation.recipe.llm.structured import model_of
from curation.recipe.llm.wording import PRINCIPLES
from curation.recipe.reasons import REASONS
from curation.recipe.steps import ASKING
from tests.llm_server import error
from tests.recipe.generate.scripted import LEVERS, Book, run, run_on, script, serving

#: The words of each version, by their hash. Other words are another version: give them a number, do not change the hash here.
PINNED = {
    "rewrite-notes/1": "750e72f4af1f70210c130db6cca8bfb1361f53069a30497e1a338b1778ca13e1",
    "rewrite-exercises/1": "4c6ab308fd5459802e7836c7db4622c3c0ac8fc179d636857768c2e3a747470e",
    "rewrite-discussion/1": "805272d079ed13f562b21a5dda6776755120a89d4967f9cf8eba02f3416dbc89",
    "rewrite-reasoning/1": "f2703ebc98548c52b416c2b878931d5bce4bbcdad89b8c35f78e0bef5e719e73",
    "rewrite-web/1": "88581adfd62788810a45321e1cb296b7b186673a1caed45dc748655973f78014",
    "check/1": "5e5a6fa42996c596fcd641a1cc272462bce3989cb327e9cbc8bf3964b69e05d9",
    "excerpt-tags/1": "64b6b91384237870f31f202675553d709cb26dc7b1383cc201ecaa353c2bfaa9",
    "chain-questions/1": "a605cafdab9ed00c4c2057a35501113cdc8f5aa023c6f2eddaed948b8c834b4c",
    "revision-draft/1": "baa0f98218b647977e055165a75430eb09a26f15a3b3f28fb7ed45c03a711121",
    "revision-requirements/1": "565c50759390dcdf7309f33f450aed8c9370704adf265d769b0244088cea068c",
    "revision-critique/1": "a62a3a0ba94dbfea74e1965f80804acd29a26058dbe03abffefeadafaea19cca",
    "revision-revise/1": "bd9182e0782a46b97bacda8cf27324b1a4a6f5824cb6896b06cad0e4efdea911",
    "reversal-describe/1": "1bad2c0f1faab351f04c2b4f553010bd54832362f2aebb07fcc6b71df580a307",
    "reversal-write/1": "6fa7abe3f329d19eee0ed5ec537d28dd23b087364236df0931e68dcc2d14f0ee",
    "conversation-cast/1": "3557128c84bca438c4da1a3c62bd979ce1bce84611eb1aaee3384fe302b59926",
    "conversation-turn/1": "6a89bd7cc54c828420a235cad1fefa3ff222ca8611c454080b7c9485984ba604",
    "conversation-review/1": "b395506ec43c636511d9f8354d8ef0fd7802ff5aa389d3685ab142273382727f",
    "conversation-direct/1": "6f788ab30d97787f53ca7ae79edcf7fb848c39c601809264904f3dc0d862c1af",
    "conversation-whole/1": "b18d55ae4250763257c1f7dcd0ca7ad3bba56943a096d063b47d7fc89cc3a09e",
    "reversal-probe/1": "c2ee8f4c9716648c8252957130e1825a7639ee6b476c8cddfd27ad57f7c37fe1",
    "middle-choose/1": "4be8afb87e6923fd2dbf0f355f0b6ca7bd4d1db51cb2ada74012b34597095560",
    "middle-solve/1": "2d88b63c10ff5a5b2d27e782d38eb5a3ed8e6cc670ede1d22dc725c317ee165f",
    "revise-again/1": "c3a6d8304d7171a7f23a9eed9674e7269c6d7eaeace70666f041b67a73825ce9",
    "middle-grade/1": "5cc26c8e4bf5514e3e158e3ba8a3cc786c3df3a514b1405b363d95b4c055b879",
}


def test_the_words_of_every_version_are_those_that_were_pinned():
    assert {label: prompt.template.sha256 for label, prompt in PROMPTS.items()} == PINNED


@pytest.mark.parametrize("label", PROMPTS)
def test_a_prompt_opens_with_the_principles_and_asks_for_fields_that_are_checked(label):
    import orjson

    prompt = PROMPTS[label]
    system, user = prompt.template.parts
    assert PRINCIPLES in system.template and user.role == "user" and prompt.kind in STEP_KINDS
    assert len(label) <= LIMITS["prompt_version"] and len(prompt.key) <= 40
    schema = prompt.template.schema
    if schema is not None:
        model_of(orjson.dumps(schema, option=orjson.OPT_SORT_KEYS))
        places = [user.template.rfind(f'"{name}"') for name in schema["properties"]]
        assert -1 not in places and places == sorted(places)


@pytest.mark.parametrize("key", WORKFLOWS)
def test_a_workflow_builds_pickles_and_is_a_step(key):
    workflow = WORKFLOWS[key]
    step = workflow.step()
    assert pickle.loads(pickle.dumps(step)) == step and ASKING[key] is workflow.step
    assert set(workflow.takes) <= set(KINDS) and workflow.stages and workflow.makes and workflow.source
    assert len({one.key for one in workflow.prompts}) == len(workflow.prompts)
    assert len(key) <= LIMITS["workflow"]


def test_every_loss_has_a_name_of_the_table():
    assert set(REASON_OF.values()) <= set(REASONS)
    of_one_request = {name for name, one in ERRORS.items() if one.whose != "endpoint"}
    assert of_one_request == set(REASON_OF)
    with pytest.raises(KeyError):
        Lost("some other reason", "rewrite")
    with pytest.raises(ValueError, match="samples or what was lost"):
        Outcome()


@pytest.mark.parametrize("key", WORKFLOWS)
def test_what_is_the_endpoints_fault_is_no_loss_of_the_seed(key):
    with pytest.raises(CallFailed) as failed:
        run(WORKFLOWS[key].step(), [CODE], lambda seen, nth: error(401))
    assert failed.value.name == "unauthorised"


@pytest.mark.parametrize("key", WORKFLOWS)
def test_a_request_that_the_server_refuses_is_lost_by_name(key):
    (outcome,), _, _ = run(
        WORKFLOWS[key].step(), [CODE], lambda seen, nth: error(400, "maximum context length")
    )
    assert [one.reason for one in outcome.lost] == ["seed_too_long"] and outcome.answer is None


@pytest.mark.parametrize("key", WORKFLOWS)
def test_a_spent_budget_stops_a_workflow(key):
    class Poor(Book):
        async def hold(self, most):
            raise BudgetSpent

    with serving() as server, pytest.raises(BudgetSpent):
        run_on(server.address, WORKFLOWS[key].step(), [CODE], Poor())


def test_a_teams_own_words_stand_in_for_ours_and_the_chain_says_so():
    from dataclasses import replace

    from curation.recipe.generate.rewrite import DISCUSSION, Rewrite
    from tests.recipe.generate.test_rewrite import SENSIBLE

    theirs = replace(
        DISCUSSION,
        version=7,
        template=Template((Part("user", "Write a discussion: {{ notes.text }}"),)),
        own=True,
    )
    step = Rewrite(forms=("discussion",), wording=(theirs,))
    (outcome,), _, server = run(step, [Seed(LEVERS)], script(*SENSIBLE))
    assert outcome.made[0].sample.steps[-1].prompt_version == "rewrite-discussion/own-7"
    assert server.asked[-1].text.startswith("Write a discussion: - Noted")


def test_an_endpoint_that_fails_row_after_row_is_said_to_be_down():
    trust = Trust(most=2)

    async def go(address):
        from curation.recipe.llm.client import Remote
        from curation.recipe.llm.records import Endpoint

        client = Remote(Endpoint(address, "tiny", private_allowed=True))
        try:
            for _ in range(2):
                try:
                    await WORKFLOWS["rewrite"].step().run(Seed(LEVERS), client, Book(), trust)
                except CallFailed:
                    continue
        finally:
            await client.close()

    with serving(lambda seen, nth: error(401)) as server, pytest.raises(EndpointDown):
        asyncio.run(go(server.address))


CODE = Seed(
    '''def median(values):
    """The middle one of some numbers."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
''',
    "code",
)
