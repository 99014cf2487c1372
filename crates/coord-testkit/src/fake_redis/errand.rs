//! Running a script beside the event loop.
//!
//! A script may last, and others must then be answered BUSY. So it runs on a thread of the
//! runtime's pool for blocking work, or on one of its own where the pool has none to spare. The
//! event loop stands still until the script has ended, as that of a real server does, or until it
//! has become busy; only then it goes on without it. However slow the machine is: whoever went on
//! before would answer others out of turn.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::lua::engine::Control;

/// How often the event loop looks whether the script has become busy after its time is up.
const SLICE: Duration = Duration::from_millis(1);
/// How long it waits for a thread of the pool before it starts one: all may be taken by work that
/// waits for this very server.
const COMES_WITHIN: Duration = Duration::from_millis(100);

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

    fn is_pending(&self) -> bool {
        matches!(*self.fate(), Fate::Pending)
    }

    /// Waits so long at most, less if it changes.
    fn wait(&self, time: Duration) {
        let fate = self.fate();
        let pending = |fate: &mut Fate<T>| matches!(fate, Fate::Pending);
        drop(self.changed.wait_timeout_while(fate, time, pending));
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

/// The job, for the thread that comes first.
struct Job<F>(Mutex<Option<F>>);

impl<F> Job<F> {
    fn take(&self) -> Option<F> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn is_taken(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

/// One of the threads that may run the job. Says that it is lost if it ends without a result.
struct Runner<T, F> {
    errand: Arc<Errand<T>>,
    job: Arc<Job<F>>,
    /// The pool's, which drops it when the runtime ends.
    pooled: bool,
    runs: bool,
}

impl<T, F: FnOnce() -> T> Runner<T, F> {
    fn run(mut self) {
        if let Some(job) = self.job.take() {
            self.runs = true;
            let value = job();
            self.errand.settle(Fate::Done(value));
        }
    }
}

impl<T, F> Drop for Runner<T, F> {
    fn drop(&mut self) {
        let lost = self.runs || (self.pooled && self.job.take().is_some());
        if lost && matches!(*self.errand.fate(), Fate::Pending) {
            self.errand.settle(Fate::Lost);
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
    let job = Arc::new(Job(Mutex::new(Some(job))));
    let runner = |pooled| {
        let (errand, job) = (Arc::clone(&errand), Arc::clone(&job));
        Runner { errand, job, pooled, runs: false }
    };
    let first = runner(true);
    drop(tokio::task::spawn_blocking(move || first.run()));
    errand.wait(COMES_WITHIN.min(patience));
    if !job.is_taken() {
        let (second, runtime) = (runner(false), Handle::current());
        let thread = std::thread::Builder::new().name("coord-fake-script".into());
        // Without a thread the job waits for the pool.
        let _started = thread.spawn(move || {
            let _entered = runtime.enter();
            second.run();
        });
    }
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
    while errand.is_pending() && !control.is_busy() {
        errand.wait(patience.saturating_sub(start.elapsed()).max(SLICE));
    }
}
