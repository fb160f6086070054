//! Traces as they arrive, and what becomes of the daemon where they do not.

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;

use serde_json::json;
use vendor_sim::zoom::{Action, Cast, Endpoint, Fault};

use super::super::reclaim;
use super::super::sandbox::holds;
use super::super::support::agent::{item, post};
use super::super::support::{Host, zoom_account};
use super::super::tls::{Authority, before, run};
use super::receiver::{Manner, Receiver, Span};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const LETS_IN: &str = "hunter2-of-the-receiver";

/// The daemon's traces go to `receiver`.
fn traced(host: &mut Host, receiver: &Receiver) {
    host.environment(ENDPOINT, &receiver.address());
    let headers = format!("authorization=Bearer%20{LETS_IN}");
    host.environment("OTEL_EXPORTER_OTLP_HEADERS", &headers);
}

fn push(host: &Host, items: &[String]) {
    let mut agent = UnixStream::connect(host.usage_socket()).unwrap();
    post(&mut agent, items).unwrap();
}

/// Pushes again and again until it is as wanted.
fn push_until(host: &Host, wanted: impl Fn() -> bool) {
    for count in 0..100_000 {
        push(host, &[item(1, 1, count)]);
        if wanted() {
            return;
        }
    }
    panic!("it never is as wanted:\n{}", host.log());
}

/// The only root of that name.
fn root<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let named: Vec<_> = spans
        .iter()
        .filter(|span| span.name == name && span.parent.is_empty())
        .collect();
    let [root] = named.as_slice() else {
        panic!("{} roots `{name}`: {spans:#?}", named.len());
    };
    root
}

/// What is within a root.
fn within<'a>(spans: &'a [Span], root: &Span) -> Vec<&'a Span> {
    let of_trace = spans.iter().filter(|span| span.trace == root.trace);
    of_trace.filter(|span| span.id != root.id).collect()
}

