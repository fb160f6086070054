//! The control API: HTTP/1.1 and JSON under `/v1/`, for the command line, for metrics and health.

pub mod model;
