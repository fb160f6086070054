//! Reads and stores one body, within the room of its user. What is small is worked on where it came
//! in; what is large waits for its turn and is worked on beside everything else.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::runtime::Handle;

use super::Shared;
use super::coding::MAX_HELD;
use super::format::Format;
use super::intake::Taken;
use super::policy::UsagePolicy;
use super::refusal::Refusal;
use super::room::{MAX_ANSWER, Place, Share};
use crate::metrics::{Fate, FateLabel};
use crate::store::StoreError;
use crate::store::usage::Upserted;
use crate::telemetry::Notable;
use crate::usage::{Document, Elements, Item, Period, Rules};

/// What takes more than this many bytes while it is worked on is large.
const LARGE: usize = 2 << 20;

/// Who pushes, and what decides about it.
#[derive(Debug)]
pub(super) struct Push {
    pub(super) user: u32,
    pub(super) rules: Rules,
    pub(super) policy: Arc<UsagePolicy>,
    pub(super) answer_in: Format,
    pub(super) transaction: String,
}

/// A body that was stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) answer: Vec<u8>,
    /// How many items it had, those included that were refused.
    pub(super) items: usize,
    /// Room for the answer.
    pub(super) place: Place,
}

impl Shared {
    /// Stores what was taken in.
    pub(super) async fn store(
        self: &Arc<Self>,
        push: Push,
        share: &Share,
        sent_in: Format,
        taken: Taken,
    ) -> Result<Stored, Refusal> {
        let Taken { bytes, mut place } = taken;
        if bytes.len() > LARGE {
            let sent = bytes.len();
            let read = move || read(sent_in, bytes);
            return self.store_large(push, share, sent, read, place).await;
        }
        let document = read(sent_in, bytes)?;
        let elements = found(&document)?;
        let needed = document.held_bytes() + elements.work_bytes();
        if needed <= LARGE && share.try_cover(needed, &mut place) {
            return self
                .store_elements(push, share, &document, elements, place)
                .await;
        }
        // Nothing without a place of its own is held while waiting.
        drop(elements);
        if needed > LARGE {
            let held = document.held_bytes();
            return self
                .store_large(push, share, held, || Ok(document), place)
                .await;
        }
        share.cover(needed, &mut place, &*self.clock).await?;
        let elements = found(&document)?;
        self.store_elements(push, share, &document, elements, place)
            .await
    }

    /// Stores what takes long to read, in its turn and away from the threads that serve everybody.
    /// What it takes there beside `held` bytes has no place: there is only one.
    async fn store_large(
        self: &Arc<Self>,
        push: Push,
        share: &Share,
        held: usize,
        document: impl FnOnce() -> Result<Document, Refusal> + Send + 'static,
        mut place: Place,
    ) -> Result<Stored, Refusal> {
        // Answers are half as long again as what they answer, at most, where that is acceptable.
        share
            .cover(held + held / 2, &mut place, &*self.clock)
            .await?;
        let turn = share.turn(&*self.clock).await?;
        let (shared, share) = (Arc::clone(self), share.clone());
        let transaction = push.transaction.clone();
        let runtime = Handle::current();
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let document = document()?;
            let elements = found(&document)?;
            let stored = shared.store_elements(push, &share, &document, elements, place);
            runtime.block_on(stored)
        });
        work.await.map_err(|error| {
            tracing::error!(%error, transaction, "a large body was not read to its end");
            Refusal::internal(&transaction)
        })?
    }

    async fn store_elements(
        &self,
        push: Push,
        share: &Share,
        document: &Document,
        elements: Elements<'_>,
        mut place: Place,
    ) -> Result<Stored, Refusal> {
        let batch = document.read(elements, &push.rules);
        let mut batch = batch.map_err(|error| Refusal::body(&error))?;
        let rejected = batch.entries.len() - batch.items.len();
        if let Some(first) = batch.first_error().filter(|_| push.policy.strict_batches) {
            return Err(Refusal::strict(
                rejected,
                batch.entries.len(),
                &first.message.to_string(),
            ));
        }
        // Before it is stored, for then it must be answered.
        let length = push.answer_in.answer_bytes(&batch);
        if length > MAX_ANSWER {
            return Err(Refusal::answer_too_large(length));
        }
        if !share.try_cover(length, &mut place) {
            return Err(Refusal::no_room());
        }
        let now = self.clock.now();
        warn_of_the_future(&batch.items, now);
        let items = std::mem::take(&mut batch.items);
        let fates = if items.is_empty() {
            Vec::new()
        } else {
            let newest_wins = push.policy.newest_wins;
            let stored = self.store.upsert(push.user, items, newest_wins, now);
            stored
                .await
                .map_err(|error| not_stored(&error, &push.transaction))?
        };
        self.count(&fates, rejected);
        let unknown = &self.metrics.usage_unknown_columns;
        unknown.inc_by(batch.unknown_columns as u64);
        let answer = push.answer_in.encode(&batch, &fates, length);
        Ok(Stored {
            answer,
            items: batch.entries.len(),
            place,
        })
    }

    fn count(&self, fates: &[Upserted], rejected: usize) {
        let inserted = fates.iter().filter(|fate| fate.inserted).count();
        let counts = [
            (Fate::Insert, inserted),
            (Fate::Update, fates.len() - inserted),
            (Fate::Error, rejected),
        ];
        for (fate, count) in counts {
            if count > 0 {
                let items = &self.metrics.usage_items;
                items
                    .get_or_create(&FateLabel { fate })
                    .inc_by(count as u64);
            }
        }
    }
}

fn read(sent_in: Format, bytes: Vec<u8>) -> Result<Document, Refusal> {
    let document = sent_in
        .decode(bytes)
        .map_err(|error| Refusal::body(&error))?;
    if document.held_bytes() > MAX_HELD {
        return Err(Refusal::too_large_as_json());
    }
    Ok(document)
}

fn found(document: &Document) -> Result<Elements<'_>, Refusal> {
    document.elements().map_err(|error| Refusal::body(&error))
}

fn not_stored(error: &StoreError, transaction: &str) -> Refusal {
    match error {
        StoreError::Busy { .. } => Refusal::busy("too many requests wait for the disk"),
        StoreError::Closed => Refusal::busy("seatsync is stopping"),
        error => {
            tracing::error!(message_id = %Notable::RecordsNotStored, %error, transaction, "a batch of usage records was not stored");
            Refusal::internal(transaction)
        }
    }
}

/// Clocks differ, so a month that has not begun is taken; somebody should look at that clock.
fn warn_of_the_future(items: &[Item], now: Timestamp) {
    let today = now.to_zoned(TimeZone::UTC);
    let (Ok(year), Ok(month)) = (u16::try_from(today.year()), u8::try_from(today.month())) else {
        return;
    };
    let present = Period::month(year, month);
    if let Some(item) = items.iter().find(|item| item.key.period > present) {
        tracing::warn!(
            configuration_item = %item.key.configuration_item,
            period = item.key.period.number(),
            "usage reported for a month that has not begun: check the agent's clock"
        );
    }
}
