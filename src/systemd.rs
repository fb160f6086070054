//! The service manager: readiness, watchdog, and the sockets it hands over. Without systemd every
//! call is a no-op.

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use jiff::SignedDuration;
use listenfd::ListenFd;
use sd_notify::NotifyState;

/// Sockets that systemd bound for us, told apart by `FileDescriptorName=`.
#[derive(Debug, Default)]
pub struct HandedSockets {
    /// `usage.sock`.
    pub usage: Option<UnixListener>,
    /// `control.sock`.
    pub control: Option<UnixListener>,
    /// `answers.sock`.
    pub answers: Option<UnixListener>,
    /// Where metrics are scraped over TCP.
    pub metrics: Option<TcpListener>,
}

impl HandedSockets {
    /// Takes the sockets that systemd passed, whose names are in `names` (`$LISTEN_FDNAMES`).
    /// A socket of any other name is refused, since nobody would serve it.
    pub fn take(names: Option<&str>) -> io::Result<Self> {
        let mut passed = ListenFd::from_env();
        let mut sockets = Self::default();
        let mut names = names.unwrap_or_default().split(':');
        for index in 0..passed.len() {
            let name = names.next().unwrap_or_default();
            if name == "metrics" {
                sockets.metrics = passed.take_tcp_listener(index)?;
                continue;
            }
            let listener = passed.take_unix_listener(index)?;
            match name {
                "usage" => sockets.usage = listener,
                "control" => sockets.control = listener,
                "answers" => sockets.answers = listener,
                other => {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidInput,
                        format!(
                            "systemd passed a socket named `{other}`: set `FileDescriptorName=` of the socket unit to `usage`, `control`, `answers` or `metrics`"
                        ),
                    ));
                }
            }
        }
        Ok(sockets)
    }
}

/// Tells the service manager that the daemon serves.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Tells the service manager, and `systemctl status`, what the daemon is doing.
pub fn status(status: &str) {
    tell(&[NotifyState::Status(status)]);
}

/// Tells the service manager that a reload began.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "the monotonic clock cannot be read"),
    }
}

/// Asks the service manager to wait `longer` from now on for the start to end.
pub fn takes_longer(longer: SignedDuration, status: &str) {
    let longer = u32::try_from(longer.as_micros()).unwrap_or(u32::MAX);
    tell(&[
        NotifyState::ExtendTimeoutUsec(longer),
        NotifyState::Status(status),
    ]);
}

/// Tells the service manager that the daemon is on its way out.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Tells the service manager that the daemon is alive.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How often [`alive`] must be called, where the unit sets `WatchdogSec=`: half of it.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "the service manager was not told");
    }
}
