#!/usr/bin/env bash
# Build the wheel, install it in an empty environment, and score one triple from it, away from the checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:?usage: check_wheel.sh PYTHON}
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git ls-files -z | xargs -0 tar c | tar x -C "$work" --one-top-level=source   # a stale build/ would ship deleted modules
"$python" -m build --outdir "$work/dist" "$work/source" >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --constraint "$root/constraints.txt" "$work"/dist/*.whl
cd "$work"
echo "base install: $(du -sm venv/lib/python3*/site-packages | cut -f1) MB (pip and setuptools included)"
"$work/venv/bin/python" - <<'PY'
import importlib.util, pathlib, ravelar
assert "venv" in ravelar.__file__, ravelar.__file__
assert importlib.util.find_spec("torch") is None, "the base install must not bring torch"
assert pathlib.Path(ravelar.__file__).with_name("py.typed").exists()
(reward,) = ravelar.score([{"prompt": "Half of 3?", "completion": r"\boxed{\frac{3}{2}}", "reference": "1.5"}])
assert reward.value == 1.0, reward
PY
echo '{"prompt": "6 * 7?", "completion": "It is 42.", "reference": 42}' | "$work/venv/bin/ravelar" score - 2>/dev/null
