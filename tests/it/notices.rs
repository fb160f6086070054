//! What users, groups and operators are told, over a real mail server and a real webhook, on a clock that
//! the test moves.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::SignedDuration;
use ring::hmac;
use seatsync::delivery::Deliverer;
use seatsync::notice::Way;
use seatsync::reclamation::actor::Actor;
use seatsync::reclamation::candidate::{Attention, Candidate, State as CandidateState};
use seatsync::secret::SecretRef;
use seatsync::settings::Guards;
use seatsync::settings::model::{NotificationSettings, SmtpSettings, SmtpTls, WebhookSettings};
use seatsync::store::candidate::CandidateFilter;
use seatsync::store::condition::ConditionKind;
use seatsync::store::notice::{DeliveryState, NoticeFilter, RecordedNotice};
use seatsync::subflow::decide::{Decision, decide};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::bed::Bed;
use super::support::mail_server::{MailServer, Wire};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
pub(crate) const DAY: SignedDuration = SignedDuration::from_hours(24);

fn smtp(port: u16, tls: SmtpTls) -> SmtpSettings {
    SmtpSettings {
        host: "localhost".to_owned(),
        port,
        tls,
        from: "seatsync <seatsync@example.com>".to_owned(),
        to: vec!["ops@example.com".to_owned()],
        username: None,
        password: None,
    }
}

fn by_mail(port: u16) -> NotificationSettings {
    NotificationSettings {
        smtp: Some(smtp(port, SmtpTls::None)),
        ..NotificationSettings::default()
    }
}

/// An account whose idle users are asked, a week before their seats are taken back.
pub(crate) async fn asking(notifications: NotificationSettings) -> Bed {
    let mut bed = Bed::start().await;
    bed.notifications(notifications);
    bed.apply("zoom", |desired| {
        desired["profile"]["reclamation"] = json!({
            "notify_user": true, "days_before_auto_reclamation": 7,
            "assignment_group": "sam@example.com",
        });
    })
    .await;
    bed.run().await;
    bed
}

pub(crate) async fn in_state(bed: &Bed, state: CandidateState) -> Vec<Candidate> {
    let filter = CandidateFilter {
        state: Some(state),
        ..CandidateFilter::default()
    };
    bed.store.candidates(filter, None, 1_000).await.unwrap()
}

/// Presses Reclaim on the first candidate that is ready.
pub(crate) async fn press(bed: &Bed) -> Candidate {
    let ready = in_state(bed, CandidateState::Ready).await.remove(0);
    decided(bed, Decision::Reclaim, ready).await
}

async fn decided(bed: &Bed, decision: Decision, candidate: Candidate) -> Candidate {
    let now = bed.clock_now();
    let guards = Guards::default();
    let decided = decide(
        &bed.store,
        guards,
        decision,
        vec![candidate],
        &Actor::Peer(0),
        now,
    )
    .await;
    decided.unwrap().remove(0).candidate.unwrap()
}

pub(crate) async fn now(bed: &Bed, candidate: &Candidate) -> Candidate {
    bed.store.candidate(candidate.id).await.unwrap().unwrap()
}

async fn pass(deliverer: &mut Deliverer) {
    deliverer.pass(&CancellationToken::new()).await.unwrap();
}

async fn question(bed: &Bed, candidate: &Candidate) -> RecordedNotice {
    let filter = NoticeFilter {
        candidate: Some(candidate.id),
        ..NoticeFilter::default()
    };
    bed.store.notices(filter, 1).await.unwrap().remove(0)
}

fn by(notice: &RecordedNotice, way: Way) -> (DeliveryState, u32, String) {
    let standing = notice.ways.iter().find(|one| one.way == way).unwrap();
    let said = standing.said.clone().unwrap_or_default();
    (standing.state, standing.attempts, said)
}

