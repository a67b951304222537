#!/usr/bin/env bash
# Build sdist and wheel, compare them with what git tracks, install the wheel in an empty environment, and use it there.
#
#   .ci/check_wheel.sh PYTHON [FOLDER]     FOLDER keeps what was built
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:?usage: check_wheel.sh PYTHON [FOLDER]}
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct); export SOURCE_DATE_EPOCH
git ls-files -z | xargs -0 tar c | tar x -C "$work" --one-top-level=source   # a stale build/ would ship deleted modules

build() { PIP_NO_COMPILE=0 "$python" -m build "$@" >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }; }
build --outdir "$work/dist" "$work/source"                  # the sdist, and from it the wheel
build --wheel --outdir "$work/again" "$work/source"         # the wheel from the source tree itself
cmp "$work"/dist/*.whl "$work"/again/*.whl && echo "the sdist and the checkout make the same wheel, byte for byte"
"$python" .ci/check_contents.py "$work/dist"
if [ -n "${2:-}" ]; then mkdir -p "$2"; cp "$work"/dist/* "$2"; fi

"$python" -m venv "$work/venv"
"$python" -m pip --python "$work/venv" install --quiet --constraint "$root/constraints.txt" "$work"/dist/*.whl
cd "$work"
echo "base install: $(du -sm venv/lib/python3*/site-packages | cut -f1) MB (pip and setuptools included)"
"$work/venv/bin/pip" check
"$work/venv/bin/python" - <<'PY'
import importlib.util, pathlib, ravelar
assert "venv" in ravelar.__file__, ravelar.__file__
assert importlib.util.find_spec("torch") is None, "the base install must not bring torch"
assert pathlib.Path(ravelar.__file__).with_name("py.typed").exists()
(reward,) = ravelar.score([{"prompt": "Half of 3?", "completion": r"\boxed{\frac{3}{2}}", "reference": "1.5"}])
assert reward.value == 1.0, reward
PY
"$work/venv/bin/ravelar" --help >/dev/null
echo '{"prompt": "6 * 7?", "completion": "It is 42.", "reference": 42}' | "$work/venv/bin/ravelar" score - 2>/dev/null
