"""Prompts in their sandbox: what a template may do, what it may not, and that texts are data."""

from __future__ import annotations

import time

import psutil
import pytest

from curation.recipe.llm.prompt_child import MIB
from curation.recipe.llm.prompts import Bounds, Part, PromptError, Renderer, Template, boundary

BOUNDS = Bounds(memory=400 * MIB, cpu_seconds=1, seconds=8, characters=50_000)


@pytest.fixture(scope="module")
def renderer():
    made = Renderer(BOUNDS)
    yield made
    made.close()


def rendered(renderer, template, **values):
    return renderer.render(Template((Part("user", template),)), values)[0].content


def test_parts_are_rendered_with_their_roles(renderer):
    template = Template(
        (Part("system", "Be {{ how }}."), Part("user", "{% for x in xs %}{{ x }};{% endfor %}"))
    )
    found = renderer.render(template, {"how": "brief", "xs": [1, 2]})
    assert [(one.role, one.content) for one in found] == [("system", "Be brief."), ("user", "1;2;")]


def test_a_text_is_data_and_never_rendered(renderer):
    text = "{{ 7 * 7 }} {% for x in range(9) %} {# no #} ${7*7} </s> \u202e ünï"
    assert rendered(renderer, "[{{ text }}]", text=text) == f"[{text}]"


ATTACKS = {
    "an endless loop": "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}",
    "a huge power": "{{ 9 ** (9 ** 9) }}",
    "a huge string": "{{ 'a' * 10 ** 10 }}",
    "doubling": "{% set ns = ['a' * 1000000] %}{% for i in range(99) %}{% set _ = ns %}{{ ns[0] * 1000 }}{% endfor %}",
    "a flood of output": "{% for a in range(99999) %}{{ 'a' * 1000 }}{% endfor %}",
    "a huge range": "{{ range(10 ** 9) | list }}",
    "a huge pad": "{{ 'a'.ljust(10 ** 10) }}",
    "a huge format": "{{ '%10000000000d' % 1 }}",
    "recursion": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "the class of a string": "{{ ''.__class__ }}",
    "all classes": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "by a filter": "{{ '' | attr('__class__') }}",
    "by a subscript": "{{ ''['__class__'] }}",
    "by joined names": "{{ ''['__cla' ~ 'ss__'] }}",
    "by a format string": "{{ '{0.__class__}'.format('') }}",
    "by format_map": "{{ '{a.__class__.__init__.__globals__}'.format_map({'a': x}) }}",
    "globals of a macro": "{% macro f() %}{% endmacro %}{{ f.__globals__ }}",
    "the environment": "{{ self.__init__.__globals__ }}",
    "the configuration": "{{ config }}",
    "lipsum": "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "cycler": "{{ cycler.__init__.__globals__.os }}",
    "a namespace": "{{ namespace.__init__.__globals__ }}",
    "an include": "{% include '/etc/passwd' %}",
    "an import": "{% import 'os' as os %}",
    "an extension": "{% extends '/etc/passwd' %}",
    "changing what was given": "{{ xs.append(1) }}",
    "clearing it": "{{ xs.clear() }}",
    "a name that is not there": "{{ nothing }}",
    "a part that is not there": "{{ xs.nothing }}",
    "broken syntax": "{% if %}",
    "no end": "{% for x in xs %}",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_comes_to_nothing_and_is_said_why(renderer, attack):
    began = time.monotonic()
    with pytest.raises(PromptError) as refused:
        rendered(renderer, attack, xs=[1], x="x")
    assert str(refused.value)
    assert "root:" not in str(refused.value)
    assert time.monotonic() - began < 60  # far beyond its own limit: it did end
    assert rendered(renderer, "{{ x }}", x="still here") == "still here"


@pytest.mark.parametrize(
    ("template", "line", "said"),
    [
        ("a\n{% if %}", 2, "Line 2: Expected an expression"),
        ("a\n\n{{ nothing }}", 3, "Line 3: 'nothing' is undefined"),
        ("{% macro f(x) %}\n{{ x.y }}\n{% endmacro %}\n{{ f(3) }}", 2, "Line 2: 'int object' has no"),
        ("a\n{{ 1 / 0 }}", 2, "Line 2: ZeroDivisionError"),
    ],
)
def test_an_error_names_its_message_and_its_line(renderer, template, line, said):
    with pytest.raises(PromptError, match=said) as refused:
        renderer.render(Template((Part("system", "fine"), Part("user", template))), {})
    assert (refused.value.part, refused.value.line) == (1, line)


def test_one_child_serves_many_renderings(renderer):
    rendered(renderer, "a")
    child = renderer._process.pid
    assert [rendered(renderer, "{{ n }}", n=n) for n in range(200)] == [str(n) for n in range(200)]
    assert renderer._process.pid == child


def test_the_child_has_nothing_of_the_environment(renderer, monkeypatch):
    monkeypatch.setenv("LLM_API_KEY", "sk-secret")
    renderer.close()
    rendered(renderer, "a")
    assert set(psutil.Process(renderer._process.pid).environ()) <= {
        "PATH",
        "PYTHONPATH",
        "LC_ALL",
        "LC_CTYPE",
    }


def test_a_child_that_does_not_answer_is_killed():
    # It says that it is ready, and nothing more.
    silent = ("-c", "import os, time; os.write(1, b'\\0\\0\\0\\x02{}'); time.sleep(600)")
    renderer = Renderer(Bounds(seconds=0.3), silent)
    with pytest.raises(PromptError, match=r"more than 0\.3 seconds"):
        rendered(renderer, "a")
    assert renderer._process is None


def test_a_child_that_does_not_start_is_an_error_of_ours():
    renderer = Renderer(Bounds(start_seconds=5), ("-c", "import sys; sys.exit(3)"))
    with pytest.raises(RuntimeError, match="does not start"):
        rendered(renderer, "a")


def test_versions_are_told_apart_by_their_words():
    one = Template((Part("user", "a"),))
    assert one.sha256 == Template((Part("user", "a"),)).sha256
    others = [
        Template((Part("user", "b"),)),
        Template((Part("system", "a"),)),
        Template((Part("user", "a"),), {"type": "object"}),
    ]
    assert len({one.sha256, *(other.sha256 for other in others)}) == 4


def test_a_boundary_is_the_same_for_the_same_text_and_not_in_it():
    assert boundary("a text") == boundary("a text") != boundary("another")
    assert boundary("a text") not in "a text"


def test_a_child_that_was_killed_between_two_renderings_is_replaced(renderer):
    rendered(renderer, "a")
    renderer._process.kill()
    renderer._process.wait()
    assert rendered(renderer, "{{ x }}", x="b") == "b"