fn lines_of_trouble(host: &Host) -> Vec<String> {
    let log = host.log();
    let of_traces = log.lines().filter(|line| line.contains("traces"));
    let in_trouble = of_traces.filter(|line| line.contains("WARN"));
    in_trouble.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_a_trace_of_its_calls_and_writes() {
    let receiver = Receiver::start(Manner::Takes).await;
    let vendor = zoom_account(30).await;
    let mut host = Host::with_zoom(&vendor);
    traced(&mut host, &receiver);
    host.environment("OTEL_SERVICE_NAME", "seats-emea");
    host.environment(
        "OTEL_RESOURCE_ATTRIBUTES",
        "deployment.environment.name=test",
    );
    host.start();
    host.until_first_run_is_over("zoom");
    push(&host, &[item(1, 1, 1), item(1, 2, 1)]);
    let jobs = host.json(&["jobs", "results", "--subflow", "download_subscriptions"]);
    assert_eq!(host.stop(), Some(0), "{}", host.log());

    let spans = receiver.spans();
    let download = root(&spans, "download_subscriptions");
    let told = [
        ("seatsync.profile", "zoom"),
        ("seatsync.subflow", "download_subscriptions"),
        ("seatsync.job", jobs["rows"][0]["id"].as_str().unwrap()),
        ("seatsync.trigger", "publish"),
        ("seatsync.outcome", "completed"),
    ];
    let told: BTreeMap<_, _> = told.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    assert_eq!(download.attributes, told);
    assert!(!download.failed);
    let parts = within(&spans, download);
    for part in &parts {
        assert_eq!(part.parent, download.id, "{part:#?}");
        assert!(
            download.start <= part.start && part.end <= download.end,
            "{part:#?}"
        );
        assert_eq!((part.failed, part.events), (false, 0), "{part:#?}");
    }
    let named = |name: &str| {
        let found = parts.iter().find(|part| part.name == name);
        *found.unwrap_or_else(|| panic!("no `{name}`: {parts:#?}"))
    };
    let told = [
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("seatsync.attempt", "1"),
        ("seatsync.budget_wait_ms", "0"),
        ("seatsync.connection", "zoom"),
        ("seatsync.step", "list active users"),
    ];
    let told: BTreeMap<_, _> = told.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    assert_eq!(named("list active users").attributes, told);
    assert_eq!(named("list active users").kind, 3);
    let token = named("get an access token");
    assert_eq!((token.told("http.request.method"), token.kind), ("POST", 3));
    assert_eq!(named("end job").kind, 1);

    let pushed = root(&spans, "createOrUpdate");
    let told = [
        ("http.response.status_code", "200"),
        ("seatsync.items", "2"),
    ];
    let told: BTreeMap<_, _> = told.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    assert_eq!((&pushed.attributes, pushed.kind), (&told, 2));
    // What the daemon writes for itself is no trace.
    let roots: Vec<_> = spans.iter().filter(|span| span.parent.is_empty()).collect();
    assert!(
        roots
            .iter()
            .all(|root| root.name == "createOrUpdate" || !root.told("seatsync.job").is_empty()),
        "{roots:#?}"
    );

    let resource = receiver.resource();
    assert_eq!(resource["service.name"], "seats-emea");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(resource["deployment.environment.name"], "test");
    for (head, _) in receiver.got() {
        assert_eq!(head["authorization"], format!("Bearer {LETS_IN}"));
        assert_eq!(head["content-type"], "application/x-protobuf");
    }
    assert_eq!(lines_of_trouble(&host), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_learns_of_nobody_and_of_no_secret() {
    let receiver = Receiver::start(Manner::Takes).await;
    let vendor = reclaim::vendor().await;
    let mut host = reclaim::host(&vendor, "mode: manual");
    traced(&mut host, &receiver);
    host.log_level("trace");
    host.start();
    let idle = vendor.cast(Cast::Idle).unwrap();
    let candidate = reclaim::press(&host, &idle.email);
    reclaim::release(&host);
    reclaim::last_reclaim(&host, |job| job["counts"]["ended"] == 1);
    host.json(&["undo", &candidate]);
    push(&host, &[item(7, 7, 7)]);
    assert_eq!(host.stop(), Some(0));

    let spans = receiver.spans();
    let undone = within(&spans, root(&spans, "undo"));
    assert!(
        undone
            .iter()
            .any(|call| call.told("http.request.method") == "PATCH"),
        "{undone:#?}"
    );
    let reclaimed = spans.iter().filter(|span| {
        span.name == "reclaim_subscriptions" && span.told("seatsync.trigger") == "decision"
    });
    assert!(reclaimed.count() > 0, "{spans:#?}");
    let mut hunted: Vec<String> = vendor
        .control()
        .truth()
        .into_iter()
        .flat_map(|user| [user.id, user.email])
        .collect();
    assert!(hunted.len() > 100);
    hunted.extend(vendor.control().issued());
    hunted.push(vendor.client_secret().to_owned());
    hunted.push(vendor.account_id().to_owned());
    hunted.push(format!("{:032x}", 7));
    hunted.push("/users".to_owned());
    let holds = |body: &[u8], text: &str| body.windows(text.len()).any(|at| at == text.as_bytes());
    for (_, body) in receiver.got() {
        assert!(!body.is_empty());
        let found = hunted.iter().find(|text| holds(&body, text));
        assert_eq!(found, None, "{spans:#?}");
    }
    assert!(host.log().contains("TRACE"), "the log is not whole");
    assert!(!host.log().contains(LETS_IN), "the receiver's secret");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_is_told_by_its_kind_and_in_no_words_of_the_vendor() {
    let receiver = Receiver::start(Manner::Takes).await;
    let vendor = zoom_account(20).await;
    let away = Action::Html {
        status: 502,
        after_effect: false,
    };
    let refusal = Action::Answer {
        status: 400,
        body: Some(json!({"code": 300, "message": "nobody@corp.example is not for you"})),
        headers: BTreeMap::new(),
        after_effect: false,
    };
    // The first call is of what validates the profile.
    let list = Endpoint::ListUsers;
    // A rule counts what no rule before it has picked.
    vendor
        .control()
        .set_fault(Fault::on(list, away).after(1).times(1));
    vendor
        .control()
        .set_fault(Fault::on(list, refusal).times(1));
    let mut host = Host::with_zoom(&vendor);
    traced(&mut host, &receiver);
    // Traces are not a matter of how much is logged.
    host.log_level("error");
    host.start();
    host.until(&["jobs", "results"], |jobs| {
        jobs["rows"][0]["state"] == "failed"
    });
    assert_eq!(host.stop(), Some(0));

    let spans = receiver.spans();
    let download = root(&spans, "download_subscriptions");
    assert!(download.failed);
    assert_eq!(download.told("seatsync.outcome"), "failed");
    assert_eq!(download.told("seatsync.step"), "list active users");
    let parts = within(&spans, download);
    let mut calls: Vec<_> = parts
        .iter()
        .filter(|part| part.name == "list active users")
        .collect();
    calls.sort_by_key(|call| call.start);
    let told: Vec<_> = calls
        .iter()
        .map(|call| {
            let attributes = [
                "seatsync.attempt",
                "http.response.status_code",
                "error.type",
            ];
            (attributes.map(|name| call.told(name)), call.failed)
        })
        .collect();
    assert_eq!(
        told,
        [
            (["1", "200", ""], false),
            (["1", "502", "unavailable"], true),
            (["2", "400", "rejected"], true),
        ]
    );
    for (_, body) in receiver.got() {
        assert!(!body.windows(6).any(|at| at == b"nobody"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_refuses_is_told_once_and_once_more_when_it_takes_again() {
    let receiver = Receiver::start(Manner::Refuses).await;
    let vendor = zoom_account(20).await;
    let mut host = Host::with_zoom(&vendor);
    traced(&mut host, &receiver);
    host.environment("OTEL_BSP_SCHEDULE_DELAY", "20");
    host.start();
    host.until_first_run_is_over("zoom");
    host.until_log("traces do not arrive");
    let refused = receiver.got().len();
    push_until(&host, || receiver.got().len() > refused + 2);
    receiver.becomes(Manner::Takes);
    push_until(&host, || host.log().contains("traces arrive at"));
    assert_eq!(host.stop(), Some(0));
    let trouble = lines_of_trouble(&host);
    let [line] = trouble.as_slice() else {
        panic!("{trouble:#?}");
    };
    for told in [
        "127.0.0.1:",
        "401 Unauthorized",
        ENDPOINT,
        "OTEL_EXPORTER_OTLP_HEADERS",
    ] {
        assert!(line.contains(told), "{line}");
    }
    assert!(!host.log().contains(LETS_IN));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_listens_the_work_is_done_and_the_stop_is_clean() {
    let receiver = Receiver::start(Manner::Takes).await;
    let vendor = zoom_account(20).await;
    let mut host = Host::with_zoom(&vendor);
    traced(&mut host, &receiver);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = free.local_addr().unwrap();
    drop(free);
    host.environment(ENDPOINT, &format!("http://{nowhere}"));
    // A queue that is soon full.
    host.environment("OTEL_BSP_MAX_QUEUE_SIZE", "4");
    host.environment("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2");
    host.start();
    host.until_first_run_is_over("zoom");
    assert_eq!(host.stop(), Some(0));
    let trouble = lines_of_trouble(&host);
    assert_eq!(trouble.len(), 1, "{trouble:#?}");
    assert!(trouble[0].contains("Connection refused"), "{trouble:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_hangs_holds_up_neither_the_work_nor_the_stop() {
    let receiver = Receiver::start(Manner::Hangs).await;
    let vendor = zoom_account(20).await;
    let mut host = Host::with_zoom(&vendor);
    traced(&mut host, &receiver);
    // Longer than any test waits.
    host.environment("OTEL_EXPORTER_OTLP_TIMEOUT", "3600000");
    host.environment("OTEL_BSP_SCHEDULE_DELAY", "20");
    host.start();
    host.until_first_run_is_over("zoom");
    host.until(&["jobs", "list"], |_| !receiver.got().is_empty());
    assert_eq!(host.stop(), Some(0));
    let trouble = lines_of_trouble(&host);
    assert_eq!(trouble.len(), 1, "{trouble:#?}");
    assert!(trouble[0].contains("the last spans"), "{trouble:#?}");
    assert!(host.log().contains("stopped"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_is_believed_by_the_certificates_that_the_host_trusts() {
    let receiver = Receiver::start(Manner::Takes).await;
    let (of_the_host, unknown) = (Authority::new("of the host"), Authority::new("unknown"));
    let believed = before(&receiver.address(), of_the_host.server("localhost")).await;
    let refused = before(&receiver.address(), unknown.server("localhost")).await;
    let vendor = zoom_account(20).await;
    for (port, is_believed) in [(refused, false), (believed, true)] {
        let mut host = Host::with_zoom(&vendor);
        host.environment(ENDPOINT, &format!("https://localhost:{port}"));
        let (done, said) = run(&host, &of_the_host);
        assert!(done, "{said}");
        assert_eq!(receiver.got().is_empty(), !is_believed);
        let told = format!("traces do not arrive at `localhost:{port}`");
        assert_eq!(said.contains(&told), !is_believed, "{said}");
        assert_eq!(said.contains("UnknownIssuer"), !is_believed, "{said}");
    }
    let download = receiver.spans();
    root(&download, "download_subscriptions");
}

/// Landlock holds a thread and those that it starts; the kernel tells by thread whether privileges are given
/// up, which comes first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_thread_that_sends_has_given_up_what_the_others_have() {
    let receiver = Receiver::start(Manner::Takes).await;
    let mut host = Host::new();
    traced(&mut host, &receiver);
    host.start();
    if !holds(&host) {
        return;
    }
    let threads = std::fs::read_dir(format!("/proc/{}/task", host.pid())).unwrap();
    let statuses: Vec<_> = threads
        .map(|thread| std::fs::read_to_string(thread.unwrap().path().join("status")).unwrap())
        .collect();
    let senders = statuses
        .iter()
        .filter(|status| status.starts_with("Name:\tOpenTelemetry"));
    assert_eq!(senders.count(), 1, "{statuses:#?}");
    for status in &statuses {
        assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_switched_off_or_wrong_reaches_nobody() {
    for (variable, value, told) in [
        ("OTEL_SDK_DISABLED", "true", None),
        ("OTEL_TRACES_EXPORTER", "none", None),
        (ENDPOINT, "", None),
        (ENDPOINT, "collector:4318", Some("is no address")),
        (
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "grpc",
            Some("write `http/protobuf`"),
        ),
    ] {
        let receiver = Receiver::start(Manner::Takes).await;
        let vendor = zoom_account(20).await;
        let mut host = Host::with_zoom(&vendor);
        traced(&mut host, &receiver);
        host.environment(variable, value);
        host.start();
        host.until_first_run_is_over("zoom");
        assert_eq!(host.stop(), Some(0), "{variable}={value}");
        assert_eq!(receiver.got().len(), 0, "{variable}={value}");
        assert!(!host.log().contains(LETS_IN), "{}", host.log());
        let trouble = lines_of_trouble(&host);
        assert_eq!(trouble.len(), usize::from(told.is_some()), "{trouble:#?}");
        if let (Some(line), Some(told)) = (trouble.first(), told) {
            assert!(line.contains("no traces are sent"), "{line}");
            assert!(line.contains(variable) && line.contains(told), "{line}");
        }
    }
}
