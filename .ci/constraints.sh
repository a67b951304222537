#!/usr/bin/env bash
# Resolve every extra anew in an empty environment and pin what came of it in constraints.txt.
#
#   .ci/constraints.sh PYTHON [FILE]     FILE instead of constraints.txt
#
# torch comes first and by its pin (raise it by hand): left to the resolver, it may bring gigabytes of CUDA.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:?usage: constraints.sh PYTHON [FILE]}
into=${2:-constraints.txt}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m venv "$work/venv"
pip=("$work/venv/bin/python" -m pip --disable-pip-version-check)
"${pip[@]}" install --quiet "$(grep '^torch==' constraints.txt)"
"${pip[@]}" install --quiet '.[dev,docs,mutants]'
{
  sed -n '/^#/p' constraints.txt
  "${pip[@]}" freeze --exclude ravelar | sed -E 's/^torch==([0-9.]+)\+.*/torch==\1/'
} >"$work/constraints.txt"
cp "$work/constraints.txt" "$into"
git --no-pager diff --stat -- "$into"
