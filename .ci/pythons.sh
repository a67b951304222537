#!/usr/bin/env bash
# The wheel and the quick tests on each Python that is found: PYTHONS names them ("python3.12 /opt/python3.13"), or 3.11 to
# 3.13 on the path and of pyenv.
# Without torch and what stands on it: most of its wheels bring gigabytes of CUDA. EXTRAS=dev takes all.
set -uo pipefail
cd "$(dirname "$0")/.."
export PYTHONDONTWRITEBYTECODE=1
extras=${EXTRAS:-acquire,community,e2b,eval,inspect,openai,otel,plots,postgres,serve,studio}
testing=(axe-playwright-python build hypothesis playwright pytest pytest-socket pytest-timeout pytest-xdist)

found() {
  for version in 3.11 3.12 3.13; do
    ls -d "$HOME/.pyenv/versions/$version".*/bin/"python$version" 2>/dev/null | tail -n 1 | grep . || command -v "python$version"
  done
}

install_into() {   # with the pins of 3.11; without them where one has no wheel here
  local pip=("$1/bin/python" -m pip install --quiet --disable-pip-version-check --editable ".[$extras]" "${testing[@]}")
  "${pip[@]}" --constraint constraints.txt 2>"$1/pinned.log" && { echo "pinned"; return; }
  "${pip[@]}" 2>"$1/free.log" && { echo "not pinned, since $(grep -m 1 -o 'ERROR: .*' "$1/pinned.log")"; return; }
  tail -n 3 "$1/free.log" >&2
  return 1
}

wheel_on() {   # in an empty environment of its own
  .ci/check_wheel.sh "$1/bin/python" >"$1/wheel.log" 2>&1 && { echo "the wheel installs and scores"; return; }
  tail -n 20 "$1/wheel.log" >&2
  echo "the wheel FAILED"
  return 1
}

tests_on() {
  "$1/bin/pytest" --numprocesses 2 --dist loadgroup -q -p no:cacheprovider >"$1/tests.log" 2>&1 && outcome=passed || outcome=FAILED
  [ $outcome = passed ] || grep -E '^(FAILED|ERROR)' "$1/tests.log" | head -n 40 >&2
  echo "tests $outcome: $(tail -n 1 "$1/tests.log")"
  [ $outcome = passed ]
}

failed=0
for python in ${PYTHONS:-$(found)}; do
  name=$("$python" -c 'import platform; print(platform.python_version())') || { failed=1; continue; }
  venv=.cache/pythons/$name
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  what=$(install_into "$venv") || { echo "Python $name: can't be set up"; failed=1; continue; }
  wheel=$(wheel_on "$venv") || failed=1
  tests=$(tests_on "$venv") || failed=1
  echo "Python $name, $what: $wheel; $tests"
done
exit $failed
