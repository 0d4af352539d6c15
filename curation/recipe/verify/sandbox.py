"""Running code that nobody trusts with its tests: in killable processes behind fences, each run with a named verdict.

    outcome = run(Program(code="def double(x): return 2 * x", tests="assert double(2) == 4"))
    outcome.verdict  # "passed"

What the fences are is in `guard`; what each verdict means in `verdicts`; docs/verification.md says what all this does not promise. Linux only,
with the standard library alone. An AST check is no boundary, so there is none.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from curation.recipe.verify import guard
from curation.recipe.verify.verdicts import VERDICTS

_CHECKOUT = str(Path(__file__).resolve().parents[3])
#: Imported here too, so that its compiled form is on disk: the child never writes one.
_START = (
    f"import sys; sys.path.insert(0, {_CHECKOUT!r}); from {guard.__name__} import main; main(sys.argv[1])"
)
FENCES = ("own root", "landlock", "another user")
MIB = 1 << 20
_PAGE = 4096
_LARGEST_REPORT = 64 << 10


@dataclass(frozen=True, slots=True)
class Program:
    """Code, and tests that call what it defines; without tests the code runs as a script. `packages`: what of the studio's
    own site-packages it may import, such as numpy; nothing by default."""

    code: str
    tests: str = ""
    input: str = ""
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may take. `seconds` is wall time of the whole run, `cpu_seconds` processor time of each of its two processes,
    `memory` address space of each in bytes, `output` bytes of each of stdout and stderr, `file_bytes` all that it writes to files."""

    seconds: float = 10.0
    cpu_seconds: int = 8
    memory: int = 1024 * MIB
    output: int = 256 << 10
    file_bytes: int = 16 * MIB
    open_files: int = 64
    threads: int = 16


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run. `detail` says why in words, `test` is the statement of the tests that ended it.

    Attributes:
        exit: status of the code's process, negative for a signal; None when it was killed with everything else, or never started.
        apart: tests and code ran in processes of their own, so that the code could neither read expected values nor forge a result.
        tried: what the code attempted that the sandbox does not allow, as far as Python tells.
        fences: what kept it in.
    """

    verdict: str
    detail: str = ""
    test: str = ""
    exit: int | None = None
    stdout: str = ""
    stderr: str = ""
    stdout_cut: bool = False
    stderr_cut: bool = False
    seconds: float = 0.0
    apart: bool = False
    tried: tuple[str, ...] = ()
    fences: tuple[str, ...] = ()


def run(
    program: Program,
    limits: Limits | None = None,
    *,
    hidden: tuple[str, ...] = (),
    together: Literal["never", "for tests", "for values"] = "for tests",
    fences: tuple[str, ...] = FENCES,
) -> Outcome:
    """Run the program and say what came of it; never raises for anything that the program does.

    Args:
        hidden: paths that must not be readable inside (the studio's home); where one is, nothing is run. Has to be given
            where only another user hides files.
        together: when code and tests may share a process, which lets code that is made to cheat pass: never; where the tests name
            classes or pass callbacks; or also where what the code returns is no plain data. Otherwise that is an error.
        fences: which to put up, where the machine has them; for tests.
    """
    limits = limits or Limits()
    if sys.platform != "linux":
        return Outcome(
            "refused",
            f"Foreign code runs on Linux only, and this is {sys.platform}. Use the runner of docker/.",
        )
    mode = "apart" if program.tests else "program"
    outcome, need = _run(program, limits, mode, hidden, fences)
    if not need:
        return outcome
    if together == "never" or (need != "for tests" and together == "for tests"):
        return _with(outcome, verdict="error", detail=f"Tests and code cannot run apart: {outcome.detail}.")
    why = outcome.detail
    outcome, _ = _run(program, limits, "together", hidden, fences)
    if outcome.verdict == "passed":
        return _with(
            outcome, detail=f"In one process with its tests, because {why}: code made to cheat could."
        )
    return outcome


def _with(outcome: Outcome, **changes: Any) -> Outcome:
    return Outcome(**{one.name: getattr(outcome, one.name) for one in fields(outcome)} | changes)


def _run(
    program: Program, limits: Limits, mode: str, hidden: tuple[str, ...], fences: tuple[str, ...]
) -> tuple[Outcome, str]:
    folder = tempfile.mkdtemp(prefix="seedbed-run-")
    started = time.monotonic()
    try:
        watched = _Run(*_start(program, limits, mode, hidden, fences, folder), limits, folder)
        watched.watch(started + limits.seconds)
        report = watched.report()
    finally:
        _remove(folder)
    verdict = report.get("verdict", "killed")
    outcome = Outcome(
        verdict=verdict if verdict in VERDICTS else "error",
        detail=str(report.get("detail", "It ended without a word.")),
        test=str(report.get("test", "")),
        exit=report.get("exit"),
        stdout=watched.kept("stdout"),
        stderr=watched.kept("stderr"),
        stdout_cut=watched.cut("stdout"),
        stderr_cut=watched.cut("stderr"),
        seconds=time.monotonic() - started,
        apart=mode == "apart",
        tried=tuple(report.get("tried", ())),
        fences=tuple(report.get("fences", ())),
    )
    return outcome, str(report.get("need", ""))


def _start(
    program: Program,
    limits: Limits,
    mode: str,
    hidden: tuple[str, ...],
    fences: tuple[str, ...],
    folder: str,
) -> tuple[subprocess.Popen[bytes], int]:
    """The guard's process and the descriptor that its report comes from."""
    reading, writing = os.pipe()
    sources = [_held(text) for text in (program.code, program.tests, program.input)]
    job = {
        "mode": mode,
        "folder": folder,
        "libraries": list(libraries()),
        "site": sysconfig.get_path("purelib"),
        "packages": list(program.packages),
        "hidden": list(hidden),
        "fences": list(fences),
        **{
            one: getattr(limits, one)
            for one in ("memory", "cpu_seconds", "file_bytes", "open_files", "threads")
        },
        **dict(zip(("code", "tests", "input"), sources, strict=True)),
        "report": writing,
    }
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _START, json.dumps(job)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={},
            cwd="/",
            bufsize=0,
            pass_fds=(*sources, writing),
            start_new_session=True,
        )
    except OSError:
        os.close(reading)
        raise
    finally:
        for descriptor in (*sources, writing):
            os.close(descriptor)
    return process, reading


