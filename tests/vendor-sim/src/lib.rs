//! Simulated SaaS vendors over real HTTP.
