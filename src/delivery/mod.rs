//! Takes notices out of the store, sends them, and records what became of them. A notice goes at least
//! once: one whose end could not be recorded goes again, with the same id.

mod alerts;
mod compose;
mod digest;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::clock::{SharedClock, sleep};
use crate::notice::mail::{Mail, Mailer};
use crate::notice::template::Templates;
use crate::notice::webhook::Webhook;
use crate::notice::{Sent, Way};
use crate::secret::Secrets;
use crate::secret::seal::Sealer;
use crate::settings::Settings;
use crate::store::grant::GrantVault;
use crate::store::notice::{Delivery, DeliveryEnd};
use crate::store::{Store, StoreError};
use crate::telemetry::Notable;
use compose::{Addressed, Composed, Composer};

/// How often the outbox is looked at, beside when the store says that there is something.
const EVERY: SignedDuration = SignedDuration::from_secs(15);
/// How often it is looked at what operators are to be alerted of, and at all where nothing can go any way.
const ALERTS_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// Notices read at once.
const BATCH: u32 = 100;
/// The wait after a first failure; it doubles with each further one.
const FIRST_WAIT: SignedDuration = SignedDuration::from_mins(1);
/// The longest wait.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);
/// How long a notice is tried. RFC 5321, section 4.5.4.1, has senders give up after 4 to 5 days.
const GIVE_UP: SignedDuration = SignedDuration::from_hours(4 * 24);
/// How long a notice waits for a way that the settings do not give.
const WITHOUT_A_WAY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a deliverer is made of.
#[derive(Debug)]
pub struct DelivererParts {
    /// Where notices and facts are.
    pub store: Store,
    /// What time it is.
    pub clock: SharedClock,
    /// Where notices go, and the zone of days.
    pub settings: Arc<Settings>,
    /// Where passwords are.
    pub secrets: Arc<Secrets>,
    /// Signs the links by which users answer.
    pub sealer: Sealer,
    /// Whose ends operators are warned of.
    pub grants: GrantVault,
}

/// Sends notices. One per process.
#[derive(Debug)]
pub struct Deliverer {
    parts: DelivererParts,
    templates: Templates,
    mailer: Option<Mailer>,
    webhook: Option<Webhook>,
    blocked: BTreeMap<Way, Blocked>,
    alerts_due: SignedDuration,
    digested_on: Option<Date>,
}

/// A way that nothing goes just now.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Blocked {
    since: Timestamp,
    failures: u32,
    /// Of the host's count, when it is tried again.
    until: SignedDuration,
    said: String,
}

impl Deliverer {
    /// A deliverer; nothing goes before [`Deliverer::run`] or [`Deliverer::pass`]. A template that does
    /// not work is told in the log, and the built-in text stays.
    pub fn new(parts: DelivererParts) -> Self {
        let notifications = &parts.settings.notifications;
        let (templates, wrong) = Templates::load(notifications.templates.as_deref());
        for error in wrong {
            tracing::error!(%error, "the built-in text is used");
        }
        let mailer = notifications
            .smtp
            .clone()
            .map(|smtp| Mailer::new(smtp, Arc::clone(&parts.secrets)));
        let webhook = notifications
            .webhook
            .clone()
            .map(|webhook| Webhook::new(webhook, Arc::clone(&parts.secrets)));
        Self {
            parts,
            templates,
            mailer,
            webhook,
            blocked: BTreeMap::new(),
            alerts_due: SignedDuration::MIN,
            digested_on: None,
        }
    }

