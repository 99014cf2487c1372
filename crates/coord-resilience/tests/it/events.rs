//! Events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use coord_resilience::breaker::{Cause, EventKind};
use coord_resilience::{CircuitBreakerConfig, State};
use futures_util::StreamExt;

use crate::support::{breaker, fail, ok, secs};

#[tokio::test]
async fn the_stream_tells_the_story_in_order() {
    let config = CircuitBreakerConfig::new().with_failure_threshold(1).with_success_threshold(1);
    let (b, clock) = breaker(config);
    let stream = b.events(64);
    ok(&b).unwrap();
    fail(&b).unwrap_err();
    ok(&b).unwrap_err();
    clock.advance(secs(60));
    ok(&b).unwrap();
    let story: Vec<_> = stream.take(6).map(|event| event.kind).collect().await;
    let changes: Vec<_> = story
        .iter()
        .filter_map(|kind| match kind {
            EventKind::Transition(t) => Some((t.to, t.cause, t.at)),
            _ => None,
        })
        .collect();
    assert_eq!(
        changes,
        [
            (State::Open, Cause::FailureThreshold, secs(0)),
            (State::HalfOpen, Cause::TimeoutElapsed, secs(60)),
            (State::Closed, Cause::ProbesSucceeded, secs(60)),
        ]
    );
    assert!(story.contains(&EventKind::Rejected { state: State::Open }));
}

#[tokio::test]
async fn a_slow_reader_loses_the_oldest_and_knows_it() {
    let (b, _) = breaker(CircuitBreakerConfig::new().with_failure_threshold(100));
    let mut stream = b.events(2);
    for _ in 0..5 {
        fail(&b).unwrap_err();
    }
    assert_eq!(stream.missed(), 3);
    assert!(stream.try_next().is_some());
    stream.next().await;
    assert!(stream.try_next().is_none());
}

#[test]
fn a_callback_may_use_the_breaker() {
    let (b, _) = breaker(CircuitBreakerConfig::new().with_failure_threshold(1));
    let (calls, handle) = (Arc::new(AtomicU32::new(0)), b.clone());
    let counter = Arc::clone(&calls);
    b.on_event(move |event| {
        if let EventKind::Transition(t) = event.kind {
            assert_eq!(handle.state(), t.to);
            assert_eq!(handle.metrics().failed_calls, 1);
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    fail(&b).unwrap_err();
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}
