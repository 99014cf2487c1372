//! The locks and atomics of this crate, in one place.
//!
//! The concurrency tests compile the breaker against a model checker's twins of these types.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, ignoring poison: no invariant of ours spans a point where foreign code can panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
