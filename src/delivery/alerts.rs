//! What operators are to be alerted of at this moment.

use jiff::SignedDuration;
use jiff::civil::Date;

use super::DelivererParts;
use crate::notice::Way;
use crate::notice::alert::{Alert, Subject};
use crate::profile::licence::Entitlement;
use crate::store::StoreError;
use crate::store::alert::Trouble;
use crate::telemetry::Notable;

/// How long before an entitlement's end operators are told, and how long after it they are reminded.
const AROUND_THE_END: i64 = 30;

/// Records what stands now; what is new or over is told.
pub(super) async fn settle(
    parts: &DelivererParts,
    blocked: &[(Way, String)],
) -> Result<(), StoreError> {
    let mut standing = Vec::new();
    for (profile, trouble, message) in parts.store.troubles().await? {
        let subject = match trouble {
            Trouble::Held => Subject::Held(profile),
            Trouble::Stalled => Subject::Stalled(profile),
        };
        standing.push(Alert { subject, message });
    }
    for (profile, subflow, said) in parts.store.failed_twice().await? {
        let message = format!(
            "`{}` of profile `{profile}` failed twice in a row: {said}; `seatsync jobs results --profile {profile}` shows the runs",
            subflow.as_str()
        );
        let subject = Subject::FailedTwice(profile, subflow);
        standing.push(Alert { subject, message });
    }
    standing.extend(tokens(parts));
    standing.extend(entitlements(parts).await?);
    standing.extend(blocked.iter().map(|(way, said)| Alert {
        subject: Subject::NoticesBlocked(*way),
        message: format!("no notice goes by {}: {said}", way.as_str()),
    }));
    let now = parts.clock.now();
    let settled = parts.store.settle_alerts(standing, now).await?;
    for subject in settled.raised {
        tracing::warn!(message_id = %Notable::Alert, %subject, "an alert is raised");
    }
    for subject in settled.cleared {
        tracing::info!(message_id = %Notable::AlertOver, %subject, "an alert is over");
    }
    Ok(())
}

fn tokens(parts: &DelivererParts) -> Vec<Alert> {
    let now = parts.clock.now();
    let grants = parts.grants.all_facts();
    grants
        .into_iter()
        .filter_map(|(connection, facts)| {
            Some(Alert {
                message: facts.warning(&connection, now)?,
                subject: Subject::TokenExpiring(connection),
            })
        })
        .collect()
}

async fn entitlements(parts: &DelivererParts) -> Result<Vec<Alert>, StoreError> {
    let zone = parts.settings.time_zone.clone();
    let today = parts.clock.now().to_zoned(zone).date();
    let bought = parts.store.entitlements().await?;
    Ok(bought
        .iter()
        .filter_map(|entitlement| ending(entitlement, today))
        .collect())
}

fn ending(entitlement: &Entitlement, today: Date) -> Option<Alert> {
    let end = entitlement.end?;
    let days = end.duration_since(today);
    let around = SignedDuration::from_hours(24 * AROUND_THE_END);
    if days.abs() > around {
        return None;
    }
    let name = &entitlement.name;
    let message = if end < today {
        format!(
            "entitlement `{name}` ended on {end}: renew it, or take the document out of the files"
        )
    } else {
        format!("entitlement `{name}` ends on {end}: renew it, and add the new one to the files")
    };
    Some(Alert {
        subject: Subject::EntitlementExpiring(name.clone()),
        message,
    })
}
