//! Futures that are dropped before they are done.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use coord_core::{FailureType, MailboxPolicy};

use super::stage::{Stage, id};
use super::{Backend, FAR};

const MESSAGES: u32 = 20;

/// Polls a future at most `polls` times, letting the runtime work in between, and drops it.
pub(super) async fn cut_off<T>(future: impl Future<Output = T>, polls: u32) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..polls {
        // The real waker is not needed: it is polled again anyhow.
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Some(value);
        }
        tokio::task::yield_now().await;
    }
    None
}

fn patient() -> MailboxPolicy {
    let policy = MailboxPolicy::new().with_retry_attempts(u32::MAX);
    policy.with_backoff(Duration::ZERO, 1.0, Duration::ZERO)
}

/// A dropped send has put the whole message there or nothing.
pub async fn dropped_sends_are_whole_or_nothing(backend: &dyn Backend) {
    let stage = Stage::with(backend, patient()).await;
    for number in 0..MESSAGES {
        let message = stage.message(&format!("msg-{number:06}"));
        cut_off(stage.mail.send_message(&stage.from, &stage.to, message), number % 5).await;
    }
    settle_down(&stage).await;
    let stats = stage.stats().await;
    assert_eq!(stats.depth, stats.ready.total());
    let ids = stage.drain().await;
    assert_eq!(ids.len() as u64, stats.depth);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}

/// A message that a dropped receive may have reserved comes back.
pub async fn dropped_receives_lose_nothing(backend: &dyn Backend) {
    let stage = Stage::with(backend, patient()).await;
    for number in 0..MESSAGES {
        stage.send(&format!("msg-{number:06}")).await;
    }
    for number in 0..MESSAGES {
        cut_off(stage.mail.receive(&stage.to, Duration::ZERO), number % 5).await;
    }
    settle_down(&stage).await;
    stage.recover().await;
    let ids: BTreeSet<_> = stage.drain().await.into_iter().collect();
    assert_eq!(ids.len(), MESSAGES as usize);
}

/// A message whose nack was dropped is reserved, ready or dead: in one place.
pub async fn dropped_nacks_lose_nothing(backend: &dyn Backend) {
    let stage = Stage::with(backend, patient()).await;
    for number in 0..MESSAGES {
        stage.send(&format!("msg-{number:06}")).await;
    }
    for number in 0..MESSAGES {
        let Some(received) = stage.try_receive(FAR).await else { panic!("none of {MESSAGES}") };
        let permanent = number % 2 == 0;
        let failure = if permanent { FailureType::Permanent } else { FailureType::Transient };
        let error = id(&received);
        let nack = stage.mail.nack(&stage.to, &received.token, failure, Some(&error));
        cut_off(nack, number % 5).await;
    }
    settle_down(&stage).await;
    let stats = stage.stats().await;
    let places = stats.ready.total() + stats.delayed + stats.reserved + stats.dead;
    assert_eq!(places, u64::from(MESSAGES), "{stats:?}");
    assert_eq!(stats.depth + stats.dead, places, "{stats:?}");
}

/// Waits until what the dropped futures left on its way has been done: operations of one
/// connection are done in order, so an answer means that those before are done.
pub(super) async fn settle_down(stage: &Stage<'_>) {
    for _ in 0..10 {
        stage.stats().await;
        tokio::task::yield_now().await;
    }
}