fn to(mail: &[Value], address: &str) -> Vec<Value> {
    let wanted = json!([address]);
    mail.iter()
        .filter(|one| one["to"] == wanted)
        .cloned()
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_consent_only_after_a_mail_server_took_the_question() {
    let Some(server) = MailServer::start(Wire::Plain, false) else {
        return;
    };
    // Nobody listens there yet.
    let mut bed = asking(by_mail(1)).await;
    let asked = press(&bed).await;
    assert_eq!(asked.state, CandidateState::AwaitingUser);
    pass(&mut bed.deliverer().await).await;
    let (state, attempts, said) = by(&question(&bed, &asked).await, Way::Mail);
    assert_eq!((state, attempts), (DeliveryState::Waiting, 1));
    assert!(said.contains("`localhost:1` cannot be used"), "{said}");
    bed.clock.advance(DAY * 3);

    bed.notifications(by_mail(server.port));
    let mut deliverer = bed.deliverer().await;
    pass(&mut deliverer).await;
    pass(&mut deliverer).await;
    let mail = to(&server.mail(), &asked.email);
    assert_eq!(mail.len(), 1, "asked once: {mail:#?}");
    let content = mail[0]["content"].as_str().unwrap();
    let notice = question(&bed, &asked).await;
    assert!(
        content.contains(&format!("Message-ID: <{}@example.com>", notice.uid)),
        "{content}"
    );
    assert!(
        content.contains("Auto-Submitted: auto-generated"),
        "{content}"
    );
    assert!(content.contains("Reply-To: sam@example.com"), "{content}");
    assert_eq!(by(&notice, Way::Mail).0, DeliveryState::Accepted);
    // The week counts from when the mail was taken.
    let candidate = now(&bed, &asked).await;
    assert_eq!(candidate.asked_at, Some(bed.clock_now()));
    let answer_by = candidate.answer_by.unwrap();
    assert_eq!(answer_by, bed.clock_now() + DAY * 7);
    let day = answer_by.strftime("%F").to_string();
    assert!(content.contains(&format!("until {day}")), "{content}");

    for _ in 0..7 {
        bed.next_day().await;
        assert_eq!(now(&bed, &asked).await.state, CandidateState::AwaitingUser);
    }
    bed.next_day().await;
    let silent = now(&bed, &asked).await;
    assert_eq!(silent.state, CandidateState::AwaitingRevocation);
    assert!(silent.reason.contains("asked by mail"), "{}", silent.reason);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_mail_server_silence_needs_a_person() {
    let bed = asking(NotificationSettings::default()).await;
    let asked = press(&bed).await;
    pass(&mut bed.deliverer().await).await;
    for _ in 0..8 {
        bed.next_day().await;
    }
    let silent = now(&bed, &asked).await;
    assert_eq!(silent.attention, Some(Attention::NoticeUndeliverable));
    assert!(
        silent.reason.contains("no mail server"),
        "{}",
        silent.reason
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_address_holds_the_candidate_and_a_slow_one_is_tried_again() {
    let Some(server) = MailServer::start(Wire::Plain, false) else {
        return;
    };
    let bed = asking(by_mail(server.port)).await;
    let mut deliverer = bed.deliverer().await;
    let refused = press(&bed).await;
    let address = refused.email.clone();
    server.reply(&address, Some(&format!("550 5.1.1 <{address}> is unknown")));
    pass(&mut deliverer).await;
    let held = now(&bed, &refused).await;
    assert_eq!(held.state, CandidateState::AttentionRequired);
    assert_eq!(held.attention, Some(Attention::NoticeUndeliverable));
    assert!(held.reason.contains("550"), "{}", held.reason);
    assert!(!held.reason.contains(&address), "{}", held.reason);

    let slow = press(&bed).await;
    server.reply(&slow.email, Some("450 4.2.0 come back later"));
    pass(&mut deliverer).await;
    let notice = question(&bed, &slow).await;
    assert_eq!(by(&notice, Way::Mail).0, DeliveryState::Waiting);
    server.reply(&slow.email, None);
    pass(&mut deliverer).await;
    assert!(
        to(&server.mail(), &slow.email).is_empty(),
        "not before its time"
    );
    bed.clock.advance(HOUR);
    pass(&mut deliverer).await;
    let (state, attempts, _) = by(&question(&bed, &slow).await, Way::Mail);
    assert_eq!((state, attempts), (DeliveryState::Accepted, 2));
    assert_eq!(to(&server.mail(), &slow.email).len(), 1);

    // Answered before it went: the question is not sent any more.
    let early = press(&bed).await;
    decided(&bed, Decision::AnswerKeep, early.clone()).await;
    pass(&mut deliverer).await;
    assert!(to(&server.mail(), &early.email).is_empty());
    let notice = question(&bed, &early).await;
    assert_eq!(by(&notice, Way::Mail).0, DeliveryState::Overtaken);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_goes_is_given_up_and_holds_the_candidate() {
    let bed = asking(by_mail(1)).await;
    let asked = press(&bed).await;
    let mut deliverer = bed.deliverer().await;
    for _ in 0..4 * 24 - 1 {
        pass(&mut deliverer).await;
        bed.clock.advance(HOUR);
    }
    assert_eq!(now(&bed, &asked).await.state, CandidateState::AwaitingUser);
    bed.clock.advance(HOUR * 2);
    pass(&mut deliverer).await;
    let held = now(&bed, &asked).await;
    assert_eq!(held.attention, Some(Attention::NoticeUndeliverable));
    assert!(
        held.reason.contains("given up after 4 days"),
        "{}",
        held.reason
    );
    let open = bed.store.open_alerts().await.unwrap();
    assert!(
        open.iter()
            .any(|alert| alert.subject == "notices-blocked/mail"),
        "{open:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_without_starttls_gets_nothing() {
    let Some(server) = MailServer::start(Wire::Plain, false) else {
        return;
    };
    let bed = asking(NotificationSettings {
        smtp: Some(smtp(server.port, SmtpTls::StartTls)),
        ..NotificationSettings::default()
    })
    .await;
    let asked = press(&bed).await;
    pass(&mut bed.deliverer().await).await;
    assert!(server.mail().is_empty());
    let (state, _, said) = by(&question(&bed, &asked).await, Way::Mail);
    assert_eq!(state, DeliveryState::Waiting);
    assert!(said.contains("cannot be used"), "{said}");
}

/// A webhook's receiver: answers with what it is told to, and keeps what it got.
#[derive(Clone, Default)]
struct Receiver {
    answers: Arc<Mutex<Vec<StatusCode>>>,
    got: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Receiver {
    async fn start(&self) -> String {
        async fn take(
            State(receiver): State<Receiver>,
            headers: HeaderMap,
            body: Bytes,
        ) -> StatusCode {
            receiver.got.lock().unwrap().push((headers, body));
            let mut answers = receiver.answers.lock().unwrap();
            if answers.is_empty() {
                StatusCode::NO_CONTENT
            } else {
                answers.remove(0)
            }
        }
        let router = Router::new()
            .route("/hook", post(take))
            .with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }

    /// The kinds, ids and bodies of what came; every signature is checked.
    fn got(&self, secret: &str) -> Vec<(String, String, Value)> {
        let got = self.got.lock().unwrap();
        got.iter()
            .map(|(headers, body)| {
                let header = |name: &str| headers[name].to_str().unwrap().to_owned();
                let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                let signed = [id.as_bytes(), b".", at.as_bytes(), b".", body].concat();
                let signature = header("webhook-signature");
                let tag = BASE64
                    .decode(signature.strip_prefix("v1,").unwrap())
                    .unwrap();
                hmac::verify(&key, &signed, &tag).unwrap();
                let body: Value = serde_json::from_slice(body).unwrap();
                (
                    body["type"].as_str().unwrap().to_owned(),
                    id,
                    body["data"].clone(),
                )
            })
            .collect()
    }
}

/// The secret that the ground's daemon knows under `ZOOM_SECRET` signs as well as any.
fn by_webhook(url: String) -> NotificationSettings {
    NotificationSettings {
        webhook: Some(WebhookSettings {
            url,
            secret: Some(SecretRef::Env("ZOOM_SECRET".to_owned())),
        }),
        answer_url: Some("https://seats.example.com/answer".to_owned()),
        ..NotificationSettings::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_signed_and_a_repetition_has_the_same_id() {
    let receiver = Receiver::default();
    *receiver.answers.lock().unwrap() = vec![StatusCode::SERVICE_UNAVAILABLE];
    let bed = asking(by_webhook(receiver.start().await)).await;
    let asked = press(&bed).await;
    let mut deliverer = bed.deliverer().await;
    pass(&mut deliverer).await;
    assert_eq!(receiver.got.lock().unwrap().len(), 1, "the way waits");
    bed.clock.advance(HOUR);
    pass(&mut deliverer).await;
    let got = receiver.got(bed.sim.client_secret());
    let questions: Vec<_> = got.iter().filter(|(kind, ..)| kind == "question").collect();
    assert_eq!(questions.len(), 2, "{got:#?}");
    assert_eq!(questions[0].1, questions[1].1);
    let data = &questions[1].2;
    assert_eq!(data["user"]["email"], asked.email.as_str());
    let url = data["answer_url"].as_str().unwrap();
    let start = format!("https://seats.example.com/answer/{}.1.", asked.id);
    assert!(url.starts_with(&start), "{url}");
    // A webhook's receiver is no mail server: silence stays no answer.
    assert_eq!(now(&bed, &asked).await.asked_at, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_are_alerted_once_and_told_when_it_is_over() {
    let receiver = Receiver::default();
    let mut bed = asking(by_webhook(receiver.start().await)).await;
    bed.allow_writes();
    bed.apply("zoom", |desired| {
        desired["profile"]["subflows"]["reclaim_subscriptions"]["enabled"] = json!(true);
        desired["profile"]["reclamation"] = json!({"mode": "automatic", "notify_user": false});
    })
    .await;
    bed.next_day().await;
    let held = bed.condition("zoom", ConditionKind::Held).await;
    assert!(held.message.contains("release"), "{held:?}");
    let mut deliverer = bed.deliverer().await;
    for _ in 0..3 {
        pass(&mut deliverer).await;
        bed.clock.advance(HOUR);
    }
    let alerts = |receiver: &Receiver| -> Vec<(String, String)> {
        receiver
            .got(bed.sim.client_secret())
            .into_iter()
            .filter(|(kind, ..)| kind.starts_with("alert"))
            .map(|(kind, _, data)| (kind, data["subject"].as_str().unwrap().to_owned()))
            .collect()
    };
    let raised = ("alert_raised".to_owned(), "held/zoom".to_owned());
    assert_eq!(alerts(&receiver), std::slice::from_ref(&raised));

    // With nothing to reclaim, nothing is held.
    bed.apply("zoom", |desired| {
        desired["profile"]["subflows"]["reclaim_subscriptions"]["enabled"] = json!(true);
        desired["profile"]["reclamation"] = json!({"create_candidates": false});
    })
    .await;
    bed.next_day().await;
    for _ in 0..2 {
        pass(&mut deliverer).await;
        bed.clock.advance(HOUR);
    }
    let cleared = ("alert_cleared".to_owned(), "held/zoom".to_owned());
    assert_eq!(alerts(&receiver), [raised, cleared]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subflow_that_fails_twice_alerts() {
    let receiver = Receiver::default();
    let bed = asking(by_webhook(receiver.start().await)).await;
    bed.apply("zoom", |desired| {
        desired["connection"]["client_id"] = json!("wrong");
    })
    .await;
    let mut deliverer = bed.deliverer().await;
    let subjects = async |deliverer: &mut Deliverer| {
        bed.clock.advance(HOUR);
        pass(deliverer).await;
        let open = bed.store.open_alerts().await.unwrap();
        open.into_iter()
            .map(|alert| alert.subject)
            .collect::<Vec<_>>()
    };
    let failed = "failed-twice/zoom/download_subscriptions".to_owned();
    bed.next_day().await;
    assert!(!subjects(&mut deliverer).await.contains(&failed));
    bed.next_day().await;
    assert!(
        subjects(&mut deliverer).await.contains(&failed),
        "{:#?}",
        bed.jobs().await
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_gets_a_digest_once_and_again_when_something_changed() {
    let Some(server) = MailServer::start(Wire::Plain, false) else {
        return;
    };
    let bed = asking(by_mail(server.port)).await;
    let mut deliverer = bed.deliverer().await;
    let digests = || to(&server.mail(), "sam@example.com").len();
    let hours = async |deliverer: &mut Deliverer, hours: i32| {
        for _ in 0..hours {
            pass(deliverer).await;
            bed.clock.advance(HOUR);
        }
    };
    hours(&mut deliverer, 24 * 3).await;
    assert_eq!(digests(), 1, "the same is told once");
    let keeps = press(&bed).await;
    pass(&mut deliverer).await;
    decided(&bed, Decision::AnswerKeep, keeps.clone()).await;
    hours(&mut deliverer, 24).await;
    assert_eq!(digests(), 2);
    let mail = to(&server.mail(), "sam@example.com");
    // Long lines are folded on the wire.
    let content = mail[1]["content"].as_str().unwrap().replace("=\r\n", "");
    assert!(content.contains("candidates decide --keep ID"), "{content}");
    assert!(content.contains(&keeps.email), "{content}");
    hours(&mut deliverer, 24 * 7).await;
    assert_eq!(digests(), 3, "and again after a week");
    drop(server);
}
