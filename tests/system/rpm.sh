#!/bin/bash
# Run as root on a host with systemd and rpm, with common.sh and two packages, first.rpm and next.rpm, beside it: the
# package's scripts, as an rpm distribution runs them. The host may be a Debian: what the package depends on is not looked at.
# Prints one line per check.
set -u
HERE=$(dirname "$0")
# shellcheck source=common.sh
. "$HERE/common.sh"
UNITS="seatsync-usage.socket seatsync-control.socket seatsync.service"

check "the package installs" rpm --install --nodeps "$HERE/first.rpm"
for unit in $UNITS; do check "$unit is enabled by the preset" systemctl is-enabled "$unit"; done
check "the groups are there" getent group seatsync-usage seatsync-admin seatsync-answers
check "the folder of credentials is root's" is "$(stat -c '%a %U' /etc/seatsync/credentials)" "700 root"
# shellcheck disable=SC2086 # three units
check "it starts" systemctl start $UNITS
check "an agent's record goes in" says INSERT push
echo '# mine' >>/etc/seatsync/seatsync.yaml
socket=$(stat -c %i /run/seatsync/usage.sock) pid=$(prop seatsync MainPID)

check "it is upgraded" rpm --upgrade --nodeps "$HERE/next.rpm"
check "to the next version" fails rpm --query --quiet "$(rpm --query --package "$HERE/first.rpm")"
check "the service is active" waits_for systemctl is-active seatsync.service
check "by a new process" fails is "$(prop seatsync MainPID)" "$pid"
check "the socket is the same" is "$(stat -c %i /run/seatsync/usage.sock)" "$socket"
check "all are enabled" bash -c "systemctl is-enabled $UNITS"
check "the changed settings are kept" grep -q '^# mine$' /etc/seatsync/seatsync.yaml
check "the record is kept" says UPDATE push

check "it is removed" rpm --erase seatsync
check "no socket is left" is "$(find /run/seatsync -type s 2>/dev/null)" ""
check "the service is stopped" fails systemctl is-active seatsync.service
check "no unit is left" fails systemctl cat seatsync.service
check "nothing is enabled" is "$(find /etc/systemd/system -name 'seatsync*')" ""
check "the state is kept" test -s /var/lib/private/seatsync/usage.db
finish
