//! What plans are made from, row by row: out of one store, and into an empty one. Only the columns named
//! here leave the store: no secret, no audit log, nothing that a plan does not need.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Row, ToSql, Transaction, params_from_iter};
use serde::{Deserialize, Serialize};

use super::staging::blocking;
use super::{MIGRATIONS, Store, StoreError};
use crate::profile::model::{DesiredProfile, Document};
use crate::profile::pseudonym::Pseudonyms;

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Field {
    /// Nothing.
    Null,
    /// A number; times are milliseconds and days are days since 1970-01-01.
    Integer(i64),
    /// A text.
    Text(String),
}

/// A row of one of the tables that snapshots hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRow {
    table: &'static Table,
    fields: Vec<Field>,
}

/// A row that no snapshot of this layout holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSnapshotRow {
    /// No such table.
    #[error("there is no table `{0}` in a snapshot")]
    Table(String),
    /// Too many values or too few.
    #[error("a row of `{table}` has {wanted} values, this one {found}")]
    Width {
        /// Which.
        table: &'static str,
        /// As many as it has.
        wanted: usize,
        /// As many as there are.
        found: usize,
    },
}

/// A table, and what of it is taken.
#[derive(Debug, PartialEq, Eq)]
struct Table {
    name: &'static str,
    columns: &'static [Column],
    /// Columns that are not taken and may not be empty, with what stands in for them.
    stand_ins: &'static [(&'static str, &'static str)],
    /// Which rows.
    rows: &'static str,
}

#[derive(Debug, PartialEq, Eq)]
struct Column {
    name: &'static str,
    /// Whom it may name.
    names: Names,
}

/// Whom a column may name, and so how it is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Nobody,
    /// A vendor's user id.
    User,
    Address,
    Person,
    /// An entry for users as the store keeps it.
    Pattern,
    /// Words of the team.
    Words,
    Desired,
    Document,
}

const fn plain(name: &'static str) -> Column {
    naming(name, Names::Nobody)
}

const fn naming(name: &'static str, names: Names) -> Column {
    Column { name, names }
}

