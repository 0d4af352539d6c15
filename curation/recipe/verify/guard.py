"""The first process of a run: puts up every fence that this machine allows, then starts tester and subject behind them.

Started as `python -I -S -B -c … JOB`, with an empty environment, by `sandbox.run`. Processes, from the outside in: this one; the tester, which is number 1
of a process namespace where there is one, so that nothing survives it; the subject, which runs the code. Fences that hide files, any of which is enough:
a root folder of its own (mount namespace), Landlock, another user. Seccomp and limits come on top and are never left out.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from dataclasses import dataclass, field
from typing import Any

from curation.recipe.verify import attempts, kernel, syscalls, tester
from curation.recipe.verify import subject as subjects
from curation.recipe.verify.values import CannotTravel, Gone, TestsNeedObjects

DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
#: Of users: systemd leaves these numbers to nobody. One per run, so that no two runs can touch each other.
FIRST_USER = 1_900_000_000
_SIGXCPU = 24
_SIGNALS = {4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV", 31: "SIGSYS"}
INSIDE = "/tmp"  # noqa: S108 - of the run's own root


class Refused(Exception):
    """Nothing here keeps foreign code from the studio's files."""


@dataclass
class Job:
    """What `sandbox.run` asks for; descriptors and paths are the guard's."""

    mode: str  # apart, together or program
    folder: str
    libraries: list[str]
    site: str
    packages: list[str]
    hidden: list[str]
    fences: list[str]
    memory: int
    cpu_seconds: int
    file_bytes: int
    open_files: int
    threads: int
    code: int
    tests: int
    input: int
    report: int
    up: list[str] = field(default_factory=list)

    @property
    def readable(self) -> list[str]:
        return [*self.libraries, *(f"{self.site}/{name}" for name in self.packages), *DEVICES]


def main(argument: str) -> None:
    job = Job(**json.loads(argument))
    kernel.die_with_parent()
    try:
        _fence(job)
    except (Refused, syscalls.NoFilter, OSError) as error:
        _tell(job, {"verdict": "refused", "detail": _words(error)})
        return
    child = os.fork()
    if not child:
        _tester(job)
    _, status = os.waitpid(child, 0)
    os._exit(0 if status == 0 else 1)


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, Refused) else f"No sandbox on this machine: {error}."


def _fence(job: Job) -> None:
    if not syscalls.supported():
        raise syscalls.NoFilter(f"there is no list of system calls for {kernel.MACHINE}")
    root = os.geteuid() == 0
    user = FIRST_USER + os.getpid() if root and "another user" in job.fences else os.geteuid()
    if "own root" in job.fences:
        _try_own_root(job, user)
    if user != os.geteuid():
        _become(job, user)
    _limit(job)
    kernel.drop_capabilities()
    kernel.no_new_privileges()
    kernel.die_with_parent()
    os.chdir(job.folder)
    if "landlock" in job.fences and kernel.landlock_version():
        kernel.landlock(job.readable, [job.folder, "/dev/null"], [job.site] if job.packages else [])
        job.up.append("landlock")
    _check_hidden(job)


def _try_own_root(job: Job, user: int) -> None:
    """Namespaces of files, processes, network and System V objects, with a root of nothing but libraries and a small memory disk."""
    try:
        _unshare()
        _build_root(job, user)
    except OSError:
        kernel.unmount(job.folder)
        return  # a container, or a kernel that allows this to nobody: the other fences have to do
    job.up += ["own root", "own network"]
    job.folder = INSIDE


def _unshare() -> None:
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        kernel.unshare(kernel.NEW_NAMESPACES)
        return
    kernel.unshare(kernel.NEW_USER | kernel.NEW_NAMESPACES)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _build_root(job: Job, user: int) -> None:
    root = job.folder
    kernel.mount("", "/", flags=kernel.PRIVATE | kernel.RECURSIVE)
    small = kernel.NO_SUID | kernel.NO_DEVICES | kernel.NO_EXEC
    kernel.mount("tmpfs", root, "tmpfs", small, "size=64k,nr_inodes=256,mode=0755")
    os.makedirs(root + INSIDE)
    inodes = f"nr_inodes={256 + job.file_bytes // 4096}"
    owner = f"uid={user},gid={user if os.geteuid() == 0 else os.getegid()},mode=0700"
    # Before the libraries: a Python may lie below it.
    kernel.mount("tmpfs", root + INSIDE, "tmpfs", small, f"size={job.file_bytes},{inodes},{owner}")
    for path in job.libraries:
        _show(path, root)
    for place in {job.site, f"{os.path.dirname(os.__file__)}/site-packages"}:
        if os.path.isdir(root + place):
            kernel.mount("tmpfs", root + place, "tmpfs", small, "size=64k,nr_inodes=64,mode=0755")
    for path in [*(f"{job.site}/{name}" for name in job.packages), *DEVICES]:
        _show(path, root)
    kernel.mount("", root, flags=kernel.REMOUNT | kernel.BIND | kernel.READ_ONLY | small)
    kernel.enter_root(root)


def _show(path: str, root: str) -> None:
    """Put one of the machine's paths under the new root, read-only."""
    if not os.path.lexists(path) or (os.path.lexists(root + path) and not os.path.isdir(path)):
        return
    os.makedirs(os.path.dirname(root + path), exist_ok=True)
    if os.path.islink(path):
        os.symlink(os.readlink(path), root + path)
        return
    if os.path.isdir(path):
        os.makedirs(root + path, exist_ok=True)
    else:
        os.close(os.open(root + path, os.O_CREAT | os.O_WRONLY))
    kernel.mount(path, root + path, flags=kernel.BIND | kernel.RECURSIVE)
    if path not in DEVICES:
        kernel.seal(root + path, kernel.READ_ONLY | kernel.NO_SUID | kernel.NO_DEVICES)