    /// Delivers until `stop`; what is on its way then is let finish.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.pass(&stop).await {
                tracing::error!(%error, "notices wait for the store");
            }
            let (clock, store) = (Arc::clone(&self.parts.clock), self.parts.store.clone());
            let goes_some_way = Way::ALL.into_iter().any(|way| self.is_given(way));
            let wait = if goes_some_way { EVERY } else { ALERTS_EVERY };
            tokio::select! {
                () = stop.cancelled() => {}
                () = store.notice_recorded() => {}
                () = sleep(&*clock, wait) => {}
            }
        }
    }

    /// Looks once at what is to be told, and tells it; stops between two notices when `stop` says so.
    pub async fn pass(&mut self, stop: &CancellationToken) -> Result<(), StoreError> {
        let elapsed = self.parts.clock.elapsed();
        if elapsed >= self.alerts_due {
            alerts::settle(&self.parts, &self.blocked_long()).await?;
            self.alerts_due = elapsed.saturating_add(ALERTS_EVERY);
        }
        let now = self.parts.clock.now();
        self.digested_on = digest::announce(&self.parts, self.digested_on, now).await?;
        for way in Way::ALL {
            if self.is_given(way) {
                self.deliver(way, stop).await?;
            } else {
                let before = now.saturating_sub(WITHOUT_A_WAY).unwrap_or(Timestamp::MIN);
                self.parts.store.give_up_unsent(way, before, now).await?;
            }
        }
        Ok(())
    }

    fn is_given(&self, way: Way) -> bool {
        match way {
            Way::Mail => self.mailer.is_some(),
            Way::Webhook => self.webhook.is_some(),
        }
    }

    async fn deliver(&mut self, way: Way, stop: &CancellationToken) -> Result<(), StoreError> {
        let waits = |blocked: &Blocked| self.parts.clock.elapsed() < blocked.until;
        if self.blocked.get(&way).is_some_and(waits) {
            return Ok(());
        }
        loop {
            let now = self.parts.clock.now();
            let due = self.parts.store.due_deliveries(way, now, BATCH).await?;
            let is_last = due.len() < BATCH as usize;
            let mut is_blocked = None;
            for delivery in due {
                if stop.is_cancelled() {
                    return Ok(());
                }
                // What is too old is given up without being tried where nothing goes.
                let sent = match &is_blocked {
                    None => self.send(&delivery).await?,
                    Some(_) if !is_old(&delivery, now) => continue,
                    Some(said) => Some(Sent::Blocked {
                        said: String::clone(said),
                    }),
                };
                if let Some(Sent::Blocked { said }) = &sent {
                    is_blocked = Some(said.clone());
                }
                self.record(delivery, sent).await?;
            }
            match is_blocked {
                Some(said) => {
                    self.block(way, said);
                    return Ok(());
                }
                None if is_last => return Ok(()),
                None => {}
            }
        }
    }

    /// What became of one attempt; `None` where what it was about is over.
    async fn send(&mut self, delivery: &Delivery) -> Result<Option<Sent>, StoreError> {
        let now = self.parts.clock.now();
        let composer = Composer {
            parts: &self.parts,
            operators: self.mailer.as_ref().map_or(&[], Mailer::operators),
        };
        let addressed = match composer.compose(&delivery.occasion, now).await? {
            Composed::Ready(addressed) => addressed,
            Composed::Over => return Ok(None),
            Composed::Impossible(said) => return Ok(Some(Sent::Blocked { said })),
        };
        let sent = match (delivery.way, &self.mailer, &self.webhook) {
            (Way::Mail, Some(mailer), _) => self.mail(mailer, delivery, &addressed, now).await,
            (Way::Webhook, _, Some(webhook)) => {
                let content = &addressed.content;
                webhook
                    .send(&delivery.uid, content, delivery.created_at, now)
                    .await
            }
            (Way::Mail, None, _) | (Way::Webhook, _, None) => return Ok(None),
        };
        if !matches!(sent, Sent::Blocked { .. }) {
            self.blocked.remove(&delivery.way);
        }
        Ok(Some(sent))
    }

    async fn mail(
        &self,
        mailer: &Mailer,
        delivery: &Delivery,
        addressed: &Addressed,
        now: Timestamp,
    ) -> Sent {
        let letter = match self.templates.write(&addressed.content) {
            Ok(letter) => letter,
            Err(error) => {
                let said = error.to_string();
                return Sent::Blocked { said };
            }
        };
        let mail = Mail {
            uid: &delivery.uid,
            at: now,
            to: &addressed.to,
            reply_to: addressed.reply_to.as_deref(),
            letter: &letter,
        };
        mailer.send(&mail).await
    }

    async fn record(&self, delivery: Delivery, sent: Option<Sent>) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        let end = match sent {
            None => DeliveryEnd::Overtaken,
            Some(Sent::Accepted { said }) => DeliveryEnd::Accepted { said },
            Some(Sent::Refused { said }) => DeliveryEnd::Refused { said },
            Some(Sent::Later { said } | Sent::Blocked { said }) if is_old(&delivery, now) => {
                let days = GIVE_UP.as_hours() / 24;
                DeliveryEnd::Refused {
                    said: format!("given up after {days} days: {said}"),
                }
            }
            Some(Sent::Later { said }) => DeliveryEnd::Again {
                said,
                next_at: later(now, wait_after(delivery.attempts)),
            },
            // The way itself waits.
            Some(Sent::Blocked { said }) => DeliveryEnd::Again { said, next_at: now },
        };
        let (notice, way) = (delivery.notice, delivery.way.as_str());
        match &end {
            DeliveryEnd::Refused { said } => {
                tracing::warn!(message_id = %Notable::NoticeLost, notice, way, "a notice will not arrive: {said}");
            }
            DeliveryEnd::Again { said, .. } => {
                tracing::debug!(notice, way, "a notice is tried again: {said}");
            }
            DeliveryEnd::Accepted { .. } | DeliveryEnd::Overtaken => {}
        }
        self.parts.store.end_delivery(delivery, end, now).await?;
        self.parts.store.announce_audit().await
    }

    fn block(&mut self, way: Way, said: String) {
        let now = self.parts.clock.now();
        let blocked = self.blocked.entry(way).or_insert(Blocked {
            since: now,
            failures: 0,
            until: SignedDuration::ZERO,
            said: String::new(),
        });
        if blocked.said != said {
            tracing::warn!(way = way.as_str(), "no notice goes this way now: {said}");
        }
        let wait = wait_after(blocked.failures);
        blocked.failures = blocked.failures.saturating_add(1);
        blocked.until = self.parts.clock.elapsed().saturating_add(wait);
        blocked.said = said;
    }

    /// Ways that were blocked for longer than a relay's usual restart takes.
    fn blocked_long(&self) -> Vec<(Way, String)> {
        let now = self.parts.clock.now();
        self.blocked
            .iter()
            .filter(|(_, blocked)| now.duration_since(blocked.since) >= LONGEST_WAIT)
            .map(|(way, blocked)| (*way, blocked.said.clone()))
            .collect()
    }
}

fn is_old(delivery: &Delivery, now: Timestamp) -> bool {
    now.duration_since(delivery.created_at) >= GIVE_UP
}

fn wait_after(failures: u32) -> SignedDuration {
    let doubled = 1_i32.checked_shl(failures.min(16)).unwrap_or(i32::MAX);
    FIRST_WAIT
        .checked_mul(doubled)
        .map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT))
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        let minutes: Vec<i64> = [0, 1, 2, 5, 6, 7, 40, u32::MAX]
            .into_iter()
            .map(|failures| wait_after(failures).as_secs() / 60)
            .collect();
        assert_eq!(minutes, [1, 2, 4, 32, 60, 60, 60, 60]);
    }
}