/// Every table that is taken, in the order in which rows refer to each other.
const TABLES: &[Table] = &[
    Table {
        name: "profiles",
        columns: &[
            plain("id"),
            plain("name"),
            naming("desired", Names::Desired),
            plain("digest"),
            plain("revision"),
            plain("applied_at"),
            plain("first_published_at"),
            plain("orphaned_at"),
            plain("bound_account"),
            plain("bound_at"),
        ],
        stand_ins: &[],
        rows: "true",
    },
    Table {
        name: "documents",
        columns: &[
            plain("kind"),
            plain("name"),
            plain("file"),
            plain("digest"),
            naming("document", Names::Document),
            plain("state"),
            plain("revision"),
            plain("applied_at"),
        ],
        stand_ins: &[],
        rows: "true",
    },
    Table {
        name: "revisions",
        columns: &[
            plain("id"),
            plain("digest"),
            plain("label"),
            plain("outcome"),
            plain("findings"),
            plain("message"),
            plain("first_attempted_at"),
            plain("last_attempted_at"),
            plain("attempts"),
            plain("applied_at"),
            plain("exclusions_unknown"),
            plain("rules_in_doubt"),
        ],
        stand_ins: &[],
        rows: "id = (SELECT max(id) FROM revisions)",
    },
    Table {
        name: "walks",
        columns: &[
            plain("id"),
            plain("profile_id"),
            plain("ended_at"),
            plain("verdict"),
            plain("reason"),
            plain("users"),
            plain("seats"),
            plain("vendor_total"),
            plain("walks"),
            plain("released_at"),
        ],
        stand_ins: &[("job", "''"), ("unrecognized", "'[]'")],
        rows: "true",
    },
    Table {
        name: "purchases",
        columns: &[
            plain("profile_id"),
            plain("identifier"),
            plain("bought"),
            plain("assigned"),
            plain("plan"),
            plain("read_at"),
        ],
        stand_ins: &[],
        rows: "true",
    },
    Table {
        name: "seat_counts",
        columns: &[
            plain("profile_id"),
            plain("identifier"),
            plain("day"),
            plain("seats"),
            plain("paid"),
            plain("excluded"),
        ],
        stand_ins: &[],
        rows: "(profile_id, day) IN (SELECT profile_id, max(day) FROM seat_counts GROUP BY 1)",
    },
    Table {
        name: "activity_days",
        columns: &[
            plain("profile_id"),
            plain("kind"),
            plain("grade"),
            plain("day"),
            plain("read_at"),
        ],
        stand_ins: &[],
        rows: "true",
    },
    Table {
        name: "subscriptions",
        columns: &[
            plain("id"),
            plain("profile_id"),
            naming("external_user_id", Names::User),
            plain("identifier"),
            naming("email", Names::Address),
            naming("email_folded", Names::Address),
            naming("display_name", Names::Person),
            plain("department"),
            plain("status"),
            plain("role"),
            plain("user_created_at"),
            plain("last_login_at"),
            plain("bundled"),
            plain("paid"),
            plain("may_have_add_ons"),
            plain("source"),
            plain("walk"),
            plain("first_seen"),
            plain("changed_at"),
            plain("assigned_at"),
            plain("last_seen"),
            plain("ended_at"),
            plain("ended_by"),
            plain("last_hosted_day"),
            plain("last_listed_day"),
        ],
        stand_ins: &[("digest", "x''")],
        rows: "true",
    },
    Table {
        name: "directories",
        columns: &[
            plain("name"),
            plain("file"),
            plain("by"),
            plain("digest"),
            plain("as_of"),
            plain("read_at"),
            plain("max_age"),
            plain("people"),
            plain("active"),
            plain("problem"),
        ],
        stand_ins: &[],
        rows: "true",
    },
    Table {
        name: "people",
        columns: &[
            plain("directory"),
            plain("line"),
            plain("department"),
            plain("cost_center"),
            plain("company"),
            plain("country"),
            plain("active"),
            plain("class"),
        ],
        stand_ins: &[],
        rows: "(directory, line) IN (SELECT directory, line FROM resolved_users)",
    },
    Table {
        name: "resolved_users",
        columns: &[
            plain("profile_id"),
            naming("external_user_id", Names::User),
            plain("outcome"),
            plain("directory"),
            plain("line"),
            plain("matched_by"),
            plain("found"),
        ],
        stand_ins: &[],
        rows: "true",
    },
    Table {
        name: "identifier_matches",
        columns: &[
            plain("profile_id"),
            plain("identifier"),
            plain("rule"),
            plain("reason"),
            plain("expires"),
            plain("since"),
            plain("lifted_at"),
        ],
        stand_ins: &[],
        rows: "true",
    },
    Table {
        name: "user_matches",
        columns: &[
            plain("profile_id"),
            naming("external_user_id", Names::User),
            plain("purpose"),
            naming("pattern", Names::Pattern),
            plain("rule"),
            naming("reason", Names::Words),
            plain("expires"),
            plain("since"),
            plain("lifted_at"),
        ],
        stand_ins: &[],
        rows: "true",
    },
    Table {
        name: "matched_entries",
        columns: &[plain("profile_id"), plain("digest")],
        stand_ins: &[],
        rows: "true",
    },
    Table {
        name: "candidates",
        columns: &[
            plain("id"),
            plain("profile_id"),
            plain("subscription_id"),
            naming("external_user_id", Names::User),
            naming("email", Names::Address),
            plain("identifier"),
            plain("state"),
            plain("attention"),
            plain("justification"),
            plain("rule"),
            plain("rule_digest"),
            plain("reference"),
            plain("reference_day"),
            plain("last_activity"),
            plain("last_grade"),
            plain("grade"),
            plain("evidence_digest"),
            plain("savings"),
            plain("assignment_group"),
            plain("opened_at"),
            plain("changed_at"),
            plain("closed_at"),
            plain("round"),
            plain("answer_by"),
            plain("asked_at"),
            plain("kept_until"),
            plain("planned"),
            plain("restored_at"),
        ],
        stand_ins: &[("display_name", "''"), ("reason", "''")],
        rows: "true",
    },
    Table {
        name: "writes",
        columns: &[
            plain("id"),
            plain("profile_id"),
            plain("candidate_id"),
            plain("kind"),
            plain("state"),
            plain("intended_at"),
            plain("ended_at"),
        ],
        stand_ins: &[("asked_by", "''")],
        rows: "true",
    },
    Table {
        name: "rules_in_force",
        columns: &[
            plain("profile_id"),
            plain("identifier"),
            plain("rule"),
            plain("digest"),
            plain("since"),
            plain("loosened_at"),
            plain("loosened"),
        ],
        stand_ins: &[],
        rows: "true",
    },
    Table {
        name: "reclaim_standings",
        columns: &[
            plain("profile_id"),
            plain("acted_at"),
            plain("acted_plan"),
            plain("errors"),
            plain("released"),
        ],
        stand_ins: &[],
        rows: "true",
    },
    Table {
        name: "restore_holds",
        columns: &[plain("profile_id"), plain("restored_at")],
        stand_ins: &[],
        rows: "true",
    },
    Table {
        name: "reviewed_plans",
        columns: &[
            plain("profile_id"),
            plain("digest"),
            plain("seats"),
            plain("exported_at"),
        ],
        stand_ins: &[],
        rows: "true",
    },
];

