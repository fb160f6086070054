#!/bin/sh
# Pushes usage records with curl 7.71 or newer: push_usage.sh [FILE], without FILE from standard input. What is read is
# a whole request, {"items":[…]}. Prints the answer. Tries again while the daemon is away, busy or full; nothing is kept
# when it gives up, so keep FILE until this ends with 0.
#
# Exit codes: 0 everything is stored, 65 not everything is (see the answer), 69 no answer, 70 refused (see the answer).
set -eu
socket=${SEATSYNC_SOCKET:-/run/seatsync/usage.sock}
records=$(mktemp) answer=$(mktemp)
trap 'rm -f "$records" "$answer"' EXIT
# A copy, so that every try sends the same.
cat -- "${1:--}" >"$records"

# --retry waits as Retry-After asks, else 1, 2, 4 … seconds. Without --fail, a status that a repeat would not change,
# such as 400, is not an error to curl and ends its tries.
status=$(curl --silent --show-error --unix-socket "$socket" --max-time 60 \
  --retry "${SEATSYNC_RETRIES:-6}" --retry-all-errors --retry-max-time 300 \
  --header 'Content-Type: application/json' --data-binary "@$records" \
  --output "$answer" --write-out '%{http_code}' \
  http://localhost/api/now/sam_software_usage_integration/createOrUpdate) || {
  echo "push_usage: no answer on $socket; is the daemon running, and is this user in the group seatsync-usage?" >&2
  exit 69
}
cat "$answer"
echo
if [ "$status" != 200 ]; then
  echo "push_usage: the daemon answers $status; nothing is stored" >&2
  exit 70
fi
case $(cat "$answer") in
  *'"message":"Ok"}}') ;;
  *)
    echo "push_usage: not every record is stored; those with the status ERROR say why" >&2
    exit 65
    ;;
esac
