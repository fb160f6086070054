systemd-sysusers seatsync.conf || :
systemd-tmpfiles --create seatsync.conf || :
if [ "$1" = 1 ]; then
    systemctl preset seatsync-usage.socket seatsync-control.socket seatsync.service || :
fi
systemctl daemon-reload || :