impl SnapshotRow {
    /// A row as it was read.
    pub fn new(table: &str, fields: Vec<Field>) -> Result<Self, NoSnapshotRow> {
        let table = TABLES
            .iter()
            .find(|known| known.name == table)
            .ok_or_else(|| NoSnapshotRow::Table(table.to_owned()))?;
        if fields.len() != table.columns.len() {
            return Err(NoSnapshotRow::Width {
                table: table.name,
                wanted: table.columns.len(),
                found: fields.len(),
            });
        }
        Ok(Self { table, fields })
    }

    /// Of which table.
    pub fn table(&self) -> &'static str {
        self.table.name
    }

    /// Its values, in the order of the table's columns.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }
}

/// The layout that snapshots of this program have: rows of another one mean something else.
pub fn layout() -> usize {
    MIGRATIONS.len()
}

impl Store {
    /// Shows every row to `sink`, all as of one moment, until it answers that it wants no more. With
    /// `hidden`, users stand under pseudonyms.
    pub async fn dump<S, F>(
        &self,
        hidden: Option<Pseudonyms>,
        mut state: S,
        mut sink: F,
    ) -> Result<S, StoreError>
    where
        S: Send + 'static,
        F: FnMut(&mut S, &SnapshotRow) -> bool + Send + 'static,
    {
        self.database
            .read("export snapshot", move |t| {
                for table in TABLES {
                    let mut statement = t.prepare(&table.select())?;
                    let mut rows = statement.query([])?;
                    while let Some(row) = rows.next()? {
                        let row = table.row(row, hidden.as_ref())?;
                        if !sink(&mut state, &row) {
                            return Ok(state);
                        }
                    }
                }
                Ok(state)
            })
            .await
    }

    /// Puts rows into a store that has none of them yet.
    pub async fn fill(&self, rows: Vec<SnapshotRow>) -> Result<(), StoreError> {
        self.database
            .write("read snapshot", move |t| {
                rows.iter().try_for_each(|row| insert(t, row))
            })
            .await
    }

    /// A file without a name in the state directory, gone when it is closed: what is exported waits there
    /// for a reader that is slower than the disk.
    pub async fn scratch_file(&self) -> Result<File, StoreError> {
        let folder = self.staging_folder();
        blocking(move || {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .and_then(|()| tempfile::tempfile_in(&folder))
                .map_err(|error| StoreError::Io {
                    path: folder,
                    reason: error.to_string(),
                })
        })
        .await
    }
}

impl Table {
    fn select(&self) -> String {
        format!(
            "SELECT {} FROM {} WHERE {} ORDER BY 1",
            self.names().join(", "),
            self.name,
            self.rows
        )
    }

    fn names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|column| column.name).collect()
    }

    fn row(
        &'static self,
        row: &Row<'_>,
        hidden: Option<&Pseudonyms>,
    ) -> Result<SnapshotRow, StoreError> {
        let mut fields = Vec::with_capacity(self.columns.len());
        for (index, column) in self.columns.iter().enumerate() {
            let field = match row.get_ref(index)? {
                ValueRef::Null => Field::Null,
                ValueRef::Integer(number) => Field::Integer(number),
                ValueRef::Text(text) => Field::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Real(_) | ValueRef::Blob(_) => {
                    return Err(column.unreadable(self, "it is neither a number nor a text"));
                }
            };
            fields.push(match (field, hidden) {
                (Field::Text(text), Some(hidden)) => Field::Text(
                    column
                        .hide(text, hidden)
                        .map_err(|error| column.unreadable(self, &error.to_string()))?,
                ),
                (field, _) => field,
            });
        }
        Ok(SnapshotRow {
            table: self,
            fields,
        })
    }
}

