# What the scripts beside it share; sourced by them. `finish` ends a script.
ok=0 bad=0
check() { # DESCRIPTION COMMAND…
  local what=$1 out
  shift
  if out=$("$@" 2>&1); then
    ok=$((ok + 1)); echo "ok   $what"
  else
    bad=$((bad + 1)); echo "FAIL $what: $out" | head -c 2000; echo
  fi
}
finish() {
  echo "$ok passed, $bad failed"
  [ "$bad" = 0 ] || { journalctl --no-pager --unit 'seatsync*' | grep -v 'Unknown key' | tail -n 60; exit 1; }
}
# As a user of the given group alone.
as_group() { local group=$1; shift; setpriv --reuid 4242 --regid 4242 --groups "$(getent group "$group" | cut -d: -f3)" "$@"; }
as_stranger() { setpriv --reuid 4242 --regid 4242 --clear-groups "$@"; }
is() { [ "$1" = "$2" ] || { echo "is \`$1\`, not \`$2\`"; return 1; }; }
fails() { ! "$@"; }
prop() { systemctl show --property="$2" --value "$1"; }
says() { # WORD COMMAND…
  local word=$1 out
  shift
  if ! out=$("$@" 2>&1) || ! grep -q -- "$word" <<<"$out"; then echo "no \`$word\` in: $out"; return 1; fi
}
waits_for() { # COMMAND…: at most two minutes
  local tries=600
  until "$@" >/dev/null 2>&1; do tries=$((tries - 1)); [ $tries -gt 0 ] || { "$@"; return 1; }; sleep 0.2; done
}
push() {
  curl --silent --show-error --fail --max-time 60 --unix-socket /run/seatsync/usage.sock \
    --header 'Content-Type: application/json' --data '{"items":[{"reclamation_type":"last_used_date",
      "configuration_item":"26e46e5b2fa3201047c5ae6df699b645","norm_product":"8ddc2e1e53d32010a4efddeeff7b12b9",
      "last_used_time":"2027-02-01 08:00:00"}]}' \
    http://localhost/api/now/sam_software_usage_integration/createOrUpdate
}
