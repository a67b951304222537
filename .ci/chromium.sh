#!/usr/bin/env bash
# A Chromium for the tests that look at pages: the one that is here, or the system's package where we may install it.
# Says on one line what came of it, and never fails: without one, those tests are skipped by name.
set -uo pipefail
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null; then echo "$name is here"; exit 0; fi
done
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "none, and no right to install it: the tests in a browser will be skipped"
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
get=(apt-get install -y -q --no-install-recommends chromium)
log=$(mktemp)
if timeout 240 bash -c '"$@" || { apt-get update -q && "$@"; }' - "${get[@]}" >"$log" 2>&1 </dev/null; then
  echo "installed: $(command -v chromium)"
else
  echo "could not be installed ($(tail -n 1 "$log")): the tests in a browser will be skipped"
fi
rm -f "$log"
