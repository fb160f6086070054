//! Traces: what a receiver gets to know of a daemon that was built with the feature `opentelemetry`, and what
//! one says that was built without.

#[cfg(feature = "opentelemetry")]
mod receiver;
#[cfg(feature = "opentelemetry")]
mod sent;

/// Whoever runs the packaged program is not left to wonder where the traces are.
#[cfg(not(feature = "opentelemetry"))]
#[test]
fn a_program_that_was_built_without_says_so_once() {
    let mut host = super::support::Host::new();
    host.environment("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    host.start();
    assert_eq!(host.stop(), Some(0), "{}", host.log());
    let log = host.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("OTEL_")).collect();
    let [line] = lines.as_slice() else {
        panic!("{log}");
    };
    assert!(line.contains("WARN"), "{line}");
    for told in ["no traces are sent", "unset it", "--features opentelemetry"] {
        assert!(line.contains(told), "{line}");
    }
}
