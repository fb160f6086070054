//! seatsync keeps SaaS seats in step with profiles in git.
//!
//! Facts go through the crate in one direction; each room has one job and knows nothing above it:
//!
//! ```text
//!  profiles.d ─► watch ─► profile ─► reconcile ─► schedule ─► job ─► subflow ─► connector ─► vendor
//!                                        │            │                 │
//!  usage.sock ─► api/usage ─► usage ─►  store  ◄──────┴─────────────────┘
//!
//!  control.sock ◄─► api/control ◄─► cli
//! ```
//!
//! | room | is |
//! |---|---|
//! | [`daemon`] | start order, reload, shutdown; the only one that knows everything |
//! | [`clock`], [`secret`], [`systemd`], [`sandbox`], [`telemetry`], [`metrics`] | the one place each for now(), credentials, the service manager, what the kernel takes away, logs and traces, numbers |
//! | [`yaml`] | the language of our files: positions, typed values, diagnostics |
//! | [`settings`] | the daemon's own settings: raw shape, then validated |
//! | [`profile`] | YAML to checked domain types, or diagnostics |
//! | [`watch`] | something changed: look again |
//! | [`reconcile`] | desired against recorded: diff, plan, conditions |
//! | [`schedule`] | when a subflow is due |
//! | [`job`] | claim, run, retry, record |
//! | [`subflow`] | one file per subflow, vendor-neutral |
//! | [`connector`] | the vendors' wires behind one trait |
//! | [`reclamation`] | when a seat is unused, what becomes of it, what may be written: facts in, decisions out |
//! | [`position`] | rights owned, used, needed and left, and what they cost: facts in, results out |
//! | [`doctor`] | what an operator should look at: facts in, findings out |
//! | [`usage`] | the usage record: parse, key, merge rule |
//! | [`notice`] | what people are told, as mail and as a webhook |
//! | [`store`] | all SQL |
//! | [`snapshot`] | plans without the daemon, from what it knew |
//! | [`delivery`] | takes notices out of the store, sends them, records what became of them |
//! | [`api`] | the sockets: peer identity, usage, control, users' answers |
//! | [`report`] | what is known, as files for other programs |
//! | [`cli`] | one file per subcommand |

pub mod api;
pub mod cli;
pub mod clock;
pub mod connector;
pub mod daemon;
pub mod delivery;
pub mod doctor;
pub mod job;
pub mod metrics;
pub mod notice;
pub mod position;
pub mod profile;
pub mod reclamation;
pub mod reconcile;
pub mod report;
pub mod sandbox;
pub mod schedule;
pub mod secret;
pub mod settings;
pub mod snapshot;
pub mod store;
pub mod subflow;
pub mod systemd;
pub mod telemetry;
pub mod usage;
pub mod watch;
pub mod yaml;
