//! Software found unused on configuration items, and what becomes of it. What agents reported of the items
//! is in `usage.db`, which no transaction here reads: the calculation hands over what it found there.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::audit::{self, AuditAction, NewEntry};
use super::candidate::{Happened, Happening, write_state};
use super::column::{At, Json, Word};
use super::{Store, StoreError};
use crate::profile::name::Name;
use crate::reclamation::actor::Actor;
use crate::reclamation::candidate::{Justification, Savings, State};
use crate::reclamation::installed::candidate::InstalledCandidate;
use crate::reclamation::installed::judge::{Decided, Evidence};
use crate::usage::Reference;

/// Software to record as unused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInstalled {
    /// On which configuration item.
    pub configuration_item: Reference,
    /// Which product.
    pub norm_product: Reference,
    /// The model that has it.
    pub software_model: Name,
    /// Publisher and product.
    pub product: String,
    /// The rule that decides.
    pub rule: Name,
    /// Of that rule.
    pub rule_digest: String,
    /// What the use was measured by.
    pub evidence: Evidence,
    /// What removing it may save.
    pub savings: Option<Savings>,
    /// Who decides when its user wants to keep it.
    pub assignment_group: Option<String>,
}

/// Which candidates a listing wants; what is `None` does not narrow it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledFilter {
    /// Of this item.
    pub configuration_item: Option<Reference>,
    /// Of this product.
    pub norm_product: Option<Reference>,
    /// Of this `SoftwareModel` document.
    pub software_model: Option<Name>,
    /// In this state.
    pub state: Option<State>,
    /// Open ones, or closed ones.
    pub open: Option<bool>,
}

impl Store {
    /// Candidates in the order of their numbers, after the one with number `after`, at most `limit`.
    pub async fn installed_candidates(
        &self,
        filter: InstalledFilter,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<InstalledCandidate>, StoreError> {
        self.database
            .read("list candidates of installed software", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT * FROM installed_candidates WHERE id > ?1
                       AND (?2 IS NULL OR configuration_item = ?2)
                       AND (?3 IS NULL OR norm_product = ?3)
                       AND (?4 IS NULL OR software_model = ?4)
                       AND (?5 IS NULL OR state = ?5)
                       AND (?6 IS NULL OR (closed_at IS NULL) = ?6)
                     ORDER BY id LIMIT ?7",
                )?;
                let rows = statement.query_map(
                    params![
                        after.unwrap_or(0),
                        filter.configuration_item,
                        filter.norm_product,
                        filter.software_model.map(String::from),
                        filter.state.map(State::as_str),
                        filter.open,
                        limit,
                    ],
                    candidate_of,
                )?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// One candidate.
    pub async fn installed_candidate(
        &self,
        id: i64,
    ) -> Result<Option<InstalledCandidate>, StoreError> {
        self.database
            .read("read candidate of installed software", move |t| {
                candidate_at(t, id)
            })
            .await
    }

    /// What was decided before of each of these products on these items, where anything was.
    pub async fn installed_histories(
        &self,
        pairs: Vec<(Reference, Reference)>,
    ) -> Result<HashMap<(Reference, Reference), Decided>, StoreError> {
        self.database
            .read("read what was decided of installed software", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT max(kept_until), max(closed_at) FILTER (WHERE state = 'closed_complete')
                     FROM installed_candidates WHERE configuration_item = ?1 AND norm_product = ?2",
                )?;
                let mut histories = HashMap::new();
                for (item, product) in pairs {
                    let history = statement.query_row(params![item, product], |row| {
                        Ok(Decided {
                            kept_until: row.get::<_, Option<At>>(0)?.map(|at| at.0),
                            removed_at: row.get::<_, Option<At>>(1)?.map(|at| at.0),
                        })
                    })?;
                    if history != Decided::default() {
                        histories.insert((item, product), history);
                    }
                }
                Ok(histories)
            })
            .await
    }

    /// Records software that was found unused; what has an open candidate is passed over. Returns how
    /// many are new.
    pub async fn open_installed(
        &self,
        found: Vec<NewInstalled>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        if found.is_empty() {
            return Ok(0);
        }
        self.database
            .write("record candidates of installed software", move |t| {
                let mut opened = 0;
                for new in &found {
                    opened += u64::from(open(t, new, now)?);
                }
                Ok(opened)
            })
            .await
    }

    /// Lets things happen to candidates, in one transaction. What cannot happen is told, and changes
    /// nothing.
    pub async fn happen_installed(
        &self,
        happenings: Vec<Happening>,
        now: Timestamp,
    ) -> Result<Vec<Happened<InstalledCandidate>>, StoreError> {
        if happenings.is_empty() {
            return Ok(Vec::new());
        }
        self.database
            .write("move candidates of installed software", move |t| {
                happenings
                    .iter()
                    .map(|happening| happen(t, happening, now))
                    .collect()
            })
            .await
    }

    /// Nobody is asked again for the candidate's software before `until`.
    pub async fn keep_installed_until(
        &self,
        id: i64,
        until: Timestamp,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let by = by.clone();
        self.database
            .write("keep installed software", move |t| {
                t.prepare_cached("UPDATE installed_candidates SET kept_until = ?2 WHERE id = ?1")?
                    .execute(params![id, At(until)])?;
                if let Some(candidate) = candidate_at(t, id)? {
                    let facts = json!({ "kept_until": until });
                    let kept = entry(AuditAction::CandidateKept, &by, &candidate, facts);
                    audit::append(t, &kept, now)?;
                }
                Ok(())
            })
            .await
    }
}

