"""Multi-agent conversation. Phi-4 report, section 2.2 and appendix D.1.3: from an opening turn, and profiles of who takes part, agents take turns; the
conversation is directed and summarised, events are injected, and every turn is revised by its own speaker.

The report does not give the protocol. Ours: two or three roles are cast from the seed, one of them the expert, who answers every other turn; a director looks at the
conversation every few turns, sums it up for the others, says what to bring in, or ends it. Speakers know their own profile, the summary and the last turns, not each other's aims.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from curation.recipe.chain import ChainVerdict, Message
from curation.recipe.generate.drawn import drawer
from curation.recipe.generate.records import Outcome
from curation.recipe.generate.thread import Thread
from curation.recipe.generate.writer import Writer
from curation.recipe.llm.shape import fields, flag, number, one_of, several, text
from curation.recipe.llm.wording import JSON, Material, Prompt, shown, template

KEY = "conversation"
#: Turns that a speaker is shown as they were; the summary has what came before.
RECENT = 6
LEAST_TURNS = 4
LEAST_MEAN = 3.5
TEMPERS = (
    "impatient, and wants the practical consequence first",
    "careful, and will not go on before a word is defined",
    "sceptical, and has a counterexample at hand",
    "eager, and draws conclusions too fast",
    "experienced in something else, and brings comparisons that half fit",
    "unsure of themselves, and asks what others do not dare to ask",
)

_CAST = f"""\
Prepare a conversation about what this passage holds.

{shown("PASSAGE", "passage")}

Invent a situation in which people would really talk about it, and {{{{ others }}}} besides an expert. The expert knows the subject and can be asked; the others want something: to \
decide, to repair, to understand, to object. Their temper:
{{% for temper in tempers %}}
- {{{{ temper }}}}
{{% endfor %}}
For each a name (one word, all different), a profile (what they do, what they know of the subject and what they get wrong), and an aim that the others do not know. Then the opening: what the first of the others says, natural \
and specific, with everything one needs to answer it. Nobody has seen the passage, and nobody mentions one.

{JSON}
{{"situation": "…", "expert": {{"name": "…", "profile": "…", "aim": "…"}}, "others": [{{"name": "…", "profile": "…", "aim": "…"}}], "opening": "…"}}"""

_PERSON = fields(name=text(), profile=text(), aim=text())
CAST = Prompt(
    "conversation-cast",
    1,
    "Roles, situation and opening",
    "prompt",
    template(
        "You cast conversations in which something is at stake.",
        _CAST,
        fields(situation=text(), expert=_PERSON, others=several(_PERSON), opening=text()),
    ),
)

_SEEN = f"""\
The situation:
{shown("SITUATION", "situation")}
{{% if summary %}}

What came before, summed up:
{shown("SUMMARY", "summary")}
{{% endif %}}

{shown("CONVERSATION", "turns")}"""

_TURN = f"""\
You speak as one of the people in a conversation, and as nobody else.

Who you are:
{shown("PROFILE", "profile")}

{_SEEN}
{{% if injected %}}

What happens now, from outside; take it up:
{shown("EVENT", "injected")}
{{% endif %}}

What the subject really holds, which you know only as far as your profile says so, and never mention as a text:
{shown("BACKGROUND", "passage")}

First think: what was just said, what you make of it given who you are, what you want. Then say your turn: answer what was asked before you bring up your own; one thing at a time; as long as \
such a person would speak. The expert reasons step by step, says what it depends on, and admits what is not known. The others do not agree out of politeness, and are not convinced before a reason convinces them.

{JSON}
{{"thought": "…", "says": "…"}}"""

TURN = Prompt(
    "conversation-turn",
    1,
    "A turn",
    "draft",
    template("You speak in a role, truthfully to it.", _TURN, fields(thought=text(), says=text())),
)

_REVIEW = f"""\
Look at your own turn again before it is heard.

Who you are:
{shown("PROFILE", "profile")}

{_SEEN}

What the subject really holds:
{shown("BACKGROUND", "passage")}

Your turn:
{shown("TURN", "turn")}

Is everything true that is meant to be true, and every step sound? Does it answer what was said, add something that was not there, and sound like this person? Does it repeat, lecture, flatter, or mention a \
text? Name the faults; give a score from 1 to 5, 5 if you would not change a word; then the turn as it shall be heard, whole: revised, or word for word the same.

