//! When a subflow is due: cron, zone and missed runs.
