//! Histories on the coordinator in memory, and on ones that are wrong on purpose.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coord_core::mailbox::Order;
use coord_core::{MailboxPolicy, MessageMetrics, SharedCoordinator};
use coord_testkit::conformance::{Backend, InMemoryBackend};
use coord_testkit::history::{History, Mismatch, Replayed, Span, histories, replay};
use coord_testkit::{Clock, InMemoryCoordinator};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

fn run(history: &History, backend: &dyn Backend) -> Result<Replayed, Mismatch> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(replay(history, backend))
}

proptest! {
    #[test]
    fn memory_agrees_with_the_model(payload: bool, history in histories(Span::Virtual)) {
        let order = if payload { Order::Payload } else { Order::Arrival };
        match run(&history, &InMemoryBackend::new(order)) {
            Ok(replayed) => prop_assert!(replayed.exact && replayed.steps <= history.ops.len()),
            Err(mismatch) => prop_assert!(false, "{mismatch}"),
        }
    }

    /// Also if time moves by itself, as it does on a server.
    #[test]
    fn standing_histories_hold_under_a_moving_clock(history in histories(Span::Standing)) {
        match run(&history, &Restless) {
            Ok(replayed) => prop_assert!(!replayed.exact || replayed.steps < 9, "time stood still"),
            Err(mismatch) => prop_assert!(false, "{mismatch}"),
        }
    }
}

/// A backend whose clock moves by itself.
struct Restless;

#[async_trait]
impl Backend for Restless {
    async fn coordinator(
        &self,
        policy: MailboxPolicy,
        metrics: Arc<dyn MessageMetrics>,
    ) -> SharedCoordinator {
        let builder = InMemoryCoordinator::builder().policy(policy).metrics(metrics);
        Arc::new(builder.clock(Clock::tokio()).build().unwrap())
    }

    async fn advance(&self, _by: Duration) {
        unreachable!("standing histories do not wait");
    }

    fn order(&self) -> Order {
        Order::Arrival
    }
}

/// A backend that has a fault.
struct Faulty(InMemoryBackend, Fault);

/// What makes another policy of the one that was asked for.
type Fault = fn(MailboxPolicy) -> MailboxPolicy;

#[async_trait]
impl Backend for Faulty {
    async fn coordinator(
        &self,
        policy: MailboxPolicy,
        metrics: Arc<dyn MessageMetrics>,
    ) -> SharedCoordinator {
        self.0.coordinator((self.1)(policy), metrics).await
    }

    async fn advance(&self, by: Duration) {
        self.0.advance(by).await;
    }

    fn order(&self) -> Order {
        self.0.order()
    }
}

/// Random histories find each of these faults, and say what differed.
#[test]
fn faults_are_found() {
    let faults: [(&str, Fault); 5] = [
        ("one retry too many", |it| it.with_retry_attempts(it.retry_attempts() + 1)),
        ("one message too many", |it| it.with_queue_size(it.queue_size() + 1)),
        ("no guard", |it| it.with_low_every(None)),
        ("expiry costs nothing", |it| it.with_expiry(coord_core::ExpiryPolicy::KeepAttempts)),
        ("no back-off", |it| it.with_backoff(Duration::ZERO, 1.0, Duration::ZERO)),
    ];
    for (fault, policy) in faults {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let found = (0..500).find_map(|_| {
            let history = histories(Span::Virtual).new_tree(&mut runner).unwrap().current();
            run(&history, &Faulty(InMemoryBackend::new(Order::Arrival), policy)).err()
        });
        let mismatch = found.unwrap_or_else(|| panic!("{fault} was not found"));
        assert_ne!(mismatch.coordinator, mismatch.model, "{fault}");
        assert!(mismatch.to_string().contains("coordinator: "), "{mismatch}");
    }
}
