//! The service manager: readiness, watchdog, sockets handed over.