def _become(job: Job, user: int) -> None:
    if "own root" not in job.up:
        os.chown(job.folder, user, user)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    job.up.append("another user")
    needed = [*job.libraries, job.site] if job.packages else job.libraries
    if not all(os.access(path, os.R_OK) for path in needed):
        raise Refused(
            f"Foreign code has to run as another user than root, who cannot read the Python in {sys.base_prefix}. Install "
            "Python where everybody can read it, or run the studio as an ordinary user."
        )


def _limit(job: Job) -> None:
    shared = 0 if "own root" in job.up or "another user" in job.up else _tasks_of(os.geteuid())
    limits = {
        resource.RLIMIT_AS: job.memory,
        resource.RLIMIT_FSIZE: job.file_bytes,
        resource.RLIMIT_NOFILE: job.open_files,
        resource.RLIMIT_NPROC: shared + job.threads + 3,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for which, value in limits.items():
        resource.setrlimit(which, (value, value))
    # Python sees the first of these as SIGXCPU; the second kills.
    resource.setrlimit(resource.RLIMIT_CPU, (job.cpu_seconds, job.cpu_seconds + 1))


def _tasks_of(user: int) -> int:
    """Threads that a user has on this machine already: the kernel counts them all together."""
    count = 0
    for name in [name for name in os.listdir("/proc") if name.isdigit()]:
        try:
            if os.stat(f"/proc/{name}").st_uid == user:
                count += len(os.listdir(f"/proc/{name}/task"))
        except OSError:
            continue
    return count


def _check_hidden(job: Job) -> None:
    hiding = {"own root", "landlock", "another user"} & set(job.up)
    if hiding == {"another user"} and not job.hidden:
        raise Refused(
            "Only another user stands between foreign code and the studio's files here, and nothing says which of them "
            "have to be closed to it: name the studio's home."
        )
    if not hiding:
        raise Refused(
            "Nothing here hides the studio's files and environment from foreign code: the kernel has no Landlock, allows no "
            "namespaces, and the studio does not run as root, so that it could become another user. "
            "Allow one of them, or run the runner of docker/ beside the studio."
        )
    for path in job.hidden:
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        except OSError:
            continue
        raise Refused(f"{path} could be read by foreign code: close it to other users (chmod 700).")


def _tester(job: Job) -> None:
    """Never returns."""
    token = os.urandom(16).hex()
    bench, subject = _start_subject(job, token)
    kernel.die_with_parent()
    syscalls.install()
    found = _found(job, bench, token)
    bench.close()
    ending = _ending(job, subject)
    _tell(job, {**(found or ending), "exit": ending["exit"], "tried": bench.tried, "fences": job.up})
    os._exit(0)


def _start_subject(job: Job, token: str) -> tuple[tester.Bench, int]:
    """The tester's end of the channel, and the subject's number."""
    ours, theirs = _pair()
    subject = os.fork()
    if not subject:
        os.close(ours[0])
        os.close(ours[1])
        _subject(job, theirs, token)
    for descriptor in (*theirs, job.code, job.input):
        os.close(descriptor)
    return tester.Bench(*ours), subject


def _found(job: Job, bench: tester.Bench, token: str) -> dict[str, Any]:
    """What the tests say; nothing where the subject ended before them."""
    try:
        return tester.judge(bench, _read(job.tests)) if job.mode == "apart" else tester.heard(bench, token)
    except CannotTravel as reason:
        need = "for tests" if isinstance(reason, TestsNeedObjects) else "for values"
        return {"verdict": "together", "need": need, "detail": str(reason)}
    except Gone:
        return {}


def _pair() -> tuple[tuple[int, int], tuple[int, int]]:
    """Two pipes, as what each side reads from and writes to."""
    (from_them, to_us), (from_us, to_them) = os.pipe(), os.pipe()
    return (from_them, to_them), (from_us, to_us)


def _ending(job: Job, subject: int) -> dict[str, Any]:
    """How the subject ended, which counts where it said nothing."""
    _, status, usage = os.wait4(subject, 0)
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return {
            "verdict": "error",
            "detail": f"It ended by itself before its tests did, with status {code}.",
            "exit": code,
        }
    if code == -_SIGXCPU or usage.ru_utime + usage.ru_stime >= job.cpu_seconds:
        return {
            "verdict": "timeout",
            "detail": f"It took more than {job.cpu_seconds} s of processor time.",
            "exit": code,
        }
    return {
        "verdict": "killed",
        "detail": f"Ended by {_SIGNALS.get(-code, f'signal {-code}')}.",
        "exit": code,
    }


def _subject(job: Job, channel: tuple[int, int], token: str) -> None:
    """Never returns."""
    kernel.die_with_parent()
    os.close(job.report)
    code = _read(job.code)
    tests = _read(job.tests) if job.mode == "together" else ""
    os.close(job.code)
    os.close(job.tests)
    os.dup2(job.input, 0)
    os.close(job.input)
    os.environ.clear()
    sys.argv = ["solution.py"]
    del sys.path[0]  # where the studio's own modules were imported from
    if job.packages:
        sys.path.append(job.site)
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
    tried = attempts.watch([job.folder, *job.readable, job.site])
    syscalls.install()
    try:
        if job.mode == "apart":
            subjects.serve(channel, code, tried)
        elif job.mode == "together":
            subjects.together(channel, code, tests, token, tried)
        else:
            subjects.run(channel, code, token, tried)
    except Gone:
        pass
    subjects.end()


def _read(descriptor: int) -> str:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode("utf-8", "surrogatepass")


def _tell(job: Job, report: dict[str, Any]) -> None:
    data = memoryview(json.dumps(report).encode())
    while data:
        data = data[os.write(job.report, data) :]
