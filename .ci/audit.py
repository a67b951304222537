"""Have pip-audit look up every pinned package; exit status 1 if one has a known weakness, 2 if it can't be known.

    python .ci/audit.py PIP_AUDIT [constraints.txt]

pip-audit itself ends well when its service answers for no package at all; here that is said, and is no success.
"""

import json
import subprocess
import sys

LIMIT_S = 240


def ask(program: str, pinned: str) -> list[dict]:
    """Return what pip-audit says of each package; exits 2 with the reason where it says nothing."""
    command = [
        program,
        "--requirement",
        pinned,
        "--no-deps",
        "--disable-pip",
        "--format=json",
        "--progress-spinner=off",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        sys.exit(_unknown(f"pip-audit was not done within {LIMIT_S} s"))
    try:
        return json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        sys.exit(_unknown((done.stderr.strip() or "pip-audit said nothing").splitlines()[-1][:300]))


def _unknown(why: str) -> int:
    print(f"audit: nothing is known of the pinned packages: {why}")
    return 2


def main() -> int:
    """Print each weakness and what could not be looked up; return the exit status."""
    found = ask(sys.argv[1], (sys.argv[2:] or ["constraints.txt"])[0])
    skipped = [one for one in found if "skip_reason" in one]
    if len(skipped) == len(found):
        reason = skipped[0]["skip_reason"] if skipped else "no package was named"
        return _unknown(f"0 of {len(found)} could be looked up; of the first: {reason}")
    weak = [(one, each) for one in found for each in one.get("vulns", [])]
    for one, each in weak:
        fixed = ", ".join(each["fix_versions"]) or "no version yet"
        print(f"audit: {one['name']} {one['version']}: {each['id']}, mended in {fixed}")
    unknown = f"; not looked up: {', '.join(one['name'] for one in skipped)}" if skipped else ""
    print(f"audit: {len(weak)} known weaknesses in {len(found) - len(skipped)} pinned packages{unknown}")
    return 1 if weak else 0


if __name__ == "__main__":
    sys.exit(main())
