#!/bin/bash
# Run as root on a fresh host with systemd, curl and python3, with the package installed: meets it as an administrator
# does. Wants beside itself common.sh, hold_thread.py, older_layout.py, next.deb and later.deb, two packages of higher
# versions, and the store's migrations. Prints one line per check.
set -u
HERE=$(dirname "$0")
# shellcheck source=common.sh
. "$HERE/common.sh"
SOCKETS="seatsync-usage.socket seatsync-control.socket"
upgrade() { env DEBIAN_FRONTEND=noninteractive dpkg --force-confold -i "$HERE/$1"; }
restarted() { [ "$(prop seatsync NRestarts)" -gt "$1" ] && seatsync healthcheck; }
# Pushes from four clients while COMMAND runs; fails when a request was refused, answered with an error or cut.
under_load() { # COMMAND…
  local client kids=() failed code=0
  LOAD=$(mktemp -d) ANSWERED=0
  for client in 1 2 3 4; do
    (while [ ! -e "$LOAD/stop" ]; do
      if push >/dev/null 2>>"$LOAD/failed.$client"; then echo >>"$LOAD/sent.$client"; else echo failed >>"$LOAD/failed.$client"; fi
    done) &
    kids+=($!)
  done
  waits_for test -s "$LOAD/sent.4"
  "$@" || code=$?
  waits_for answered 20
  touch "$LOAD/stop"
  wait "${kids[@]}"
  failed=$(cat "$LOAD"/failed.* | grep -c failed)
  echo "# $(sent) requests, $failed failed" >&3
  cat "$LOAD"/failed.*
  [ "$code" = 0 ] && [ "$failed" = 0 ]
}
sent() { cat "$LOAD"/sent.* | wc -l; }
# Whether the clients had MORE answers since this was last so.
answered() { [ "$(sent)" -ge $((ANSWERED + $1)) ] && ANSWERED=$(sent); } # MORE
exec 3>&1

echo "# $(systemctl --version | head -n 1), seatsync $(dpkg-query -W -f '${Version}' seatsync)"
check "the sockets listen" systemctl is-active seatsync-usage.socket seatsync-control.socket
check "the service is ready" waits_for systemctl is-active seatsync.service
check "all three are enabled" systemctl is-enabled seatsync-usage.socket seatsync-control.socket seatsync.service
check "the folder of profiles is there, and empty" is "$(ls -A /etc/seatsync/profiles.d)" ""
check "the metrics socket is not enabled" fails systemctl is-enabled seatsync-metrics.socket
check "Landlock is active" says 'Landlock active' seatsync status
check "exposure at most 1.2" bash -c 'systemd-analyze security --no-pager --threshold=12 seatsync.service | tail -n 1'

journal() { journalctl --no-pager --unit seatsync.service "$@"; }
CATALOG=/usr/lib/systemd/catalog/seatsync.catalog
id_of() { awk -v subject="Subject: $1" '/^-- / { id = $2 } $0 == subject { print id }' "$CATALOG"; }
check "the journal knows all of the catalog" is "$(journalctl --list-catalog | grep -c ' seatsync: ')" "$(grep -c '^-- ' "$CATALOG")"
check "a line is found by its id" says 'seatsync serves' journal "MESSAGE_ID=$(id_of 'The daemon serves')"
check "and what it means is told" says "Version .* has its sockets open" journal --catalog "MESSAGE_ID=$(id_of 'The daemon serves')"
check "it is informational" says PRIORITY=6 journal --output verbose "MESSAGE_ID=$(id_of 'The daemon serves')"

check "an agent's record goes in" says INSERT as_group seatsync-usage bash -c "$(declare -f push); push"
check "no record from a stranger" fails as_stranger bash -c "$(declare -f push); push"
systemctl stop seatsync.service
check "the socket starts the service for an agent" says UPDATE as_group seatsync-usage bash -c "$(declare -f push); push"

