//! Random histories on a real server and on the model, in both layouts.
//!
//! The server's clock moves by itself, so the histories use no spans but none and an hour; see
//! `coord_testkit::history`.

use coord_redis::KeyLayout;
use coord_testkit::history::{Span, histories, replay};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::conformance::RealBackend;

/// How many histories a run tries in each layout, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 32;

fn agrees(layout: KeyLayout) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // One backend is held all the while, so that all histories share its server.
    let Some(_server) = RealBackend::new(layout) else { return };
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    // Failures print the whole history; there is no file to keep them in.
    config.failure_persistence = None;
    let mut runner = TestRunner::new(config);
    let agreed = runner.run(&histories(Span::Standing), |history| {
        let backend = RealBackend::new(layout).expect("the server runs");
        match runtime.block_on(replay(&history, &backend)) {
            Ok(_) => Ok(()),
            Err(mismatch) => Err(TestCaseError::fail(mismatch.to_string())),
        }
    });
    if let Err(failure) = agreed {
        panic!("{layout:?}: {failure}");
    }
}

#[test]
fn compact_agrees_with_the_model() {
    agrees(KeyLayout::Compact);
}

#[test]
fn tta_agrees_with_the_model() {
    agrees(KeyLayout::Tta);
}
