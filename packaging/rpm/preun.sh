# In one command: a client that came between two would start the service again.
if [ "$1" = 0 ]; then
    systemctl disable --now seatsync-usage.socket seatsync-control.socket seatsync-answers.socket \
        seatsync-metrics.socket seatsync.service || :
fi
