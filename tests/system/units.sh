#!/bin/bash
# Run as root on a host with systemd, where the binary and the files of packaging/ are in place: starts the units
# and meets the daemon as an operator, an agent and a stranger do. Prints one line per check.
set -u
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

check "groups" systemd-sysusers
check "folders" systemd-tmpfiles --create seatsync.conf
check "sockets start" systemctl start seatsync-usage.socket seatsync-control.socket
check "the control socket is the admins'" is "$(stat -c '%a %U %G' /run/seatsync/control.sock)" "660 root seatsync-admin"
check "the usage socket is the agents'" is "$(stat -c '%a %U %G' /run/seatsync/usage.sock)" "660 root seatsync-usage"

check "the service says that it is ready" systemctl start seatsync.service
check "it runs as its own user" is "$(ps -o user= -p "$(prop seatsync MainPID)" | tr -d ' ')" seatsync
check "it has no capability" grep -q '^CapBnd:\s*0*$' "/proc/$(prop seatsync MainPID)/status"
check "status as root" seatsync status
check "status as an admin" as_group seatsync-admin seatsync status
check "Landlock is active" says 'Landlock active' seatsync status
check "no status for a stranger" fails as_stranger seatsync status
check "healthcheck" seatsync healthcheck

check "an agent's record goes in" says INSERT as_group seatsync-usage bash -c "$(declare -f push); push"
check "and is an update the second time" says UPDATE as_group seatsync-usage bash -c "$(declare -f push); push"
check "no record from a stranger" fails as_stranger bash -c "$(declare -f push); push"

printf 'kind: Exclusions\nname: company\nusers: [{user: rooms@example.com, reason: meeting room}]\n' >/etc/seatsync/profiles.d/company.yaml
check "a reload takes a new file in" systemctl reload seatsync.service
printf 'kind: Profile\nname: broken\ntype: [\n' >/etc/seatsync/profiles.d/broken.yaml
check "a reload fails where a file does not load" fails systemctl reload seatsync.service
check "status names that file" says broken.yaml seatsync status
check "a file that does not load stops nothing" is "$(prop seatsync ActiveState)" active
rm /etc/seatsync/profiles.d/broken.yaml

pid=$(prop seatsync MainPID)
kill -KILL "$pid"
check "after a kill the sockets still answer" says UPDATE push
check "by a new process" fails is "$(prop seatsync MainPID)" "$pid"
check "restart" systemctl restart seatsync.service
check "what was acknowledged is still there" says UPDATE push
# The agent's unit, with a collector put in as examples/agents/README.md says, but for its patience.
collected='{"reclamation_type":"last_used_date","configuration_item":"26e46e5b2fa3201047c5ae6df699b645","norm_product":"5b1f0c9c2d7e4f6a8b3c4d5e6f708192"}'
printf "#!/bin/sh\necho '%s'\n" "$collected" >/usr/local/lib/seatsync-agent/collect
chmod 0755 /usr/local/lib/seatsync-agent/collect
mkdir -p /etc/systemd/system/seatsync-agent.service.d
awk '/^```ini/ { on = 1; next } /^```/ { on = 0 } on' /usr/local/lib/seatsync-agent/README.md | sed 's/--patience 240/--once/' \
  >/etc/systemd/system/seatsync-agent.service.d/collector.conf
systemctl daemon-reload
new() { find /var/lib/seatsync-agent/new -type f | wc -l; }
systemctl stop seatsync-usage.socket seatsync-control.socket seatsync.service
check "without a socket the agent fails" fails systemctl start seatsync-agent.service
check "and keeps its records" is "$(new)" 1
systemctl start seatsync-usage.socket seatsync-control.socket
check "the agent delivers, and the socket starts the daemon for it" systemctl start seatsync-agent.service
check "and keeps nothing that is delivered" is "$(new)" 0
check "its record is there" says 5b1f0c9c2d7e4f6a8b3c4d5e6f708192 seatsync usage list
check "its timer starts" systemctl start seatsync-agent.timer
check "exposure of the agent at most 0.6" bash -c 'systemd-analyze security --no-pager --threshold=6 seatsync-agent.service | tail -n 1'
check "exposure at most 1.2" bash -c 'systemd-analyze security --no-pager --threshold=12 seatsync.service | tail -n 1'

answer() { curl --silent --output /dev/null --write-out '%{http_code}' --unix-socket /run/seatsync/answers.sock "$@"; }
check "no answers socket unless it is enabled" fails test -e /run/seatsync/answers.sock
printf 'notifications: {answer_url: "https://seats.example.com/answer"}\n' >/etc/seatsync/seatsync.yaml
check "without the socket unit the daemon starts" systemctl restart seatsync.service
check "and says what to enable" says seatsync-answers.socket journalctl --no-pager --unit seatsync.service
check "the answers socket is enabled" systemctl enable seatsync-answers.socket
systemctl stop seatsync.service
check "and starts before the daemon" systemctl start seatsync-answers.socket seatsync.service
check "it is the proxy's" is "$(stat -c '%a %U %G' /run/seatsync/answers.sock)" "660 root seatsync-answers"
check "a link that is none of ours is not known" is "$(answer http://seats.example.com/answer/1.1.forged)" 404
check "the answers socket stops" systemctl disable --now seatsync-answers.socket

check "all three stop in one command" systemctl stop seatsync-usage.socket seatsync-control.socket seatsync.service
check "and stay so" is "$(prop seatsync ActiveState)" inactive
check "the end was clean" is "$(prop seatsync Result)" success

finish
