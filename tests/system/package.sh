#!/bin/bash
# Run as root on a fresh host with systemd, curl and python3, given /root/next.deb, a package of a higher version than
# that which is installed already: meets the package as an administrator does. Prints one line per check.
set -u
NEXT=${NEXT:-/root/next.deb}
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
as_group() { local group=$1; shift; setpriv --reuid 4242 --regid 4242 --groups "$(getent group "$group" | cut -d: -f3)" "$@"; }
as_stranger() { setpriv --reuid 4242 --regid 4242 --clear-groups "$@"; }
is() { [ "$1" = "$2" ] || { echo "is \`$1\`, not \`$2\`"; return 1; }; }
fails() { ! "$@"; }
prop() { systemctl show --property="$2" --value "$1"; }
says() { # WORD COMMAND…
  local word=$1 out
  shift
  if ! out=$("$@" 2>&1) || ! grep -q "$word" <<<"$out"; then echo "no \`$word\` in: $out"; return 1; fi
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
restarted() { [ "$(prop seatsync NRestarts)" -gt "$1" ] && seatsync healthcheck; }
# Pushes from four clients while COMMAND runs; fails when a request was refused, answered with an error or cut.
under_load() { # COMMAND…
  local dir client kids=() failed sent code=0
  dir=$(mktemp -d)
  for client in 1 2 3 4; do
    (while [ ! -e "$dir/stop" ]; do
      if push >/dev/null 2>>"$dir/failed.$client"; then echo >>"$dir/sent.$client"; else echo failed >>"$dir/failed.$client"; fi
    done) &
    kids+=($!)
  done
  waits_for test -s "$dir/sent.4"
  "$@" || code=$?
  sleep 1
  touch "$dir/stop"
  wait "${kids[@]}"
  sent=$(cat "$dir"/sent.* | wc -l) failed=$(cat "$dir"/failed.* | grep -c failed)
  echo "# $sent requests, $failed failed" >&3
  cat "$dir"/failed.*
  [ "$code" = 0 ] && [ "$failed" = 0 ]
}
exec 3>&1

echo "# $(systemctl --version | head -n 1), seatsync $(dpkg-query -W -f '${Version}' seatsync)"
check "the sockets listen" systemctl is-active seatsync-usage.socket seatsync-control.socket
check "the service is ready" waits_for systemctl is-active seatsync.service
check "all three are enabled" systemctl is-enabled seatsync-usage.socket seatsync-control.socket seatsync.service
check "the folder of profiles is there, and empty" is "$(ls -A /etc/seatsync/profiles.d)" ""
check "the metrics socket is not enabled" fails systemctl is-enabled seatsync-metrics.socket
check "Landlock is active" says 'Landlock active' seatsync status
check "exposure at most 1.2" bash -c 'systemd-analyze security --no-pager --threshold=12 seatsync.service | tail -n 1'

check "an agent's record goes in" says INSERT as_group seatsync-usage bash -c "$(declare -f push); push"
check "no record from a stranger" fails as_stranger bash -c "$(declare -f push); push"
systemctl stop seatsync.service
check "the socket starts the service for an agent" says UPDATE as_group seatsync-usage bash -c "$(declare -f push); push"

printf 'kind: Exclusions\nname: company\nusers: [{user: rooms@example.com, reason: meeting room}]\n' >/etc/seatsync/profiles.d/company.yaml
check "a reload takes a new file in" systemctl reload seatsync.service
check "and says what it changed" says '+ Exclusions company' journalctl --no-pager --unit seatsync.service
printf 'kind: Profile\nname: broken\ntype: [\n' >/etc/seatsync/profiles.d/broken.yaml
check "a reload fails where a file does not load" fails systemctl reload seatsync.service
check "what loads stays in force" says 'in force as far as it loads' seatsync status
check "the reload says which file" says broken.yaml journalctl --no-pager --unit seatsync.service
rm /etc/seatsync/profiles.d/broken.yaml
check "SIGHUP reloads, too" bash -c 'kill -HUP "$(systemctl show -P MainPID seatsync)"'
check "and says so" waits_for says 'reloaded on SIGHUP' journalctl --no-pager --unit seatsync.service
active() { is "$(prop seatsync ActiveState)" active; }
check "and is active again" waits_for active

check "a restart under load loses no request" under_load systemctl restart seatsync.service

restarts=$(prop seatsync NRestarts)
kill -STOP "$(prop seatsync MainPID)"
check "the watchdog kills a daemon that hangs" waits_for restarted "$restarts"
check "and it was the watchdog" says 'Watchdog timeout' journalctl --no-pager --unit seatsync.service
check "what was acknowledged is still there" says UPDATE push
socket=$(stat -c %i /run/seatsync/usage.sock)
echo '# mine' >>/etc/seatsync/seatsync.yaml
pid=$(prop seatsync MainPID)
check "an upgrade under load loses no request" under_load env DEBIAN_FRONTEND=noninteractive dpkg --force-confold -i "$NEXT"
check "by a new process" fails is "$(prop seatsync MainPID)" "$pid"
check "the socket is the same" is "$(stat -c %i /run/seatsync/usage.sock)" "$socket"
check "the changed settings are kept" grep -q '^# mine$' /etc/seatsync/seatsync.yaml
check "the records are kept" says UPDATE push
check "the databases are whole" seatsync db check

check "the metrics socket is enabled" systemctl enable seatsync-metrics.socket
systemctl stop seatsync.service
check "and starts before the daemon" systemctl start seatsync-metrics.socket seatsync.service
check "and serves" says seatsync_build_info curl --silent --fail --max-time 20 http://127.0.0.1:9783/metrics

export DEBIAN_FRONTEND=noninteractive
check "it is removed" apt-get -qq -y remove seatsync
check "no socket is left" is "$(find /run/seatsync -type s 2>/dev/null)" ""
check "the state is kept" test -s /var/lib/private/seatsync/usage.db
check "it is purged" apt-get -qq -y purge seatsync
check "the state is gone" fails ls -d /var/lib/private/seatsync /var/lib/seatsync
check "the profiles are kept" test -e /etc/seatsync/profiles.d/company.yaml
check "no unit is left" fails systemctl cat seatsync.service

echo "$ok passed, $bad failed"
[ "$bad" = 0 ] || { journalctl --no-pager --unit 'seatsync*' | grep -v 'Unknown key' | tail -n 60; exit 1; }
