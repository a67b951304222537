"""The slow, independent check of a HumanEval program: `python -I` on prompt, completion and test as they are.

Nothing of ours judges here, so that it can find what ours got wrong. It is for samples of real models, not for
attacks: the process is the user `nobody` without a network (both where we are root), with limits on processor
time, memory, processes and file sizes, an empty directory and environment, and HumanEval's own guard, which takes
the calls away with which a program ends other processes or removes files.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

CPU_S = 6
_WALL_S = 30.0
_MEMORY_BYTES = 1 << 30
_NOBODY = 65_534
_PASSED = "every check passed"
# After human-eval's `reliability_guard` (openai/human-eval, execution.py).
_GUARD = """
import builtins, os, shutil, subprocess, sys
source = sys.stdin.read()
for name in ("kill system putenv remove removedirs rmdir fchdir setuid fork forkpty killpg rename renames truncate "
             "replace unlink fchmod fchown chmod chown chroot lchown getcwd chdir").split():
    setattr(os, name, None)
shutil.rmtree = shutil.move = shutil.chown = subprocess.Popen = None
builtins.exit = builtins.quit = builtins.help = None
for name in ("ipdb", "joblib", "psutil", "tkinter", "resource", "ctypes"):
    sys.modules[name] = None
out = sys.stdout
sys.stdout = open(os.devnull, "w")
exec(source, {})
out.write(sys.argv[1])
out.flush()
os._exit(0)
"""


def plain_checks(sources: Sequence[str]) -> list[bool]:
    """Run n programs with their tests; say of each, in order, whether it came to its end."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        return list(threads.map(passes, sources))


def passes(source: str) -> bool:
    """Run one program with its tests; say whether it came to its end."""
    with tempfile.TemporaryDirectory() as folder:
        word = os.urandom(8).hex()
        try:
            done = subprocess.run(
                [*_without_network(), sys.executable, "-I", "-c", _GUARD, word],
                input=source.encode("utf-8", "surrogatepass"),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=folder,
                env={},
                timeout=_WALL_S,
                check=False,
                preexec_fn=_limits(),
            )
        except subprocess.TimeoutExpired:
            return False
    return done.stdout == word.encode()


def _without_network() -> list[str]:
    """Return what starts a process in a network of its own as nobody, where we may do that."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or not shutil.which("unshare") or not setpriv:
        return []
    drop = [setpriv, "--reuid", str(_NOBODY), "--regid", str(_NOBODY), "--clear-groups", "--no-new-privs"]
    return ["unshare", "--net", "--", *drop]


def _limits() -> Callable[[], None]:
    bounds = {
        resource.RLIMIT_CPU: CPU_S,
        resource.RLIMIT_AS: _MEMORY_BYTES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 64,
    }

    def limit() -> None:
        for kind, bound in bounds.items():
            resource.setrlimit(kind, (bound, bound))

    return limit
