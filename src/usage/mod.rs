//! The usage record: parse, key, merge rule.
