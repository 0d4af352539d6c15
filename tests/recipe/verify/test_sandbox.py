"""The sandbox: every attack ends with a named verdict, as root and as an ordinary user, and honest code is judged rightly."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest

from curation.recipe.verify import kernel
from curation.recipe.verify.sandbox import FENCES, Limits, Outcome, Program, run
from curation.recipe.verify.verdicts import VERDICTS
from tests.recipe.verify.attacks import ATTACKS, Attack
from tests.recipe.verify.refusal import refusal

REFUSED = refusal()
pytestmark = pytest.mark.skipif(bool(REFUSED), reason=REFUSED)

CHECKOUT = Path(__file__).resolve().parents[3]
QUICK = Limits(seconds=3.0, cpu_seconds=1, memory=256 << 20, file_bytes=2 << 20)
SECRET = "the studio's secret key"
ORDINARY_USER = 1_850_000_001
AS_A_USER = """
import dataclasses, json, sys
sys.path.insert(0, sys.argv[1])
from curation.recipe.verify.sandbox import Limits, Program, run
asked = json.load(sys.stdin)
for code, tests in asked["programs"]:
    outcome = run(Program(code, tests), Limits(**asked["limits"]))
    print(json.dumps(dataclasses.asdict(outcome)), flush=True)
"""


@pytest.fixture(scope="module")
def studio() -> Iterator[dict[str, object]]:
    """What attacks are after: a secret file, the socket of a database, a page on loopback, the studio's process."""
    folder = Path(tempfile.mkdtemp(prefix="seedbed-attacked-", dir="/var/tmp"))
    folder.chmod(0o755)  # only the sandbox stands between the code and the file
    (folder / "secret_key").write_text(SECRET)
    (folder / "secret_key").chmod(0o644)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(folder / ".s.PGSQL.5432"))
    listening.listen()
    page = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    threading.Thread(target=page.serve_forever, daemon=True).start()
    yield {
        "secret": str(folder / "secret_key"),
        "socket": str(folder / ".s.PGSQL.5432"),
        "port": page.server_port,
        "parent": os.getpid(),
    }
    page.shutdown()
    page.server_close()
    listening.close()
    shutil.rmtree(folder)


def attacked(attack: Attack, studio: dict[str, object]) -> Program:
    return Program(attack.code.format(**studio), attack.tests)


def assert_stopped(outcome: Outcome, attack: Attack) -> None:
    assert outcome.verdict in VERDICTS
    assert outcome.verdict in attack.verdicts.split(), outcome
    assert SECRET not in repr(outcome)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_ends_with_a_named_verdict(name: str, studio: dict[str, object]) -> None:
    assert_stopped(run(attacked(ATTACKS[name], studio), QUICK), ATTACKS[name])


#: What is kept from the code by hiding files and processes, which each fence has to do alone.
HIDING = [name for name, attack in ATTACKS.items() if "{secret" in attack.code or "{parent" in attack.code or "{socket" in attack.code or "/root" in attack.code]  # fmt: skip


@pytest.mark.skipif(not kernel.landlock_version(), reason="this kernel has no Landlock")
@pytest.mark.parametrize("name", HIDING)
def test_landlock_alone_hides_the_studio(name: str, studio: dict[str, object]) -> None:
    outcome = run(attacked(ATTACKS[name], studio), QUICK, fences=("landlock",))
    assert outcome.fences == ("landlock",)
    assert_stopped(outcome, ATTACKS[name])


@pytest.mark.parametrize("name", HIDING)
def test_a_root_folder_of_its_own_alone_hides_the_studio(name: str, studio: dict[str, object]) -> None:
    outcome = run(attacked(ATTACKS[name], studio), QUICK, fences=("own root",))
    if outcome.verdict == "refused":
        pytest.skip("namespaces are not allowed here")
    assert_stopped(outcome, ATTACKS[name])


def test_as_an_ordinary_user_every_attack_ends_with_a_named_verdict(studio: dict[str, object]) -> None:
    python = sys.executable if os.geteuid() else _python_for_everybody()
    with tempfile.TemporaryDirectory(prefix="seedbed-code-") as copy:
        os.chmod(copy, 0o755)
        shutil.copytree(CHECKOUT / "curation/recipe/verify", Path(copy) / "curation/recipe/verify")
        asked = {
            "programs": [attacked(attack, studio) for attack in ATTACKS.values()],
            "limits": {"seconds": 3.0, "cpu_seconds": 1, "memory": 256 << 20, "file_bytes": 2 << 20},
        }
        asked["programs"] = [(program.code, program.tests) for program in asked["programs"]]
        options = (
            {"user": ORDINARY_USER, "group": ORDINARY_USER, "extra_groups": []} if not os.geteuid() else {}
        )
        ran = subprocess.run(
            [python, "-c", AS_A_USER, copy],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            cwd="/",
            **options,
        )
    outcomes = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(outcomes) == len(ATTACKS), ran.stderr
    if outcomes[0]["verdict"] == "refused":
        pytest.skip(outcomes[0]["detail"])
    for attack, outcome in zip(ATTACKS.values(), outcomes, strict=True):
        assert "another user" not in outcome["fences"]
        assert_stopped(Outcome(**outcome), attack)