fn open(t: &Transaction<'_>, new: &NewInstalled, now: Timestamp) -> Result<bool, StoreError> {
    let is_open: bool = t
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM installed_candidates
             WHERE configuration_item = ?1 AND norm_product = ?2 AND closed_at IS NULL)",
        )?
        .query_row(params![new.configuration_item, new.norm_product], |row| {
            row.get(0)
        })?;
    if is_open {
        return Ok(false);
    }
    let id = next_number(t)?;
    t.prepare_cached(
        "INSERT INTO installed_candidates (id, configuration_item, norm_product, software_model,
             product, state, reason, justification, rule, rule_digest, evidence, savings,
             assignment_group, opened_at, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 'ready', ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?13)",
    )?
    .execute(params![
        id,
        new.configuration_item,
        new.norm_product,
        new.software_model.as_str(),
        new.product,
        new.evidence.told(),
        Justification::LowUsage.as_str(),
        new.rule.as_str(),
        new.rule_digest,
        Json(&new.evidence),
        new.savings.as_ref().map(Json),
        new.assignment_group,
        At(now),
    ])?;
    if let Some(candidate) = candidate_at(t, id)? {
        let facts = json!({
            "rule": new.rule, "rule_digest": new.rule_digest, "evidence": new.evidence,
            "savings": new.savings,
        });
        let opened = entry(
            AuditAction::CandidateOpened,
            &Actor::Rule,
            &candidate,
            facts,
        );
        audit::append(t, &opened, now)?;
    }
    Ok(true)
}

/// The next number of a candidate, taken from the row in which SQLite counts those of seats
/// (<https://www.sqlite.org/autoinc.html>): a number is of one candidate for ever, whatever it is of.
fn next_number(t: &Transaction<'_>) -> Result<i64, StoreError> {
    t.prepare_cached(
        "INSERT INTO sqlite_sequence (name, seq) SELECT 'candidates', 0
         WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'candidates')",
    )?
    .execute([])?;
    Ok(t.prepare_cached(
        "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'candidates' RETURNING seq",
    )?
    .query_row([], |row| row.get(0))?)
}

fn happen(
    t: &Transaction<'_>,
    happening: &Happening,
    now: Timestamp,
) -> Result<Happened<InstalledCandidate>, StoreError> {
    let Some(before) = candidate_at(t, happening.candidate)? else {
        return Ok(Happened::Unknown);
    };
    let state = match before.state.after(happening.event) {
        Ok(state) => state,
        Err(impossible) => return Ok(Happened::Impossible(impossible)),
    };
    write_state(t, "installed_candidates", happening, state, now)?;
    let facts = json!({
        "event": happening.event, "from": before.state, "to": state,
        "answer_by": happening.answer_by, "kept_until": happening.kept_until,
    });
    let mut moved = entry(AuditAction::CandidateMoved, &happening.by, &before, facts);
    moved.texts.push(("reason", happening.reason.clone()));
    audit::append(t, &moved, now)?;
    let after = candidate_at(t, happening.candidate)?;
    Ok(after.map_or(Happened::Unknown, |after| Happened::Moved(Box::new(after))))
}

/// An entry of the audit log about a candidate. Ids of ServiceNow name nobody.
fn entry(
    action: AuditAction,
    who: &Actor,
    candidate: &InstalledCandidate,
    mut facts: Value,
) -> NewEntry {
    facts["configuration_item"] = json!(candidate.configuration_item);
    facts["norm_product"] = json!(candidate.norm_product);
    facts["software_model"] = json!(candidate.software_model);
    NewEntry {
        candidate: Some(candidate.id),
        ..NewEntry::new(action, who, facts)
    }
}

fn candidate_at(t: &Transaction<'_>, id: i64) -> Result<Option<InstalledCandidate>, StoreError> {
    Ok(
        t.prepare_cached("SELECT * FROM installed_candidates WHERE id = ?1")?
            .query_row([id], candidate_of)
            .optional()?,
    )
}

fn candidate_of(row: &Row<'_>) -> rusqlite::Result<InstalledCandidate> {
    let instant = |column: &str| -> rusqlite::Result<Option<Timestamp>> {
        Ok(row.get::<_, Option<At>>(column)?.map(|at| at.0))
    };
    Ok(InstalledCandidate {
        id: row.get("id")?,
        configuration_item: row.get("configuration_item")?,
        norm_product: row.get("norm_product")?,
        software_model: row.get::<_, Word<_>>("software_model")?.0,
        product: row.get("product")?,
        state: row.get::<_, Word<_>>("state")?.0,
        attention: row
            .get::<_, Option<Word<_>>>("attention")?
            .map(|word| word.0),
        reason: row.get("reason")?,
        justification: row.get::<_, Word<_>>("justification")?.0,
        rule: row.get::<_, Word<_>>("rule")?.0,
        rule_digest: row.get("rule_digest")?,
        evidence: row.get::<_, Json<_>>("evidence")?.0,
        savings: row.get::<_, Option<Json<_>>>("savings")?.map(|json| json.0),
        assignment_group: row.get("assignment_group")?,
        opened_at: row.get::<_, At>("opened_at")?.0,
        changed_at: row.get::<_, At>("changed_at")?.0,
        closed_at: instant("closed_at")?,
        pressed_by: row.get("pressed_by")?,
        round: row.get("round")?,
        answer_by: instant("answer_by")?,
        kept_until: instant("kept_until")?,
    })
}
