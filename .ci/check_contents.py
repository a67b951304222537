"""Compare wheel and sdist with what git tracks: every file of the packages, and nothing else.

python .ci/check_contents.py DIST    run in the checkout; DIST holds one wheel and one sdist
"""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

PACKAGES = ("agents", "api", "benchmark", "graphs", "tools", "training")
BESIDE = {"CHANGELOG.md", "CITATION.cff", "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml"}
MADE = {"PKG-INFO", "setup.cfg"}
NEEDED = ("Name: ravelar", "License-Expression: Apache-2.0", "Requires-Python: >=3.11", "Description-Content-Type: ")


def tracked() -> set[str]:
    """Return the packages' files as git knows them."""
    said = subprocess.run(["git", "ls-files", "-z", *PACKAGES], capture_output=True, text=True, check=True)
    return set(said.stdout.split("\0")) - {""}


def in_wheel(files: set[str]) -> set[str]:
    """Return where a wheel has the files: `api/` is `ravelar/` itself."""
    return {f"ravelar/{file.removeprefix('api/')}" for file in files}


def complain(what: str, there: set[str], wanted: set[str]) -> list[str]:
    """Say what is missing and what is too many."""
    missing, extra = sorted(wanted - there), sorted(there - wanted)
    return [f"{what} lacks {name}" for name in missing] + [f"{what} has {name}, which git does not" for name in extra]


def wheel_faults(path: Path, files: set[str]) -> list[str]:
    """Compare a wheel's files and metadata."""
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
        about = {name for name in names if name.split("/")[0].endswith(".dist-info")}
        (metadata,) = (name for name in about if name.endswith("/METADATA"))
        text = wheel.read(metadata).decode()
    faults = complain(path.name, names - about, in_wheel(files))
    faults += [f"{path.name} has no line {line!r} in its metadata" for line in NEEDED if line not in text]
    if not any(name.endswith("licenses/LICENSE") for name in about):
        faults.append(f"{path.name} has no licence")
    return faults


def sdist_faults(path: Path, files: set[str]) -> list[str]:
    """Compare an sdist's files."""
    with tarfile.open(path) as sdist:
        names = {member.name.partition("/")[2] for member in sdist.getmembers() if member.isfile()}
    names = {name for name in names if not name.startswith("ravelar.egg-info/")}
    return complain(path.name, names - MADE, files | BESIDE)


def main() -> None:
    """Print each fault; exit status 1 if there is one."""
    folder, files = Path(sys.argv[1]), tracked()
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    faults = wheel_faults(wheel, files) + sdist_faults(sdist, files)
    for fault in faults:
        print(fault, file=sys.stderr)
    print(
        f"{wheel.name} and {sdist.name}: {len(files)} files each, as in git" if not faults else f"{len(faults)} faults"
    )
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
