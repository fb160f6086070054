#!/bin/sh
# What a reviewer of changed profiles wants to see, as Markdown on standard output.
#
#   review.sh BASE HEAD [SNAPSHOT]
#
# BASE and HEAD are the folders with profiles of the target branch and of the proposal; SNAPSHOT comes from
# `seatsync export snapshot` on the host. Ends with 1 where the proposal does not check.
set -eu

base=${1:?name the target branch\'s folder}
head=${2:?name the proposal\'s folder}
snapshot=${3:-}
seatsync=${SEATSYNC:-seatsync}

section() { # TITLE COMMAND…
  title=$1
  shift
  code=0
  text=$("$@" 2>&1) || code=$?
  printf '### %s\n\n```text\n%s\n```\n\n' "$title" "${text:-nothing}"
  return "$code"
}

result=0
section "Check" "$seatsync" check "$head" || result=1
section "What changes, and what it loosens" "$seatsync" plan --base "$base" "$head" || result=1
if [ -n "$snapshot" ]; then
  section "What the next reclaim would do" "$seatsync" plan --snapshot "$snapshot" "$head" || result=1
fi
exit "$result"
