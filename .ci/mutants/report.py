"""Write what came of the mutants as a page: the share that the tests noticed, and each survivor with its reason.

    python .ci/mutants/report.py FOLDER [--page docs/mutants.md]

Exit status 1 if a group is below the goal, a mutant was not tried, or a survivor has no reason in `accepted.toml`.
"""

import argparse
import datetime
import math
import platform
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome
from run import HERE, ROOT, mutants

GOAL = 0.85
MARK = "<!-- made by `make mutants`; what stands below is written anew each time -->\n"


@dataclass
class Counted:
    """The mutants of one module: how many there are, were tried, were noticed; and where the others are."""

    module: str
    there: int
    tried: int = 0
    noticed: int = 0
    survivors: tuple[tuple[int, str], ...] = ()
    """Line and operator of each mutant that no test noticed."""


def counted(module: str, session: Path) -> Counted:
    """Count a session's results; a mutant whose tests ran into the time limit counts as noticed."""
    count = Counted(module, mutants(Path(module))[1])
    survivors = []
    with use_db(session, WorkDB.Mode.open) as db:
        for item, result in zip(*_by_job(db), strict=True):
            count.tried += 1
            if result.test_outcome == TestOutcome.KILLED:
                count.noticed += 1
            else:
                (spec,) = item.mutations
                survivors.append((spec.start_pos[0], spec.operator_name.removeprefix("core/")))
    count.survivors = tuple(sorted(survivors))
    return count


def _by_job(db: WorkDB) -> tuple[list, list]:
    results = dict(db.results)
    items = [item for item in db.work_items if item.job_id in results]
    return items, [results[item.job_id] for item in items]


def estimate(counts: list[Counted]) -> tuple[float, float, float]:
    """Return the share that is noticed, and the ends of its 95 % interval, from a sample of each module.

    Each module weighs as many mutants as it has; the interval is the usual one of a stratified sample without
    replacement, with one noticed and one unnoticed mutant added to each sample (Agresti and Coull 1998).
    """
    tried = [each for each in counts if each.tried]
    there = sum(each.there for each in tried)
    share = sum(each.there * each.noticed / each.tried for each in tried) / there
    variance = 0.0
    for each in tried:
        plausible = (each.noticed + 1) / (each.tried + 2)
        left = 1 - each.tried / each.there
        variance += (each.there / there) ** 2 * left * plausible * (1 - plausible) / each.tried
    half = 1.959964 * math.sqrt(variance)
    return share, max(share - half, 0.0), min(share + half, 1.0)


def reason(accepted: list[dict[str, str]], module: str, line: str, operator: str) -> str | None:
    """Find why a survivor is accepted: the first entry, of its module or of none, whose text stands in its line."""
    for entry in accepted:
        if (
            entry.get("module", module) == module
            and entry["line"] in line
            and operator.startswith(entry.get("operator", ""))
        ):
            return entry["reason"]
    return None


def described(count: Counted, accepted: list[dict[str, str]]) -> Iterator[tuple[str, bool]]:
    """Yield a row for each line of a module that has survivors, and whether each of these has a reason."""
    lines = Path(count.module).read_text().splitlines()
    at = defaultdict(list)
    for number, operator in count.survivors:
        at[number, reason(accepted, count.module, lines[number - 1], operator)].append(operator)
    for (number, why), operators in sorted(at.items(), key=lambda one: one[0][0]):
        code = lines[number - 1].strip().replace("|", "\\|")
        times = Counter(operators)
        names = ", ".join(f"{each} × {n}" if n > 1 else each for each, n in times.items())
        yield f"| `{count.module}:{number}` | `{code}` | {names} | {why or '**none yet**'} |", why is not None


def row(name: str, counts: list[Counted]) -> str:
    """Return the table row of a group or module."""
    there, tried, noticed = (sum(getattr(each, field) for each in counts) for field in ("there", "tried", "noticed"))
    if not tried:
        return f"| {name} | {there} | 0 | - | - |"
    share, low, high = estimate(counts)
    within = f" ({low:.1%} to {high:.1%})" if tried < there else ""
    return f"| {name} | {there} | {tried} | {noticed} | {share:.1%}{within} |"


def page(groups: dict[str, list[Counted]], accepted: list[dict[str, str]]) -> tuple[str, bool]:
    """Return the made part of the page, and whether all is as it must be."""
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    today = datetime.datetime.now(datetime.UTC)
    out = [f"{today:%d %B %Y}, commit {commit}, Python {platform.python_version()}.\n"]
    head = "mutants | tried | noticed | share |\n|---|---|---|---|---|"
    out += [f"| group | {head}", *(row(name, counts) for name, counts in groups.items())]
    out += [f"\n| module | {head}", *(row(f"`{one.module}`", [one]) for counts in groups.values() for one in counts)]
    out += ["\n## Those that no test notices\n\n| where | line | change | why it stays |\n|---|---|---|---|"]
    good = True
    for counts in groups.values():
        good = good and all(one.tried for one in counts) and estimate(counts)[0] >= GOAL
        for one in counts:
            for text, explained in described(one, accepted):
                out.append(text)
                good = good and explained
    return "\n".join(out) + "\n", good


def main() -> None:
    """Gather the sessions of a folder, and write the page or show it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the sessions lie")
    parser.add_argument("--page", type=Path, help="the page whose made part is written anew (standard output)")
    asked = parser.parse_args()
    groups = {}
    for group, modules in tomllib.loads((HERE / "modules.toml").read_text()).items():
        for module in modules:
            for session in asked.folder.glob(f"{module.removesuffix('.py').replace('/', '.')}.*.sqlite"):
                groups.setdefault(group, []).append(counted(module, session))
    text, good = page(groups, tomllib.loads((HERE / "accepted.toml").read_text())["accepted"])
    if asked.page:
        kept = asked.page.read_text().split(MARK)[0]
        asked.page.write_text(f"{kept}{MARK}\n{text}")
    else:
        print(text)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