def _python_for_everybody() -> str:
    """A Python that an ordinary user may start, which root's own need not be."""
    for path in (sys.executable, *(f"/usr/bin/python3.{minor}" for minor in range(11, 16))):
        probe = {"user": ORDINARY_USER, "group": ORDINARY_USER, "extra_groups": []}
        try:
            if subprocess.run([path, "-c", ""], cwd="/", capture_output=True, **probe).returncode == 0:
                return path
        except OSError:
            continue
    pytest.skip("no Python here that an ordinary user may start")


def test_nothing_of_a_run_is_left_alive_or_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o711)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        code = (
            "import os, threading, time\nos.mkdir('shut', 0)\n"
            "threading.Thread(target=time.sleep, args=(1000,)).start()\nwhile True: pass"
        )
        for fences in (FENCES, ("landlock",)):
            assert run(Program(code), Limits(seconds=1), fences=fences).verdict == "timeout"
        assert not os.listdir(folder)
    assert not [one for one in psutil.Process().children(recursive=True) if _runs_the_sandbox(one)]


def _runs_the_sandbox(process: psutil.Process) -> bool:
    """Another test's child may end while it is being looked at: what is gone, or only waits to be reaped, runs nothing."""
    try:
        return any("curation.recipe.verify.guard" in word for word in process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def test_a_run_ends_with_the_process_that_started_it() -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(CHECKOUT)!r})\n"
        "from curation.recipe.verify.sandbox import Limits, Program, run\n"
        "run(Program('import time; time.sleep(1000)'), Limits(seconds=1000))"
    )
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o711)
        studio = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "TMPDIR": folder})
        while len(inside := psutil.Process(studio.pid).children(recursive=True)) < 3:
            assert studio.poll() is None
        studio.kill()
        studio.wait()
        _, alive = psutil.wait_procs(inside, timeout=30)
    assert not alive


def test_without_any_fence_nothing_is_run_and_the_reason_is_said(tmp_path: Path) -> None:
    outcome = run(Program(f"open({str(tmp_path / 'ran')!r}, 'w')"), fences=())
    assert outcome.verdict == "refused"
    assert "Landlock" in outcome.detail
    assert not VERDICTS["refused"].judged
    assert not (tmp_path / "ran").exists()


def test_a_home_that_could_be_read_is_a_reason_to_refuse() -> None:
    outcome = run(Program("x = 1"), hidden=("/usr/lib",))
    assert outcome.verdict == "refused"
    assert "/usr/lib" in outcome.detail


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_alone_is_no_fence_where_nothing_says_what_it_hides() -> None:
    assert run(Program("x = 1"), fences=("another user",)).verdict == "refused"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_becomes_a_user_of_its_own_per_run_without_any_capability() -> None:
    code = "import os\nprint(os.getuid(), os.getgid(), os.getgroups())"
    first, second = run(Program(code)), run(Program(code))
    assert "another user" in first.fences
    assert int(first.stdout.split()[0]) >= 1_900_000_000
    assert first.stdout != second.stdout


def test_output_errors_and_exit_are_kept() -> None:
    outcome = run(
        Program(
            "import sys\nprint(input())\nprint('oh', file=sys.stderr)\nsys.stdout.flush()\nimport os\nos._exit(7)",
            input="hello\n",
        )
    )
    assert (outcome.stdout, outcome.stderr, outcome.exit) == ("hello\n", "oh\n", 7)
    assert outcome.verdict == "error"
    assert outcome.seconds > 0


def test_output_beyond_the_limit_is_cut_and_flagged() -> None:
    outcome = run(Program("print('x' * 5000)"), Limits(output=1000))
    assert outcome.verdict == "too_much_output"
    assert (outcome.stdout, outcome.stdout_cut, outcome.stderr_cut) == ("x" * 1000, True, False)


def test_a_failed_test_is_named() -> None:
    outcome = run(
        Program("def double(x): return x + 2", "assert double(2) == 4\nassert double(3) == 6, 'thrice'")
    )
    assert (outcome.verdict, outcome.test) == ("failed", "assert double(3) == 6, 'thrice'")
    assert "thrice" in outcome.detail


def test_an_error_of_the_code_names_its_line() -> None:
    outcome = run(Program("def f(x):\n    return 1 / x", "assert f(0) == 1"))
    assert outcome.verdict == "error"
    assert outcome.detail == "ZeroDivisionError: division by zero (line 2 of the code)"


def test_an_assertion_of_the_code_is_no_failed_test() -> None:
    assert run(Program("def f():\n    assert False", "assert f()")).verdict == "error"


def test_a_test_may_expect_an_exception() -> None:
    tests = "try:\n    f(0)\nexcept ZeroDivisionError:\n    raised = True\nassert raised"
    assert run(Program("def f(x): return 1 / x", tests)).verdict == "passed"


