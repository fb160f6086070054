//! Everything that drives the real thing: the binary, its sockets and files, and the vendor
//! simulators over HTTP. One binary, so that it links once.
// Clippy lets tests unwrap; this tells it that the helpers beside them are tests too.
#![cfg(test)]

mod activity;
mod agents;
mod aha_client;
mod aha_document;
mod aha_download;
mod answers;
mod api_serve;
mod audit;
mod authorize;
mod bed;
mod changed_connection;
mod check;
mod clients;
mod commands;
mod crash;
mod documents;
mod download;
mod durability;
mod exclusions;
mod folder;
mod goto_client;
mod goto_contract;
mod goto_job;
mod ground;
mod house;
mod installed;
mod jobs;
mod main_job;
mod merge;
mod notices;
mod oauth_server;
mod reclaim;
mod reclaim_crash;
mod reclaim_states;
mod reclaim_years;
mod reconcile;
mod remedies;
mod retention;
mod retry;
mod snapshot;
mod support;
mod tls;
mod usage_conformance;
mod usage_openapi;
mod usage_read;
mod usage_storm;
mod watch;
mod workplace_download;
mod workplace_job;
mod zoom_client;
mod zoom_contract;
mod zoom_document;
mod zoom_mock;
