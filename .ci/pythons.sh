#!/usr/bin/env bash
# The quick tests on each Python that is found: PYTHONS names them ("python3.12 /opt/python3.13"), or 3.11 to 3.13 on the path and of pyenv.
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

failed=0
for python in ${PYTHONS:-$(found)}; do
  name=$("$python" -c 'import platform; print(platform.python_version())') || { failed=1; continue; }
  venv=.cache/pythons/$name
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  what=$(install_into "$venv") || { echo "Python $name: can't be set up"; failed=1; continue; }
  if said=$("$venv/bin/pytest" --numprocesses 2 --dist loadgroup -q -p no:cacheprovider 2>&1); then outcome=passed; else outcome=FAILED failed=1; fi
  [ $outcome = passed ] || printf '%s\n' "$said" | grep -E '^(FAILED|ERROR)' | head -n 40
  echo "Python $name, $what: $outcome: $(printf '%s\n' "$said" | tail -n 1)"
done
exit $failed
