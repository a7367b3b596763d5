#!/usr/bin/env bash
# A worker in bash and psql:  DATABASE_URL=… ./worker.sh greet
# Claims one job at a time, holds it while it runs, and says how it went. SIGTERM: finishes the job under way, then leaves.
set -uo pipefail
types=${1:?usage: worker.sh job-type[,job-type…]}
schema=${MILLRACE_SCHEMA:-millrace}
worker="bash-$HOSTNAME-$$-$RANDOM"
lease=${LEASE:-30 seconds}
stopping=
trap 'stopping=yes' TERM INT

# Values go in as psql variables, never as a part of the statement.
sql() {
  local text=$1
  shift
  for pause in 1 5 ''; do
    psql "$DATABASE_URL" -XqtA -F $'\t' -v ON_ERROR_STOP=1 -v "schema=$schema" -v "worker=$worker" -v "lease=$lease" "$@" <<<"$text"
    local code=$?
    # 2: the connection was lost. Every call may be repeated.
    if [ $code -ne 2 ] || [ -z "$pause" ]; then return $code; fi
    sleep "$pause"
  done
}

# What jobs do, by type: payload on standard input; what is printed is the output. Replace with yours.
handle() {
  case $1 in
    greet) sed 's/.*"name": *"\([^"]*\)".*/Hello, \1/' ;;
    fail) echo 'this one always fails' >&2; return 1 ;;
    *) echo "no handler for $1" >&2; return 1 ;;
  esac
}

hold() {
  while sleep 10; do
    sql 'select is_held from :"schema".heartbeat_job(:id, :token, :'"'lease'"')' -v "id=$1" -v "token=$2" >/dev/null || true
  done
}

while [ -z "$stopping" ]; do
  row=$(sql 'select job_id, token, job_type, payload from
    :"schema".get_jobs(:'"'worker'"', string_to_array(:'"'types'"', '"','"'), lease := :'"'lease'"')' -v "types=$types") || { sleep 1; continue; }
  if [ -z "$row" ]; then sleep "${POLL_SECONDS:-1}"; continue; fi
  IFS=$'\t' read -r id token type payload <<<"$row"
  hold "$id" "$token" &
  holder=$!
  errors=$(mktemp)
  if output=$(handle "$type" <<<"$payload" 2>"$errors"); then
    recorded=$(sql 'select :"schema".complete_job(:id, :token, to_jsonb(:'"'output'"'::text))' -v "id=$id" -v "token=$token" -v "output=$output")
  else
    recorded=$(sql 'select :"schema".fail_job(:id, :token, :'"'error'"')' -v "id=$id" -v "token=$token" -v "error=$(head -c 4000 "$errors")")
  fi
  kill "$holder" 2>/dev/null
  wait "$holder" 2>/dev/null
  rm -f "$errors"
  [ "$recorded" = t ] || echo "job $id: the claim was lost, its outcome was not recorded" >&2
done