def test_tests_that_swallow_everything_do_not_hide_an_end() -> None:
    tests = "try:\n    f()\nexcept BaseException:\n    pass"
    assert run(Program("import os\ndef f(): os._exit(0)", tests)).verdict == "error"


@pytest.mark.parametrize("value", ["None", "True", "-1.5", "10 ** 40", "'é\\ud800'", "b'\\xff'", "(1, (2,))", "{1, 2}", "frozenset({1})", "{1: [2], (3,): None}", "1 + 2j", "range(3)", "float('inf')", "deque([1])", "Fraction(1, 3)", "Decimal('1.50')", "Counter('aab')", "datetime(2026, 1, 2)", "timedelta(1, 2)", "bytearray(b'x')"])  # fmt: skip
def test_plain_values_reach_tests_as_they_are(value: str) -> None:
    imports = "from collections import *\nfrom fractions import Fraction\nfrom decimal import Decimal\nfrom datetime import *\n"
    tests = f"{imports}assert f() == {value} and same({value}) == {value}\nassert type(f()) is type({value})"
    outcome = run(Program(f"{imports}def f(): return {value}\ndef same(x): return x", tests))
    assert (outcome.verdict, outcome.apart) == ("passed", True), outcome


def test_what_a_function_does_to_its_arguments_is_seen_by_the_tests() -> None:
    code = "def change(a, b, c):\n    a.sort()\n    b['x'] = 1\n    c.add(3)"
    tests = "a, b, c = [2, 1], {}, {1}\nchange(a, b, c)\nassert (a, b, c) == ([1, 2], {'x': 1}, {1, 3})"
    assert run(Program(code, tests)).verdict == "passed"


def test_tests_that_name_classes_run_together_and_say_so() -> None:
    program = Program(
        "class Pair:\n    def __init__(self, a): self.a = a\ndef f(p): return p.a", "assert f(Pair(3)) == 3"
    )
    outcome = run(program)
    assert (outcome.verdict, outcome.apart) == ("passed", False)
    assert "Pair" in outcome.detail
    assert run(program, together="never").verdict == "error"


def test_a_function_that_is_named_like_a_builtin_is_tested() -> None:
    outcome = run(Program("def sum(a, b): return a - b", "assert sum(3, 1) == 2"))
    assert (outcome.verdict, outcome.apart) == ("passed", True)


def test_tests_may_use_what_the_code_imported() -> None:
    code = "import math\nfrom collections import Counter\nfrom functools import lru_cache\n@lru_cache\ndef f(x): return Counter(x)"
    outcome = run(Program(code, "assert f('aab') == Counter(a=2, b=1)\nassert math.isclose(1, 1)"))
    assert (outcome.verdict, outcome.apart) == ("passed", True)


def test_a_value_that_is_too_large_to_travel_is_named() -> None:
    outcome = run(Program("def f(): return 'x' * 80_000_000", "assert len(f()) == 80_000_000"))
    assert (outcome.verdict, "f returned more than 64 MiB" in outcome.detail) == ("error", True)


def test_objects_that_the_code_returns_are_compared_only_where_that_is_allowed() -> None:
    program = Program(
        "class Same:\n    __eq__ = lambda a, b: True\ndef f(): return Same()", "assert f() == 1"
    )
    assert run(program).verdict == "error"
    assert run(program, together="for values").apart is False


def test_together_an_exit_before_the_tests_is_no_success() -> None:
    code = "import os, json\nclass A: pass\nfor n in range(3, 64):\n    try: os.write(n, b'\\x00' * 40)\n    except OSError: pass\nos._exit(0)"
    assert run(Program(code, "assert A")).verdict == "error"


@pytest.mark.parametrize(
    ("tests", "verdict"),
    [
        ("def test_it():\n    assert f() == 1", "passed"),
        ("def test_it():\n    assert f() == 2", "failed"),
        (
            "import unittest\nclass T(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(f(), 1)",
            "passed",
        ),
        (
            "import unittest\nclass T(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(f(), 2)",
            "failed",
        ),
        ("assert f() ==", "error"),
        ("assert undefined() == 1", "error"),
    ],
)
def test_tests_in_the_usual_forms_are_run(tests: str, verdict: str) -> None:
    assert run(Program("def f(): return 1", tests)).verdict == verdict


def test_threads_and_asyncio_work_inside() -> None:
    code = (
        "import asyncio\nfrom concurrent.futures import ThreadPoolExecutor\nasync def one(): return 1\n"
        "def f():\n    with ThreadPoolExecutor(4) as pool:\n        return asyncio.run(one()) + sum(pool.map(abs, range(4)))"
    )
    assert run(Program(code, "assert f() == 7")).verdict == "passed"


def test_packages_of_the_studio_are_out_of_reach_unless_they_are_named() -> None:
    code = "import numpy\ndef f(): return float(numpy.arange(3).sum())"
    assert run(Program(code, "assert f() == 3")).verdict == "error"
    assert run(Program(code, "assert f() == 3", packages=("numpy", "numpy.libs"))).verdict == "passed"
    django = "import numpy, django"
    assert run(Program(django, packages=("numpy", "numpy.libs"))).verdict == "error"