{JSON}
{{"faults": "…", "score": 4, "turn": "…"}}"""

REVIEW = Prompt(
    "conversation-review",
    1,
    "The turn, revised by its speaker",
    "revision",
    template(
        "You revise what you are about to say.",
        _REVIEW,
        fields(faults=text(), score=number(1, 5), turn=text()),
    ),
)

_DIRECT = f"""\
You direct a conversation that others hold. They hear of you only what you bring in.

{_SEEN}

What the subject holds:
{shown("BACKGROUND", "passage")}

Their aims:
{shown("AIMS", "aims")}

Sum up in a few sentences what was said and settled since the beginning, and what is open, so that somebody who heard none of it could go on. Judge: is it true, does it get anywhere, what of the subject has not been touched? Then decide what \
happens next: an event or a thought that turns the conversation to where there is most to learn (a new fact of the situation, a measurement that does not fit, a misunderstanding that comes to light), or nothing, an empty string, when it goes well by itself. \
finished is true when what was at stake is settled and going on would only repeat.

{JSON}
{{"summary": "…", "judgement": "…", "injection": "…", "finished": false}}"""

DIRECT = Prompt(
    "conversation-direct",
    1,
    "The director sums up and brings in",
    "critique",
    template(
        "You are a director with a sense for where a conversation is about to become interesting.",
        _DIRECT,
        fields(summary=text(), judgement=text(), injection=text(), finished=flag()),
    ),
)

_WHOLE = f"""\
Judge a conversation from which a model shall learn to answer as the one called {{{{ expert }}}} does.

What the subject holds:
{shown("BACKGROUND", "passage")}

{shown("CONVERSATION", "turns")}

First go through what {{{{ expert }}}} says, turn by turn: which statement is wrong or made up, which step does not follow, where was a question left without an answer? Then score from 1 to 5 accuracy, \
reasoning, and how far the conversation gets. Then decide whether it can be followed by somebody who has seen nothing else.

