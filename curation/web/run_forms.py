"""The forms of runs: what a new one is asked for, and how far one may go."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict

from curation.actions import runs
from curation.actions.runs import MOST_SIMILAR, Choice, Wanted
from curation.jobs.steering import Bounds
from curation.models import Endpoint, Project, Run
from curation.models.run_progress import Estimate
from curation.recipe.generate.drawn import DIFFICULTIES, SKILLS
from curation.recipe.generate.rewrite import FORMS
from curation.recipe.generate.workflows import WORKFLOWS
from curation.recipe.verify.examine import CHECKS

#: Which seeds: (value of `Choice.state`, words).
WHICH_SEEDS = (("approved", "Approved seeds"), ("", "All seeds that nobody rejected"))
FORM_WORDS = {
    "exercises": "Exercises with solutions",
    "discussion": "A discussion",
    "reasoning": "A structured reasoning task",
    "web": "The passage written anew",
}
JUDGE = "A language model judges it: faults, accuracy, style and detail."
#: The pilot's budget that is offered: enough for a few seeds of the longest workflow.
PILOT_TOKENS = 200_000


class RunForm(forms.Form):
    """A new run. Its fields come in the order in which one decides: what, from what, by whom, what counts, how far."""

    use_required_attribute = False
    name = forms.CharField(max_length=120)
    workflow = forms.ChoiceField(choices=[(key, one.title) for key, one in WORKFLOWS.items()])
    kinds = forms.MultipleChoiceField(
        label="Forms",
        required=False,
        choices=list(FORM_WORDS.items()),
        widget=forms.CheckboxSelectMultiple,
        help_text="Of rewrite and augment: what each passage becomes.",
    )
    state = forms.ChoiceField(label="Seeds", choices=WHICH_SEEDS, required=False, initial="approved")
    source = forms.ChoiceField(label="From the source", required=False)
    topic = forms.ChoiceField(label="On the topic", required=False)
    language = forms.ChoiceField(label="In the language", required=False)
    take = forms.IntegerField(
        label="How many seeds", min_value=1, required=False, help_text="Drawn at random. Empty: all of them."
    )
    endpoint = forms.ChoiceField(label="Model")
    temperature = forms.FloatField(
        min_value=0, max_value=2, required=False, help_text="Empty: the endpoint's."
    )
    accepting = forms.ChoiceField(
        label="Accepted means",
        choices=Run.Accepting.choices,
        widget=forms.RadioSelect,
        initial=Run.Accepting.PEOPLE,
    )
    decisions = forms.IntegerField(
        label="Decisions per sample",
        min_value=1,
        max_value=9,
        initial=1,
        help_text="By different people, blind.",
    )
    required = forms.MultipleChoiceField(
        label="Verdicts that have to pass",
        required=False,
        choices=[(key, f"{one.title}. {one.explanation}") for key, one in CHECKS.items()]
        + [("judge", JUDGE)],
        widget=forms.CheckboxSelectMultiple,
    )
    judge = forms.ChoiceField(
        label="Judging model",
        required=False,
        help_text="Empty: the workflow's own second look counts as a judge's verdict.",
    )
    most_similar = forms.FloatField(
        label="Too similar from",
        min_value=0.5,
        max_value=1,
        initial=MOST_SIMILAR,
        required=False,
        help_text="Cosine to an accepted or approved sample. Empty: nothing is compared.",
    )
    skill = forms.ChoiceField(required=False, help_text="Fixed instead of drawn for each candidate.")
    difficulty = forms.ChoiceField(required=False)
    target = forms.IntegerField(
        label="Samples to accept",
        min_value=1,
        max_value=runs.MOST_TARGET,
        initial=100,
        help_text="Exactly so many.",
    )
    pilot = forms.IntegerField(
        label="Seeds of the pilot",
        min_value=0,
        max_value=100,
        initial=3,
        help_text="Tried first; then you see what the whole would cost. 0 starts at once.",
    )
    budget_tokens = forms.IntegerField(
        label="Tokens at most", min_value=1, max_value=10**13, required=False, initial=PILOT_TOKENS
    )
    budget_money = forms.DecimalField(
        label="Money at most", min_value=0, max_digits=12, decimal_places=4, required=False
    )
    draw = forms.IntegerField(
        label="Seed of chance",
        initial=1,
        help_text="The same seed draws the same audiences, skills and seeds.",
    )

    def __init__(
        self, data: Any = None, *, project: Project, offered: list[Endpoint], asked: QueryDict | None = None
    ) -> None:
        super().__init__(data)
        self.project = project
        self.endpoints = {str(one.uuid): one for one in offered}
        models = [(key, f"{one.name} ({one.model})") for key, one in self.endpoints.items()]
        self._offer("endpoint", models)
        self._offer("judge", [("", "None"), *models])
        self.sources = {str(one.uuid): one.pk for one in project.sources.all()}
        sources = [("", "Any"), *((str(one.uuid), one.name) for one in project.sources.in_use())]
        self._offer("source", sources)
        self._offer("topic", [("", "Any"), *runs.topics_of_seeds(project)])
        self._offer("language", [("", "Any"), *((code, code) for code in runs.languages_of_seeds(project))])
        skills = [one for one in dict.fromkeys((*SKILLS, asked.get("skill", "") if asked else "")) if one]
        self._offer("skill", [("", "Drawn"), *((one, one) for one in skills)])
        self._offer("difficulty", [("", "Drawn"), *((one, one) for one in DIFFICULTIES)])
        self.initial.update(name=runs.free_name(project), kinds=list(FORMS))
        for name in ("workflow", "skill", "difficulty", "topic", "target"):
            if asked and asked.get(name):
                self.initial[name] = asked[name]

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        found: Any = self.fields[name]
        found.choices = choices

    def choice(self) -> Choice:
        """Which seeds, as far as the form could be read."""
        said = self.cleaned_data
        source = said.get("source")
        return Choice(
            state=said.get("state", "approved"),
            sources=(self.sources[source],) if source in self.sources else (),
            language=said.get("language") or "",
            topic=said.get("topic") or "",
            take=said.get("take") or 0,
        )

    def wanted(self) -> Wanted:
        said = self.cleaned_data
        options = {"forms": said["kinds"]} if said["workflow"] == "rewrite" and said["kinds"] else {}
        return Wanted(
            name=said["name"],
            workflow=said["workflow"],
            endpoint=self.endpoints[said["endpoint"]],
            target=said["target"],
            budget_tokens=said["budget_tokens"],
            budget_money=said["budget_money"],
            choice=self.choice(),
            pilot=said["pilot"],
            accepting=said["accepting"],
            decisions=said["decisions"],
            required=tuple(said["required"]),
            judge=self.endpoints.get(said["judge"]),
            most_similar=said["most_similar"],
            draw=said["draw"],
            options=options,
            aim={key: said[key] for key in ("skill", "difficulty") if said[key]},
            temperature=said["temperature"],
        )


class BoundsForm(forms.Form):
    """How far a run may go: offered is what the estimate says, with room."""

    use_required_attribute = False
    target = forms.IntegerField(label="Samples to accept", min_value=1, max_value=runs.MOST_TARGET)
    most_candidates = forms.IntegerField(label="Candidates at most", min_value=1, max_value=10**9)
    budget_tokens = forms.IntegerField(
        label="Tokens at most",
        min_value=1,
        max_value=10**13,
        required=False,
        help_text="With what is spent already.",
    )
    budget_money = forms.DecimalField(
        label="Money at most", min_value=0, max_digits=12, decimal_places=4, required=False
    )

    def __init__(self, data: Any = None, *, run: Run, estimate: Estimate | None = None) -> None:
        initial = {
            "target": run.target,
            "most_candidates": run.most_candidates,
            "budget_tokens": run.budget_tokens,
            "budget_money": run.budget_money,
        }
        if estimate is not None and estimate.tokens is not None:
            initial["budget_tokens"] = max(run.budget_tokens or 0, estimate.offered_tokens or 0)
            initial["most_candidates"] = max(run.most_candidates, estimate.offered_candidates or 0)
            if run.budget_money is not None:
                initial["budget_money"] = max(run.budget_money, estimate.offered_money or run.budget_money)
        super().__init__(data, initial=initial)
        if not run.endpoint.has_price:
            del self.fields["budget_money"]
            self.fields["budget_tokens"].required = True

    def bounds(self) -> Bounds:
        said = self.cleaned_data
        return Bounds(
            said["target"], said["most_candidates"], said["budget_tokens"], said.get("budget_money")
        )
