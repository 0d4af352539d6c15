"""Encoding beside the asking process: it loads nothing here, survives kills, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import psutil
import pytest

from curation.recipe.text.aside import Aside, TooSlow, answer
from curation.recipe.text.encode import ModelUnavailable, Options

#: A child that answers each question with its own process id as the vector, without any model.
ECHO = "import json, os, sys\nfor line in sys.stdin: print(json.dumps({'key': 'k', 'vector': [os.getpid()]}), flush=True)"
SILENT = "import sys\nfor line in sys.stdin: pass"
GONE = "raise SystemExit"


def an_aside(program: str, patience: float = 10.0) -> Aside:
    return Aside([sys.executable, "-c", program], patience)


def test_one_child_answers_every_thread_of_the_process():
    aside = an_aside(ECHO)
    answers: list[float] = []
    asking = [
        threading.Thread(target=lambda: answers.append(aside.encode("x", Options())[1][0])) for _ in range(8)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    aside.close()
    assert len(answers) == 8 and len(set(answers)) == 1 and answers[0] != os.getpid()


def test_a_child_that_was_killed_is_replaced_by_another():
    aside = an_aside(ECHO)
    first = int(aside.encode("x", Options())[1][0])
    os.kill(first, 9)
    second = int(aside.encode("x", Options())[1][0])
    aside.close()
    assert second != first and not psutil.pid_exists(second)


def test_a_child_that_does_not_answer_is_ended_and_said_to_be_too_slow():
    aside = an_aside(SILENT, patience=0.3)
    with pytest.raises(TooSlow):
        aside.encode("x", Options())
    assert aside._child is None


def test_a_child_that_cannot_start_is_an_unavailable_model():
    with pytest.raises(ModelUnavailable):
        an_aside(GONE).encode("x", Options())


def test_an_unknown_model_is_answered_with_its_reason():
    said = answer(b'{"text": "x", "options": {"name": "/nowhere/at/all"}}\n')
    assert b'"error"' in said and b"/nowhere/at/all" in said


def test_the_child_ends_when_its_parent_is_killed():
    program = (
        "import sys; from curation.recipe.text.aside import Aside; from curation.recipe.text.encode import Options;"
        f"aside = Aside([sys.executable, '-c', {ECHO!r}]);"
        "print(int(aside.encode('x', Options())[1][0]), flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while psutil.pid_exists(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(child)


def test_asking_does_not_load_the_model_here():
    program = (
        "import sys; from curation.recipe.text.aside import Aside; from curation.recipe.text.encode import Options;"
        "Aside(); print('torch' in sys.modules or 'sentence_transformers' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", program]).strip() == b"False"
