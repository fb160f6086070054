//! The numbers that `GET /metrics` shows, registered in one place.
