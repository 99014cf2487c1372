//! Running a script beside the event loop.
//!
//! A script may last, and others must then be answered BUSY. So it runs on a thread of the
//! runtime's pool for blocking work. The event loop stands still until the script has ended, as
//! that of a real server does, or until it has become busy; only then it goes on without it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::lua::engine::Control;

/// How often the event loop looks whether the script has become busy after its time is up.
const SLICE: Duration = Duration::from_millis(1);
/// How long it waits beyond the script's time for a thread that does not come.
const SLACK: Duration = Duration::from_secs(1);

/// What has become of a job.
#[derive(Debug)]
enum Fate<T> {
    Pending,
    Done(T),
    /// It panicked, its result was taken, or the runtime has ended.
    Lost,
}

#[derive(Debug)]
struct Errand<T> {
    fate: Mutex<Fate<T>>,
    /// For the event loop that stands still.
    changed: Condvar,
    /// For the connection that waits while the event loop goes on.
    ended: Notify,
}

impl<T> Errand<T> {
    fn fate(&self) -> MutexGuard<'_, Fate<T>> {
        self.fate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, fate: Fate<T>) {
        *self.fate() = fate;
        self.changed.notify_one();
        self.ended.notify_one();
    }

    /// Takes the result; `None` if there is none yet.
    fn take(&self) -> Option<Option<T>> {
        let mut fate = self.fate();
        match std::mem::replace(&mut *fate, Fate::Lost) {
            Fate::Pending => {
                *fate = Fate::Pending;
                None
            }
            Fate::Done(value) => Some(Some(value)),
            Fate::Lost => Some(None),
        }
    }
}

/// Says that the job is lost if it ends without a result.
struct Runner<T>(Arc<Errand<T>>);

impl<T> Drop for Runner<T> {
    fn drop(&mut self) {
        let pending = matches!(*self.0.fate(), Fate::Pending);
        if pending {
            self.0.settle(Fate::Lost);
        }
    }
}

/// Runs a job on another thread. Stands still while it runs and has not become busy; `patience`
/// is when it may. `None` if it panicked.
pub(crate) async fn run<T, F>(job: F, patience: Duration, control: &Control) -> Option<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let errand = Arc::new(Errand {
        fate: Mutex::new(Fate::Pending),
        changed: Condvar::new(),
        ended: Notify::new(),
    });
    let runner = Runner(Arc::clone(&errand));
    drop(tokio::task::spawn_blocking(move || {
        let value = job();
        runner.0.settle(Fate::Done(value));
    }));
    stand_still(&errand, patience, control);
    loop {
        if let Some(result) = errand.take() {
            return result;
        }
        errand.ended.notified().await;
    }
}

fn stand_still<T>(errand: &Errand<T>, patience: Duration, control: &Control) {
    let start = Instant::now();
    let mut fate = errand.fate();
    while matches!(*fate, Fate::Pending) {
        let spent = start.elapsed();
        if control.is_busy() || spent >= patience.saturating_add(SLACK) {
            return;
        }
        let slice = patience.saturating_sub(spent).max(SLICE);
        let waited = errand.changed.wait_timeout(fate, slice);
        fate = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}
