//! Waiting as an input: [`Sleeper`] for async code, [`BlockingSleeper`] for threads.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A boxed future, as dyn-compatible traits need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How an async caller waits.
///
/// Cancel safety: dropping the returned future ends the wait.
pub trait Sleeper: Send + Sync + Debug {
    /// A future that is ready after `duration`, never earlier.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// How a thread waits.
pub trait BlockingSleeper: Send + Sync + Debug {
    /// Returns after `duration`.
    fn sleep(&self, duration: Duration);
}

/// Sleeps on tokio's timer (real or paused time).
#[cfg(feature = "tokio")]
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioSleeper;

#[cfg(feature = "tokio")]
impl Sleeper for TokioSleeper {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// Blocks the thread with [`std::thread::sleep`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadSleeper;

impl BlockingSleeper for ThreadSleeper {
    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// Moves a [`ManualClock`](crate::clock::ManualClock) instead of waiting, for tests.
impl BlockingSleeper for crate::clock::ManualClock {
    fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }
}

/// Moves a [`ManualClock`](crate::clock::ManualClock) instead of waiting, for tests.
impl Sleeper for crate::clock::ManualClock {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        Box::pin(async move { clock.advance(duration) })
    }
}
