"""List the licences of every pinned package that is installed here, copyleft named first.

    python .ci/licences.py [--page docs/licences.md]

A package says its licence in its own metadata; what it doesn't say is listed as unknown, not guessed.
"""

import argparse
import datetime
import re
from collections import Counter
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPYLEFT = re.compile(r"GPL|MPL|Mozilla|EUPL|CDDL|EPL|Eclipse|CeCILL|OSL|copyleft", re.IGNORECASE)
UNKNOWN = "unknown: its metadata names none"


def licence_of(name: str) -> tuple[str, str] | None:
    """Return the version and licence of an installed package by its own metadata; None if it is not installed."""
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return None
    classified = [
        each.rsplit(" :: ", 1)[1] for each in said.get_all("Classifier", []) if each.startswith("License :: ")
    ]
    classified = [each for each in classified if each != "OSI Approved"]
    first_line = (said.get("License") or "").strip().partition("\n")[0]
    told = said.get("License-Expression") or "; ".join(classified) or first_line[:60]
    return said["Version"], told or UNKNOWN


def pinned() -> dict[str, str]:
    """Return for each name in the constraints the pinned version."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))


def page(found: dict[str, tuple[str, str]], missing: list[str]) -> str:
    """Return the listing as a page."""
    copyleft = {name: told for name, told in found.items() if COPYLEFT.search(told[1])}
    counts = Counter(licence for _, licence in found.values())
    out = [
        "# Licences of what Ravelar can stand on\n",
        f"Made by `make licences` on {datetime.datetime.now(datetime.UTC):%d %B %Y} from the metadata of the"
        f" {len(found)} packages of `constraints.txt` that were installed: the base install, every extra, and what"
        " tests and documentation need. Ravelar's wheel contains none of them. This is a listing, not legal advice.\n",
    ]
    if missing:
        out.append(f"Pinned, but not installed where this was made: {', '.join(missing)}.\n")
    head = "| package | version | licence |\n|---|---|---|"
    rows = {name: f"| {name} | {version} | {licence} |" for name, (version, licence) in found.items()}
    out += [f"## Copyleft, also in part ({len(copyleft)})\n", head, *(rows[name] for name in copyleft)]
    out += ["\n## By licence\n", "| licence | packages |\n|---|---|"]
    out += [f"| {licence} | {n} |" for licence, n in counts.most_common()]
    out += ["\n## All\n", head, *rows.values()]
    return "\n".join(out) + "\n"


def main() -> None:
    """Print the copyleft ones and the unknown; write the whole listing where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, help="the page to write")
    asked = parser.parse_args()
    looked = {name: licence_of(name) for name in pinned()}
    found = {name: told for name, told in looked.items() if told}
    if asked.page:
        asked.page.write_text(page(found, [name for name, told in looked.items() if told is None]), encoding="utf-8")
    for name, (version, licence) in found.items():
        if COPYLEFT.search(licence) or licence == UNKNOWN:
            print(f"licences: {name} {version}: {licence}")
    print(f"licences: {len(found)} of {len(looked)} pinned packages are installed and were read")


if __name__ == "__main__":
    main()