impl Column {
    fn hide(&self, text: String, hidden: &Pseudonyms) -> Result<String, serde_json::Error> {
        Ok(match self.names {
            Names::Nobody => text,
            Names::User => hidden.user(&text),
            Names::Address => hidden.address(&text),
            Names::Person => hidden.name(&text),
            Names::Pattern => match text.strip_prefix("user:") {
                Some(user) => format!("user:{}", hidden.named_user(user)),
                None => text,
            },
            Names::Words => String::new(),
            Names::Desired => {
                let mut desired: DesiredProfile = serde_json::from_str(&text)?;
                hidden.hide_in(&mut desired);
                serde_json::to_string(&desired)?
            }
            Names::Document => {
                let mut document: Document = serde_json::from_str(&text)?;
                hidden.hide_in_document(&mut document);
                serde_json::to_string(&document)?
            }
        })
    }

    fn unreadable(&self, table: &Table, reason: &str) -> StoreError {
        StoreError::Value {
            step: "export snapshot".to_owned(),
            reason: format!("`{}` of `{}`: {reason}", self.name, table.name),
        }
    }
}

impl ToSql for Field {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Integer(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

fn insert(t: &Transaction<'_>, row: &SnapshotRow) -> Result<(), StoreError> {
    let table = row.table;
    let mut names = table.names();
    names.extend(table.stand_ins.iter().map(|(name, _)| *name));
    let mut values: Vec<String> = (1..=table.columns.len()).map(|n| format!("?{n}")).collect();
    values.extend(table.stand_ins.iter().map(|(_, value)| (*value).to_owned()));
    t.prepare_cached(&format!(
        "INSERT INTO {} ({}) VALUES ({})",
        table.name,
        names.join(", "),
        values.join(", ")
    ))?
    .execute(params_from_iter(&row.fields))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Not in a snapshot: what no plan is made from, and whose names and secrets stay at home.
    const LEFT_OUT: &[&str] = &[
        "activities",
        "alerts",
        "audit",
        "audit_start",
        "audit_texts",
        "conditions",
        "daily_use",
        "deliveries",
        "digests",
        "entries_that_matched",
        "grants",
        "installed_candidates",
        "installed_runs",
        "jobs",
        "known_time",
        "notices",
        "person_keys",
        "position_results",
        "position_runs",
        "sqlite_sequence",
        "sqlite_stat1",
        "sqlite_stat4",
        "standings",
        "user_checks",
    ];

    /// Columns of the tables above that are not taken.
    const COLUMNS_LEFT_OUT: &[&str] = &[
        "candidates.display_name",
        "candidates.pressed_by",
        "candidates.reason",
        "people.display_name",
        "people.email",
        "people.employee_id",
        "people.external_user_id",
        "people.manager",
        "people.user_name",
        "reclaim_standings.last_plan",
        "reclaim_standings.released_at",
        "reclaim_standings.released_by",
        "subscriptions.digest",
        "walks.job",
        "walks.released_by",
        "walks.unrecognized",
        "writes.asked_by",
        "writes.job",
        "writes.outcome",
        "writes.plan",
        "writes.prior",
        "writes.trace_id",
    ];

    #[tokio::test]
    async fn every_table_and_column_is_taken_or_left_out_on_purpose() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let columns: BTreeSet<(String, String)> = store
            .database
            .read("list columns", |t| {
                let mut statement = t.prepare(
                    "SELECT m.name, c.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c
                     WHERE m.type = 'table'",
                )?;
                let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
            .unwrap();
        let unknown: Vec<String> = columns
            .iter()
            .filter(|(table, _)| !LEFT_OUT.contains(&table.as_str()))
            .filter(|(table, column)| {
                let known = TABLES.iter().find(|known| known.name == table);
                !known.is_some_and(|known| known.names().contains(&column.as_str()))
            })
            .map(|(table, column)| format!("{table}.{column}"))
            .filter(|column| !COLUMNS_LEFT_OUT.contains(&column.as_str()))
            .collect();
        assert_eq!(
            unknown,
            Vec::<String>::new(),
            "say in store/snapshot.rs what these are for plans"
        );
        for table in TABLES {
            for column in table.names() {
                let known = (table.name.to_owned(), column.to_owned());
                assert!(columns.contains(&known), "{known:?}");
            }
        }
    }

    #[test]
    fn a_row_of_another_shape_is_refused() {
        assert_eq!(
            SnapshotRow::new("audit", Vec::new()),
            Err(NoSnapshotRow::Table("audit".to_owned()))
        );
        let error = SnapshotRow::new("matched_entries", vec![Field::Null]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a row of `matched_entries` has 2 values, this one 1"
        );
    }
}