def _held(text: str) -> int:
    """A file in memory with this text. No pipe: nobody has to write while the other side reads."""
    descriptor = os.memfd_create("source", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(text.encode("utf-8", "surrogatepass"))
        file.seek(0)
    return descriptor


@lru_cache(maxsize=1)
def libraries() -> tuple[str, ...]:
    """What the code may read: this Python's standard library, and the system's libraries that it is linked to."""
    own = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), sysconfig.get_config_var("LIBDIR")}
    system = {"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo"}
    paths = sorted({path for path in own | system if path and os.path.exists(path)})
    return tuple(path for path in paths if not any(path.startswith(other + "/") for other in paths))


@dataclass
class _Run:
    """A run that is watched from outside."""

    process: subprocess.Popen[bytes]
    reading: int
    limits: Limits
    folder: str
    read: dict[str, bytearray] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)

    def watch(self, deadline: float) -> None:
        """Take in what it writes until it has ended or gone too far, and leave nothing of it alive."""
        assert self.process.stdout and self.process.stderr
        sources = {
            "report": self.reading,
            "stdout": self.process.stdout.fileno(),
            "stderr": self.process.stderr.fileno(),
        }
        self.read = {name: bytearray() for name in sources}
        try:
            with selectors.DefaultSelector() as selector:
                for name, descriptor in sources.items():
                    selector.register(descriptor, selectors.EVENT_READ, name)
                self._take_in(selector, deadline)
        finally:
            self._end()

    def _take_in(self, selector: selectors.BaseSelector, deadline: float) -> None:
        while selector.get_map() and not self.stopped:
            left = deadline - time.monotonic()
            if left <= 0:
                self._stop("timeout", f"It took more than {self.limits.seconds:g} s.")
                return
            for key, _ in selector.select(min(left, 0.25)):
                self._read(selector, key)
            if not self.stopped and _size(self.folder) > self.limits.file_bytes:
                self._stop(
                    "too_much_output", f"It wrote more than {self.limits.file_bytes:,} bytes to files."
                )

    def _read(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        data = os.read(key.fd, 65_536)
        if not data:
            selector.unregister(key.fileobj)
            return
        held = self.read[key.data]
        held += data
        if len(held) > (_LARGEST_REPORT if key.data == "report" else self.limits.output):
            self._stop("too_much_output", f"It wrote more than {self.limits.output:,} bytes to {key.data}.")

    def _stop(self, verdict: str, detail: str) -> None:
        self.stopped = {"verdict": verdict, "detail": detail}

    def _end(self) -> None:
        try:
            # No process inside can leave the group: the filter knows no setsid.
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.reading)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream
            stream.close()

    def report(self) -> dict[str, Any]:
        if self.stopped:
            return dict(self.stopped)
        try:
            found = json.loads(self.read["report"] or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def kept(self, name: str) -> str:
        return bytes(self.read[name][: self.limits.output]).decode("utf-8", "replace")

    def cut(self, name: str) -> bool:
        return len(self.read[name]) > self.limits.output


def _size(folder: str) -> int:
    """Bytes on disk below a folder, a page at least for each entry; 0 where the run has a disk of its own, whose size is the limit."""
    total = 0
    for where, folders, names in os.walk(folder):
        for name in (*folders, *names):
            try:
                total += max(os.lstat(os.path.join(where, name)).st_size, _PAGE)
            except OSError:
                continue
    return total


def _remove(folder: str) -> None:
    """Take the folder away, whatever permissions the code gave to what is in it."""
    for where, folders, _ in os.walk(folder):
        for name in folders:
            path = os.path.join(where, name)
            if not os.path.islink(path):
                os.chmod(path, 0o700)
    shutil.rmtree(folder, ignore_errors=True)
