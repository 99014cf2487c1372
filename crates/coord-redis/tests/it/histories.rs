//! Random histories on a real server, compared step by step with the pure mailbox machine.

use coord_redis::KeyLayout;
use coord_testkit::history::{Span, histories, replay};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::conformance::RealBackend;

/// Histories per layout; `PROPTEST_CASES` asks for more or fewer.
const CASES: u32 = 200;

#[test]
fn compact_agrees_with_the_model() {
    agrees(KeyLayout::Compact);
}

#[test]
fn tta_agrees_with_the_model() {
    agrees(KeyLayout::Tta);
}

fn agrees(layout: KeyLayout) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Holds the shared server for the whole run.
    let Some(_first) = RealBackend::new(layout) else { return };
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|it| it.parse().ok());
    let config = ProptestConfig {
        cases: cases.unwrap_or(CASES),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let outcome = TestRunner::new(config).run(&histories(Span::Standing), |history| {
        let backend = RealBackend::new(layout).expect("the server is there");
        let replayed = runtime.block_on(replay(&history, &backend));
        prop_assert!(replayed.is_ok(), "{}", replayed.unwrap_err());
        Ok(())
    });
    if let Err(failed) = outcome {
        panic!("{layout}: {failed}");
    }
}
