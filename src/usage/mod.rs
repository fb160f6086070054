//! The usage record: parse, key, merge rule. Pure: text and stored values in, values out. Used by
//! `store/usage.rs`, which keeps records, and `api/usage`, which takes them in.
//!
//! The words and rules are those of ServiceNow's *SAM - Software Usage Data Integration API* and
//! its table `samp_sw_usage`. Two reclamation types share the table: `total_usage`, the sum of a
//! month, and `last_used_date`. A repeat *sets* values, it never adds: an agent that sends a month's
//! running total twice changes nothing.
//!
//! A body is read as a [`Document`], which makes JSON of the other notations, and then as a [`Batch`].

pub mod batch;
mod document;
mod item;
mod json;
pub mod months;
mod number;
pub mod record;
mod single_quoted;
pub mod xml;

pub use batch::{Batch, BodyError, Elements, Entry};
pub use document::Document;
pub use item::{ErrorCode, Item, ItemError, Message, Rules};
pub use months::Months;
pub use record::{Change, Changes, Key, Period, ReclamationType, Record, Reference, SysId, Values};
