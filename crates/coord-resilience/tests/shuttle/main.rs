//! The breaker under a model checker: its own sources, compiled against shuttle's locks and
//! atomics, so that every interleaving of the lock-free paths can be tried in an ordinary test.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    unnameable_types,
    missing_docs,
    unused_qualifications,
    reason = "the crate's sources, of which this program uses a part"
)]

#[path = "../../src/backoff.rs"]
mod backoff;
#[path = "../../src/breaker/mod.rs"]
mod breaker;
#[path = "../../src/clock.rs"]
mod clock;
#[path = "../../src/error.rs"]
mod error;
#[path = "../../src/sleep.rs"]
mod sleep;

/// The checker's twins of `src/sync.rs`.
mod sync {
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};
    pub(crate) use std::sync::PoisonError;

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub use breaker::{
    BreakerRegistry, CallError, CircuitBreaker, CircuitBreakerConfig, Outcome, Permit, Rejected,
    SharedBreaker, State,
};
pub use error::ConfigError;

mod cases;
