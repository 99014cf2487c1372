//! Random histories, compared step by step with the pure mailbox machine: on a real server, where
//! time moves by itself, and on the fake one under virtual time, to the microsecond.

use coord_redis::KeyLayout;
use coord_testkit::history::{Span, histories, replay};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::conformance::ServerBackend;

/// Histories per layout and server; `PROPTEST_CASES` asks for more or fewer.
const CASES: u32 = 200;

#[test]
fn compact_agrees_with_the_model() {
    real(KeyLayout::Compact);
}

#[test]
fn tta_agrees_with_the_model() {
    real(KeyLayout::Tta);
}

#[test]
fn compact_agrees_with_the_model_under_virtual_time() {
    agrees(KeyLayout::Compact, Span::Virtual, ServerBackend::fake);
}

#[test]
fn tta_agrees_with_the_model_under_virtual_time() {
    agrees(KeyLayout::Tta, Span::Virtual, ServerBackend::fake);
}

fn real(layout: KeyLayout) {
    // Holds the shared server for the whole run.
    let Some(_first) = ServerBackend::real(layout) else { return };
    agrees(layout, Span::Standing, |layout| {
        ServerBackend::real(layout).expect("the server is there")
    });
}

fn agrees(layout: KeyLayout, span: Span, backend: impl Fn(KeyLayout) -> ServerBackend) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|it| it.parse().ok());
    let config = ProptestConfig {
        cases: cases.unwrap_or(CASES),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let outcome = TestRunner::new(config).run(&histories(span), |history| {
        let backend = backend(layout);
        let replayed = runtime.block_on(replay(&history, &backend));
        prop_assert!(replayed.is_ok(), "{}", replayed.unwrap_err());
        Ok(())
    });
    if let Err(failed) = outcome {
        panic!("{layout}: {failed}");
    }
}
