#!/usr/bin/env bash
# A PostgreSQL of one's own for a test run: installed if need be and allowed, on a loopback port, in a folder of its own.
#
#   eval "$(.ci/postgres.sh start FOLDER)"    sets RAVELAR_TEST_POSTGRES, or says on standard error why there is none
#   .ci/postgres.sh stop FOLDER               ends the server that was started there
set -euo pipefail

programs() {
  local initdb
  initdb=$(command -v initdb || ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1 || true)
  [ -n "$initdb" ] && dirname "$(readlink -f "$initdb")"
}

install_it() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  export DEBIAN_FRONTEND=noninteractive
  mkdir -p /etc/postgresql-common   # the package would start a server of its own on the usual port
  [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  local get=(apt-get install -y -q --no-install-recommends -o Dpkg::Options::=--force-confold postgresql)
  { "${get[@]}" || { apt-get update -q && "${get[@]}"; }; } >&2 </dev/null
}

# PostgreSQL refuses to run as root; `postgres` is the account that its package brings.
as_user() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --init-groups "$@"; else "$@"; fi; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

start() {
  local folder=$1 bin port
  bin=$(programs) || { install_it && bin=$(programs); } || { echo "no PostgreSQL here, and no right to install it" >&2; exit 0; }
  mkdir -p "$folder"
  folder=$(cd "$folder" && pwd)
  if [ "$(id -u)" = 0 ]; then id postgres >/dev/null && chown postgres "$folder"; fi
  cd "$folder"
  as_user "$bin/initdb" -D "$folder/data" -U ravelar --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$folder/initdb.log" 2>&1 ||
    { cat "$folder/initdb.log" >&2; exit 0; }
  for _ in 1 2 3; do   # another process may take the port between asking and starting
    port=$(free_port)
    if as_user "$bin/pg_ctl" -D "$folder/data" -w -t 60 -l "$folder/server.log" \
      -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off" start >/dev/null 2>&1; then
      echo "export RAVELAR_TEST_POSTGRES=postgresql://ravelar@127.0.0.1:$port/postgres"
      return
    fi
  done
  tail -n 20 "$folder/server.log" >&2
}

stop() {
  local pidfile=$1/data/postmaster.pid pid
  [ -f "$pidfile" ] || return 0
  pid=$(head -n 1 "$pidfile")
  kill -INT "$pid" 2>/dev/null || return 0   # the server's own "fast shutdown"
  for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.1; done
  kill -KILL "$pid" 2>/dev/null || true
}

"$@"
