//! What happens in a breaker, by callback or as a stream.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, RwLock, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::name::BreakerName;
use super::outcome::{Outcome, State, Transition};
use crate::sync::{AtomicBool, Mutex, Ordering, PoisonError, lock};

/// One event of a breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The breaker.
    pub breaker: BreakerName,
    /// When, on the breaker's clock.
    pub at: Duration,
    /// What happened.
    pub kind: EventKind,
}

/// What happened. Fast successes are not reported; see the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// The state changed. Events of several threads may arrive out of order; `generation` tells.
    Transition(Transition),
    /// A call failed, was slow, was ignored, or was a probe.
    Recorded {
        /// Its outcome.
        outcome: Outcome,
        /// Whether it took `slow_threshold` or longer.
        slow: bool,
        /// Whether it came too late to count.
        late: bool,
    },
    /// A call was rejected.
    Rejected {
        /// In which state.
        state: State,
    },
}

type Listener = Arc<dyn Fn(&Event) + Send + Sync>;

/// The listeners of one breaker. Without any, an event costs one load.
#[derive(Default)]
pub(crate) struct Listeners {
    active: AtomicBool,
    all: RwLock<Vec<Listener>>,
}

impl Listeners {
    #[inline]
    pub(crate) fn active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    pub(crate) fn add(&self, listener: Listener) {
        self.all.write().unwrap_or_else(PoisonError::into_inner).push(listener);
        self.active.store(true, Ordering::Release);
    }

    /// A stream fed by these listeners.
    pub(crate) fn stream(&self, capacity: usize) -> EventStream {
        let queue = Arc::new(Mutex::new(Queue { capacity: capacity.max(1), ..Queue::default() }));
        let feed: Weak<Mutex<Queue>> = Arc::downgrade(&queue);
        self.add(Arc::new(move |event| {
            let Some(queue) = feed.upgrade() else { return };
            let waker = lock(&queue).push(event.clone());
            if let Some(waker) = waker {
                waker.wake();
            }
        }));
        EventStream { queue }
    }

    /// Calls every listener; never call it with a lock held.
    pub(crate) fn emit(&self, event: &Event) {
        // A copy, so that a listener may add another.
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner).clone();
        for listener in all {
            listener(event);
        }
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listeners").field("active", &self.active).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Event>,
    capacity: usize,
    missed: u64,
    waker: Option<Waker>,
}

impl Queue {
    fn push(&mut self, event: Event) -> Option<Waker> {
        if self.events.len() >= self.capacity {
            self.events.pop_front();
            self.missed += 1;
        }
        self.events.push_back(event);
        self.waker.take()
    }
}

/// The events of a breaker from its creation on, in a bounded queue.
///
/// A reader that falls behind loses the oldest events; [`missed`](Self::missed) counts them. It
/// does not end by itself. With the feature `stream` it is a `futures_core::Stream`.
#[derive(Debug)]
pub struct EventStream {
    queue: Arc<Mutex<Queue>>,
}

impl EventStream {
    /// The next event; waits for it. Cancel safety: dropping the future loses nothing.
    pub async fn next(&mut self) -> Event {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// The next event if there is one.
    pub fn try_next(&mut self) -> Option<Event> {
        lock(&self.queue).events.pop_front()
    }

    /// Events lost because the queue was full.
    #[must_use]
    pub fn missed(&self) -> u64 {
        lock(&self.queue).missed
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Event> {
        let mut queue = lock(&self.queue);
        if let Some(event) = queue.events.pop_front() {
            return Poll::Ready(event);
        }
        queue.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

#[cfg(feature = "stream")]
impl futures_core::Stream for EventStream {
    type Item = Event;

    fn poll_next(self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx).map(Some)
    }
}