printf 'kind: Exclusions\nname: company\nusers: [{user: rooms@example.com, reason: meeting room}]\n' >/etc/seatsync/profiles.d/company.yaml
check "a reload takes a new file in" systemctl reload seatsync.service
check "and says what it changed" says '+ Exclusions company' journal
printf 'kind: Profile\nname: broken\ntype: [\n' >/etc/seatsync/profiles.d/broken.yaml
check "a reload fails where a file does not load" fails systemctl reload seatsync.service
check "what loads stays in force" says 'in force as far as it loads' seatsync status
check "the reload says which file" says broken.yaml journal --priority err "MESSAGE_ID=$(id_of 'A profile file does not load')"
rm /etc/seatsync/profiles.d/broken.yaml
check "SIGHUP reloads, too" bash -c 'kill -HUP "$(systemctl show -P MainPID seatsync)"'
check "and says so" waits_for says 'reloaded on SIGHUP' journal
active() { is "$(prop seatsync ActiveState)" active; }
check "and is active again" waits_for active

restarts_in_a_row() {
  local turn
  for turn in 1 2 3 4 5; do
    systemctl restart seatsync.service || { echo "no restart $turn"; return 1; }
    waits_for answered 50
  done
}
check "five restarts under load lose no request" under_load restarts_in_a_row

restarts=$(prop seatsync NRestarts)
kill -STOP "$(prop seatsync MainPID)"
check "the watchdog kills a daemon that hangs" waits_for restarted "$restarts"
check "and it was the watchdog" says 'Watchdog timeout' journal
check "what was acknowledged is still there" says UPDATE push

# A thread alone stands still, while all others run; sooner than the shipped limit has it.
mkdir -p /run/systemd/system/seatsync.service.d
printf '[Service]\nWatchdogSec=12s\n' >/run/systemd/system/seatsync.service.d/sooner.conf
systemctl daemon-reload
systemctl restart seatsync.service
for writer in seatsync.db usage.db; do
  since=$(date '+%F %T') restarts=$(prop seatsync NRestarts) pid=$(prop seatsync MainPID)
  "$HERE/hold_thread.py" "$pid" "$writer" >"/tmp/held.$writer" 2>&1 &
  holder=$!
  check "the thread that writes $writer is held by ptrace" waits_for says held cat "/tmp/held.$writer"
  check "the daemon says that it stands still" waits_for says "the writer of $writer stands still" journal --since "$since" "MESSAGE_ID=$(id_of 'A part of the daemon stands still')"
  check "the watchdog kills it" waits_for restarted "$restarts"
  check "and it was the watchdog" says 'Watchdog timeout' journal --since "$since"
  check "what was acknowledged is still there" says UPDATE push
  wait "$holder"
done
rm -r /run/systemd/system/seatsync.service.d
systemctl daemon-reload
systemctl restart seatsync.service
socket=$(stat -c %i /run/seatsync/usage.sock)
echo '# mine' >>/etc/seatsync/seatsync.yaml
pid=$(prop seatsync MainPID)
check "an upgrade under load loses no request" under_load upgrade next.deb
check "by a new process" fails is "$(prop seatsync MainPID)" "$pid"
check "the socket is the same" is "$(stat -c %i /run/seatsync/usage.sock)" "$socket"
check "the changed settings are kept" grep -q '^# mine$' /etc/seatsync/seatsync.yaml
check "the records are kept" says UPDATE push
check "the databases are whole" seatsync db check

listed() { seatsync usage list --format json; seatsync exclusions list --format json; }
before=$(listed)
# shellcheck disable=SC2086 # three units
systemctl stop $SOCKETS seatsync.service
for file in seatsync usage; do
  check "$file.db is taken one migration back" "$HERE/older_layout.py" "/var/lib/private/seatsync/$file.db" "$HERE/migrations/$file"
done
since=$(date '+%F %T')
check "an upgrade over older databases" upgrade later.deb
check "the service is ready" waits_for systemctl is-active seatsync.service
for file in seatsync usage; do
  check "$file.db was brought up to date with what it lacked" says "DATABASE=.*/$file.db" journal --since "$since" --output verbose "MESSAGE_ID=$(id_of 'A database is brought up to date')"
done
check "all that it knew is still known" is "$(listed)" "$before"
check "the databases are whole" seatsync db check
check "the records are kept" says UPDATE push

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

finish
