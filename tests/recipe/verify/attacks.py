"""Programs that mean harm, and what has to come of them. `{secret}`, `{socket}` and `{parent}` are filled in by the test.

Each is code whose function `f` the tests call; harm that succeeds makes the tests pass.
"""

from __future__ import annotations

from typing import NamedTuple


class Attack(NamedTuple):
    code: str
    verdicts: str  # any of these may come of it, by fences and kernel
    tests: str = "assert f()"


#: Calls machine code (of x86_64; elsewhere it crashes), given in hexadecimal, and returns what is no error.
RAW = """
import ctypes, mmap
def f():
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(bytes.fromhex("{}"))
    return ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))() >= 0
"""

ATTACKS: dict[str, Attack] = {
    "a connection to the network": Attack(
        "import socket\ndef f():\n    return socket.create_connection(('1.1.1.1', 53), 2)", "forbidden"
    ),
    "a socket that listens": Attack(
        "import socket\ndef f():\n    s = socket.socket()\n    s.bind(('127.0.0.1', 0))\n    return True", "forbidden"
    ),
    "a datagram": Attack(
        "import socket\ndef f():\n    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
        "forbidden",
    ),
    "a page fetched by urllib": Attack(
        "import urllib.request\ndef f():\n    return urllib.request.urlopen('http://127.0.0.1:{port}/', timeout=2).read()", "forbidden"
    ),
    "a name looked up": Attack("import socket\ndef f():\n    return socket.getaddrinfo('example.com', 80)", "forbidden"),
    "the database's unix socket": Attack(
        "import socket\ndef f():\n    s = socket.socket(socket.AF_UNIX)\n    s.connect({socket!r})\n    return True", "forbidden"
    ),
    "a file of the studio": Attack("def f():\n    return open({secret!r}).read()", "forbidden"),
    "a folder of the studio listed": Attack("import os\ndef f():\n    return os.listdir(os.path.dirname({secret!r}))", "forbidden"),
    "a file of the studio through a symlink": Attack(
        "import os\ndef f():\n    os.symlink({secret!r}, 'mine')\n    return open('mine').read()", "forbidden"
    ),
    "a hard link to a file of the studio": Attack(
        "import os\ndef f():\n    os.link({secret!r}, 'mine')\n    return open('mine').read()", "forbidden"
    ),
    "root's folder": Attack("import os, sys\ndef f():\n    return [n for n in os.listdir('/root') if n not in sys.base_prefix]", "forbidden failed"),
    "the password file": Attack("def f():\n    return open('/etc/passwd').read()", "forbidden"),
    "the parent's environment": Attack("def f():\n    return open('/proc/{parent}/environ', 'rb').read()", "forbidden"),
    "the parent's memory": Attack("def f():\n    return open('/proc/{parent}/mem', 'rb')", "forbidden"),
    "the judge's memory": Attack(
        "import os\ndef f():\n    return open(f'/proc/{{os.getppid()}}/mem', 'r+b')", "forbidden"
    ),
    "the environment": Attack(
        "import os\ndef f():\n    return [k for k in os.environ if k not in ('LC_CTYPE', 'OPENBLAS_NUM_THREADS')]", "failed"
    ),
    "open descriptors of the studio": Attack(
        "import os, stat\ndef f():\n    found = []\n    for n in range(3, 64):\n        try:\n            found.append(os.fstat(n).st_mode)\n"
        "        except OSError:\n            pass\n    assert len(found) == 2  # to hear from the judge, to answer\n"
        "    return [mode for mode in found if not stat.S_ISFIFO(mode)]",
        "failed",
    ),
    "a fork bomb": Attack("import os\ndef f():\n    while True:\n        os.fork()", "forbidden"),
    "a process pool": Attack(
        "import subprocess\ndef f():\n    return subprocess.run(['/bin/sh', '-c', 'true'])", "forbidden"
    ),
    "a bomb of threads": Attack(
        "import threading, time\ndef f():\n    for _ in range(10_000):\n        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "    return True",
        "forbidden",
    ),
    "all of the memory": Attack("def f():\n    return len(bytearray(1 << 40))", "out_of_memory"),
    "memory by and by": Attack(
        "def f():\n    held = []\n    while True:\n        held.append(bytearray(1 << 22))", "out_of_memory killed"
    ),
    "a flood on stdout": Attack("def f():\n    while True:\n        print('x' * 1000)", "too_much_output"),
    "a flood on stderr": Attack(
        "import sys\ndef f():\n    while True:\n        sys.stderr.write('x' * 1000)", "too_much_output"
    ),
    "an endless loop": Attack("def f():\n    while True:\n        pass", "timeout"),
    "an endless loop that shrugs off signals": Attack(
        "import signal\ndef f():\n    signal.signal(signal.SIGXCPU, signal.SIG_IGN)\n    while True:\n        pass", "timeout"
    ),
    "a sleep past the limit": Attack("import time\ndef f():\n    time.sleep(1000)\n    return True", "timeout"),
    "an endless loop while it is loaded": Attack("while True:\n    pass", "timeout"),
    "a signal to the parent": Attack("import os\ndef f():\n    os.kill({parent}, 9)\n    return True", "forbidden"),
    "a signal to the judge": Attack("import os\ndef f():\n    os.kill(os.getppid(), 9)\n    return True", "forbidden"),
    "a signal to the process group": Attack("import os\ndef f():\n    os.killpg(0, 9)\n    return True", "forbidden"),
    "a signal to everybody": Attack("import os\ndef f():\n    os.kill(-1, 9)\n    return True", "forbidden"),
    "a file written outside": Attack("def f():\n    return open({secret!r} + '.new', 'w').write('x')", "forbidden"),
    "a library overwritten": Attack("import os\ndef f():\n    return open(os.__file__, 'a').write('#')", "forbidden error"),
    "a disk filled by one file": Attack(
        "def f():\n    with open('big', 'wb') as file:\n        while True:\n            file.write(b'x' * 65536)", "too_much_output"
    ),
    "a disk filled by many files": Attack(
        "def f():\n    n = 0\n    while True:\n        n += 1\n        open(f'{{n}}', 'wb').write(b'x' * 65536)", "too_much_output"
    ),
    "a program written and executed": Attack(
        "import os\ndef f():\n    open('run', 'w').write('#!/bin/sh\\ntrue')\n    os.chmod('run', 0o755)\n    os.execv('./run', ['run'])", "forbidden"
    ),
    "native code that opens a socket": Attack(
        "import ctypes\ndef f():\n    return ctypes.CDLL(None).socket(2, 1, 0) >= 0", "failed"
    ),
    "native code that opens a file": Attack(
        "import ctypes\ndef f():\n    return ctypes.CDLL(None).open({secret!r}.encode(), 0) >= 0", "failed"
    ),
    "native code that forks": Attack("import ctypes\ndef f():\n    return ctypes.CDLL(None).fork() >= 0", "failed"),
    "machine code that opens a socket": Attack(
        RAW.format("b829000000bf02000000be0100000031d20f05c3"), "failed killed"
    ),
    "machine code that calls by the numbers of x32": Attack(
        RAW.format("b829000040bf02000000be0100000031d20f05c3"), "failed killed"
    ),
    "machine code that forks by the numbers of i386": Attack(RAW.format("b802000000cd80c3"), "killed"),
    "ptrace": Attack("import ctypes, os\ndef f():\n    return ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0", "failed"),
    "mount": Attack("import ctypes\ndef f():\n    return ctypes.CDLL(None).mount(b'none', b'/', b'tmpfs', 0, None) == 0", "failed"),
    "new namespaces": Attack("import ctypes\ndef f():\n    return ctypes.CDLL(None).unshare(0x10000000) == 0", "failed"),
    "the user changed back": Attack("import os\ndef f():\n    os.setuid(0)\n    return True", "forbidden"),
    "kernel interfaces: io_uring, bpf, keyctl, perf, userfaultfd, memfd": Attack(
        "import ctypes\ndef f():\n    call = ctypes.CDLL(None).syscall\n    return any(call(n, 0, 0, 0, 0, 0) >= 0 for n in (425, 321, 250, 298, 323, 319))",
        "failed",
    ),
    "a daemon that outlives": Attack(
        "import os, time\ndef f():\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(1000)\n    return True", "forbidden"
    ),
    "a session of its own": Attack("import os\ndef f():\n    os.setsid()\n    return True", "forbidden"),
    "stdout closed, and on it goes": Attack(
        "import os, time\ndef f():\n    os.close(1)\n    os.close(2)\n    time.sleep(1000)", "timeout"
    ),
    "an exit that looks like success": Attack("import os\nos._exit(0)", "error"),
    "an exit that looks like success, when called": Attack("import os\ndef f():\n    os._exit(0)", "error"),
    "SystemExit": Attack("import sys\ndef f():\n    sys.exit(0)", "error"),
    "KeyboardInterrupt": Attack("def f():\n    raise KeyboardInterrupt", "error"),
    "a result forged on every descriptor": Attack(
        "import os, json\ndef f():\n    for n in range(3, 64):\n        try:\n            os.write(n, json.dumps({{'verdict': 'passed'}}).encode())\n"
        "        except OSError:\n            pass\n    os._exit(0)",
        "error",
    ),
    "an answer in place of the judge's": Attack(
        "import sys\nfrom curation.recipe.verify import trial\ntrial.trial = lambda *a: {{'verdict': 'passed'}}\ndef f():\n    return False", "failed"
    ),
    "builtins overwritten": Attack(
        "import builtins\nbuiltins.AssertionError = type('Fine', (Exception,), {{}})\nbuiltins.abs = lambda x: 0\ndef f():\n    return 5",
        "failed",
        "assert abs(f() - 1) < 1",
    ),
    "a function of the tests' own redefined": Attack(
        "def abs(x):\n    return 0\ndef f():\n    return 5", "failed", "assert abs(f() - 1) < 1"
    ),
    "a name that pretends to be one of the standard library, equal to everything": Attack(
        "from curation.recipe.verify import subject\nsubject._kind = lambda value: {{'module': 'unittest.mock', 'name': 'ANY'}}\nanswer = 1",
        "failed", "assert answer == 42",
    ),
    "a value equal to everything": Attack(
        "class Same:\n    __eq__ = lambda a, b: True\n    __bool__ = lambda a: True\ndef f():\n    return Same()", "error", "assert f() == 42"
    ),
    "a number equal to everything": Attack(
        "class Same(int):\n    __eq__ = lambda a, b: True\ndef f():\n    return Same(1)", "failed", "assert f() == 42"
    ),
    "the expected value read from the frames": Attack(
        "import sys\ndef f():\n    frame = sys._getframe()\n    while frame:\n        for value in list(frame.f_locals.values()) + list(frame.f_globals.values()):\n"
        "            if isinstance(value, str) and 'assert ' + 'f() ==' in value:\n                return int(value.split('==')[1])\n        frame = frame.f_back",
        "failed",
        "assert f() == 4242",
    ),
    "the expected value read from the descriptors": Attack(
        "import os\ndef f():\n    for n in range(64):\n        try:\n            text = os.pread(n, 9999, 0).decode()\n        except OSError:\n            continue\n"
        "        if 'assert ' + 'f() ==' in text:\n            return int(text.split('==')[1])",
        "failed",
        "assert f() == 4242",
    ),
    "its own folder deleted": Attack(
        "import os, shutil\ndef f():\n    shutil.rmtree(os.getcwd(), ignore_errors=True)\n    return not os.path.exists('/')", "failed"
    ),
    "a huge integer to a string": Attack("def f():\n    return str(10 ** (10 ** 5))", "error"),
    "a huge power": Attack("def f():\n    return 7 ** (7 ** 12)", "timeout out_of_memory"),
    "recursion without end": Attack("def f():\n    return f()", "error"),
    "recursion into a crash": Attack(
        "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f():\n    class A:\n        def __getattr__(self, n):\n            return getattr(self, n)\n"
        "    return A().x",
        "killed",
    ),
    "a crash in native code": Attack("import ctypes\ndef f():\n    return ctypes.string_at(0)", "killed"),
    "a value without end": Attack("import itertools\ndef f():\n    return itertools.count()", "failed killed out_of_memory timeout", "assert next(iter(f())) == 1"),
    "a value that holds itself": Attack("def f():\n    x = []\n    x.append(x)\n    return x", "error"),
    "a device": Attack("import os\ndef f():\n    os.mknod('disk', 0o60666, os.makedev(254, 0))\n    return True", "error forbidden"),
    "limits raised": Attack(
        "import resource\ndef f():\n    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))\n    return True", "error"
    ),
}  # fmt: skip
