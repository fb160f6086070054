//! Logs: to the journal where it is ours, to stderr otherwise.
