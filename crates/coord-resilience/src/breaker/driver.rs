//! The part of a shared breaker that talks to the store, off the call path.

use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::ids::LeaseId;
use super::link::Link;
use super::shared::Coordination;
use super::store::{ProbeOutcome, StoreError, Version, Vote};
use crate::backoff::{Backoff, Jitter};
use crate::sync::{Mutex, lock};

/// What a call left for the driver to tell the store.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Job {
    Report {
        version: Version,
        lease: LeaseId,
        outcome: ProbeOutcome,
    },
    /// Without a version if the store's answer never came: then the current one is meant.
    Release {
        version: Option<Version>,
        lease: LeaseId,
    },
}

/// Keeps a [`SharedBreaker`](super::SharedBreaker) and its store in step.
///
/// It votes, reports probes, adopts the fleet's decisions as they are pushed, polls as a
/// backstop, and after a failure of the store tries again with back-off. Dropping it, or the
/// future of [`run`](Self::run), makes the breaker local.
#[derive(Debug)]
pub struct Driver {
    inner: Weak<Link>,
    wake: Arc<Wake>,
}

impl Driver {
    pub(crate) fn new(inner: &Arc<Link>) -> Self {
        Self { inner: Arc::downgrade(inner), wake: Arc::clone(&inner.wake) }
    }

    /// Runs until no handle of the breaker is left. Spawn it.
    ///
    /// Cancel safety: dropping it loses at most reports under way, whose permits lapse.
    pub async fn run(self) {
        // 50 ms to 2 s between attempts on a store that is down.
        let backoff = Backoff::new()
            .with_base(Duration::from_millis(50))
            .with_cap(Duration::from_secs(2))
            .with_jitter(Jitter::Equal);
        let mut delays = backoff.into_iter();
        let mut returning = true;
        loop {
            let Some(inner) = self.inner.upgrade() else { return };
            let result = self.step(&inner, returning).await;
            returning = result.is_err();
            let pause = if returning {
                inner.set_coordination(Coordination::Degraded);
                delays.next().unwrap_or(backoff.cap())
            } else {
                delays = backoff.into_iter();
                inner.poll
            };
            returning |= self.pause(inner, pause, !returning).await;
        }
    }

    /// One exchange with the store; `returning` after it was away.
    async fn step(&self, inner: &Link, returning: bool) -> Result<(), StoreError> {
        let name = inner.local.name();
        loop {
            let Some(job) = lock(&inner.outbox).first().copied() else { break };
            let answer = match job {
                Job::Report { version, lease, outcome } => {
                    inner.store.report(name, version, lease, outcome, &inner.policy)
                }
                Job::Release { version, lease } => {
                    let version = version.unwrap_or_else(|| inner.seen_version());
                    inner.store.release(name, version, lease)
                }
            };
            let settled = inner.within_budget(answer).await.unwrap_or(Err(StoreError::TimedOut))?;
            lock(&inner.outbox).remove(0);
            inner.adopt(settled.view, false);
        }
        let asked_at = inner.seen_version();
        let observed = inner.within_budget(inner.store.observe(name)).await;
        inner.adopt_answer(asked_at, observed.unwrap_or(Err(StoreError::TimedOut))?, returning);
        // A vote with a version that is no longer current shows the current one: vote again.
        for _ in 0..3 {
            let Some(open_for) = inner.own_open() else { break };
            let seen = inner.seen_version();
            let vote = Vote { voter: inner.instance, seen, open_for };
            let answer = inner.store.vote(name, &vote, &inner.policy);
            let view = inner.within_budget(answer).await.unwrap_or(Err(StoreError::TimedOut))?;
            let counted = view.version == seen || seen == Version::NONE;
            inner.adopt(view, false);
            if counted {
                break;
            }
        }
        inner.set_coordination(Coordination::Coordinated);
        Ok(())
    }

    /// Waits for news from the store, a call that left something, or `pause`. Returns whether the
    /// store failed meanwhile.
    async fn pause(&self, inner: Arc<Link>, pause: Duration, listen: bool) -> bool {
        let (store, name) = (Arc::clone(&inner.store), inner.local.name().clone());
        let seen = inner.seen_version();
        let mut sleep = inner.sleeper.sleep(pause);
        // Not held while waiting, so that the last handle can go.
        let held = Arc::downgrade(&inner);
        drop(inner);
        let mut news = store.changed(&name, seen);
        let (changed, woken) = poll_fn(|cx| {
            if sleep.as_mut().poll(cx).is_ready() {
                return Poll::Ready((None, false));
            }
            if self.wake.poll(cx) && (listen || held.strong_count() == 0) {
                return Poll::Ready((None, true));
            }
            if listen && let Poll::Ready(view) = news.as_mut().poll(cx) {
                return Poll::Ready((Some(view), false));
            }
            Poll::Pending
        })
        .await;
        let Some(inner) = held.upgrade() else { return false };
        match changed {
            Some(Ok(view)) => inner.adopt(view, false),
            Some(Err(_)) => {
                inner.degrade();
                return true;
            }
            None => {}
        }
        // A call that found the store failing wakes the driver by degrading.
        woken && inner.is_degraded()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.upgrade() {
            inner.set_coordination(Coordination::Local);
        }
    }
}

/// A bell: rings before the wait are heard too.
#[derive(Debug, Default)]
pub(crate) struct Wake(Mutex<(bool, Option<Waker>)>);

impl Wake {
    pub(crate) fn notify(&self) {
        let waker = {
            let mut state = lock(&self.0);
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> bool {
        let mut state = lock(&self.0);
        if std::mem::take(&mut state.0) {
            return true;
        }
        state.1 = Some(cx.waker().clone());
        false
    }
}
