//! Jobs: claim, run, retry, record. No vendor call inside a transaction.
