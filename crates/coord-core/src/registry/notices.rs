//! A small channel that needs no runtime.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use super::liveness::Incarnation;
use crate::agent::AgentId;

/// What heartbeats found out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The record was gone (this agent was taken for dead, or the server lost its data); the beat
    /// has put it back.
    Restored(AgentId),
    /// A later registration or a deregistration replaced this one; its beats have stopped.
    Superseded {
        /// The agent.
        agent_id: AgentId,
        /// What replaced it.
        current: Incarnation,
    },
    /// Beats did not get through; they go on. The text says why.
    Failing(String),
}

/// Most notices that wait to be read; older ones are forgotten first.
const MAX_WAITING: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct Notices(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Notice>,
    wakers: Vec<Waker>,
}

impl Notices {
    pub(super) fn push(&self, notice: Notice) {
        let mut inner = self.lock();
        if inner.waiting.len() >= MAX_WAITING {
            inner.waiting.pop_front();
        }
        inner.waiting.push_back(notice);
        let wakers = std::mem::take(&mut inner.wakers);
        drop(inner);
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(super) fn try_next(&self) -> Option<Notice> {
        self.lock().waiting.pop_front()
    }

    pub(super) async fn next(&self) -> Notice {
        poll_fn(|context| {
            let mut inner = self.lock();
            match inner.waiting.pop_front() {
                Some(notice) => Poll::Ready(notice),
                None => {
                    if !inner.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
                        inner.wakers.push(context.waker().clone());
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