{JSON}
{{"discussion": "…", "accuracy": 4, "reasoning": 4, "progress": 4, "stands_alone": true, "gravest": "none"}}"""

WHOLE = Prompt(
    "conversation-whole",
    1,
    "The whole conversation, judged",
    "critique",
    template(
        "You judge conversations by what one would learn from them.",
        _WHOLE,
        fields(
            discussion=text(),
            accuracy=number(1, 5),
            reasoning=number(1, 5),
            progress=number(1, 5),
            stands_alone=flag(),
            gravest=one_of("none", "factual", "logical", "unanswered", "style"),
        ),
    ),
)

PROMPTS = (CAST, TURN, REVIEW, DIRECT, WHOLE)
SCORES = ("accuracy", "reasoning", "progress")


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    profile: str
    aim: str

    @property
    def told(self) -> str:
        return f"{self.name}. {self.profile} Your aim, which the others do not know: {self.aim}"


@dataclass(slots=True)
class Scene:
    """The conversation so far."""

    situation: str
    expert: Person
    others: tuple[Person, ...]
    turns: list[tuple[Person, str]]
    summary: str = ""
    injected: str = ""
    finished: bool = False

    def told(self, last: int | None = None) -> str:
        turns = self.turns[-last:] if last else self.turns
        return "\n\n".join(f"{person.name}: {says}" for person, says in turns)

    @property
    def seen(self) -> dict[str, Any]:
        """What speakers and director are shown of it."""
        return {
            "situation": Material(self.situation),
            "summary": Material(self.summary) if self.summary else None,
            "turns": Material(self.told(RECENT)),
        }


@dataclass(frozen=True, slots=True)
class Converse(Writer):
    """Passage or question → a conversation of two or three roles. At most `most_turns` turns; the director looks after every `direct_every`."""

    most_turns: int = 8
    direct_every: int = 3
    name: ClassVar[str] = KEY

    async def write(self, thread: Thread) -> Outcome:
        draw = drawer(self.seed, thread.seed, KEY)
        tempers = draw.sample(TEMPERS, draw.choice((1, 2)))
        scene = await _cast(thread, tempers)
        while len(scene.turns) < self.most_turns and not scene.finished:
            answering = scene.turns[-1][0] is not scene.expert
            await _turn(thread, scene, scene.expert if answering else draw.choice(scene.others))
            if len(scene.turns) % self.direct_every == 0 and len(scene.turns) < self.most_turns:
                await _direct(thread, scene)
        if scene.turns[-1][0] is not scene.expert:  # what the director ended on a question is answered still
            await _turn(thread, scene, scene.expert)
        if len(scene.turns) < LEAST_TURNS:
            thread.lose("no_conversation", detail=f"{len(scene.turns)} turns; at least {LEAST_TURNS}")
        verdict = await _judged(thread, scene)
        made = thread.made(
            messages=messages(scene),
            drawn={"tempers": tempers},
            verdicts=(verdict,),
            situation=scene.situation,
            roles=[{"name": one.name, "profile": one.profile} for one in (scene.expert, *scene.others)],
        )
        return Outcome((made,))


async def _cast(thread: Thread, tempers: Sequence[str]) -> Scene:
    others = "one other person" if len(tempers) == 1 else f"{len(tempers)} other people"
    said = await thread.ask(CAST, passage=Material(thread.seed.text), others=others, tempers=list(tempers))
    found = said.values
    expert, *rest = (Person(**one) for one in (found["expert"], *found["others"]))
    names = [one.name.strip().lower() for one in (expert, *rest)]
    if not rest or not all(names) or len(set(names)) < len(names) or not found["opening"].strip():
        thread.lose(
            "unusable_answer", detail="no other person, names that are the same or missing, or no opening"
        )
    people = tuple(rest[: len(tempers)])
    return Scene(found["situation"], expert, people, [(people[0], found["opening"].strip())])


async def _turn(thread: Thread, scene: Scene, person: Person) -> None:
    """The person's turn, revised by themselves before it is heard."""
    about = {"profile": Material(person.told), "passage": Material(thread.seed.text), **scene.seen}
    injected = Material(scene.injected) if scene.injected else None
    said = await thread.ask(TURN, len(scene.turns), injected=injected, **about)
    if not said.values["says"].strip():
        thread.lose("no_conversation", detail=f"turn {len(scene.turns) + 1} is empty")
    revised = await thread.ask(REVIEW, len(scene.turns), turn=Material(said.values["says"]), **about)
    thread.score({"score": revised.values["score"]})
    scene.turns.append(
        (person, _spoken(revised.values["turn"].strip() or said.values["says"].strip(), person))
    )
    scene.injected = ""


def _spoken(says: str, person: Person) -> str:
    """What is said, without the speaker's own name before it."""
    return says.removeprefix(f"{person.name}:").strip() or says


async def _direct(thread: Thread, scene: Scene) -> None:
    aims = "\n".join(f"{one.name}: {one.aim}" for one in (scene.expert, *scene.others))
    said = await thread.ask(
        DIRECT, len(scene.turns), passage=Material(thread.seed.text), aims=Material(aims), **scene.seen
    )
    scene.summary, scene.injected = said.values["summary"].strip(), said.values["injection"].strip()
    scene.finished = said.values["finished"]


async def _judged(thread: Thread, scene: Scene) -> ChainVerdict:
    said = await thread.ask(
        WHOLE, passage=Material(thread.seed.text), turns=Material(scene.told()), expert=scene.expert.name
    )
    scores = {name: float(said.values[name]) for name in SCORES}
    thread.score(scores)
    if not said.values["stands_alone"]:
        thread.lose("not_standalone", detail=said.values["discussion"][:300])
    if sum(scores.values()) / len(scores) < LEAST_MEAN:
        thread.lose("not_good_enough", detail=said.values["discussion"][:300])
    return ChainVerdict("judge", "passed", said.step.prompt_version, scores, said.values["discussion"])


def messages(scene: Scene) -> tuple[Message, ...]:
    """The expert is the assistant; the others are the user, by name where there are several."""
    several_others = len({person.name for person, _ in scene.turns}) > 2
    made: list[Message] = []
    for person, says in scene.turns:
        role = "assistant" if person is scene.expert else "user"
        named = f"{person.name}: {says}" if role == "user" and several_others else says
        made.append(Message(role, named, {"speaker": person.name}))
    return tuple(made)
