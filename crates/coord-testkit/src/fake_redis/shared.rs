//! The state behind its lock, as all connections share it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::lua::engine::Control;
use super::session::SessionId;
use super::state::State;

/// The state and its lock, shared by all connections.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// The running script, seen without the lock.
    pub(crate) control: Arc<Control>,
    /// Sessions whose connections ended while a script held the lock.
    gone: Mutex<Vec<SessionId>>,
}

impl Shared {
    pub(crate) fn new(state: State) -> Self {
        let control = Arc::clone(&state.scripts.control);
        Self { state: Mutex::new(state), control, gone: Mutex::new(Vec::new()) }
    }

    /// Takes the lock. A panic of another command leaves the data as it was then.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock, unless a script holds it: that may last.
    pub(crate) fn enter(&self) -> Option<MutexGuard<'_, State>> {
        let mut state = loop {
            match self.state.try_lock() {
                Ok(state) => break state,
                Err(TryLockError::Poisoned(state)) => break state.into_inner(),
                Err(TryLockError::WouldBlock) if self.control.is_running() => return None,
                // Commands are short.
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
            }
        };
        for id in self.gone.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            state.close_session(id);
        }
        Some(state)
    }

    /// Closes a session as soon as the lock is free.
    pub(crate) fn close_later(&self, id: SessionId) {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).push(id);
    }
}
