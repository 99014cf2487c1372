//! The running script as other connections see it, without the lock of the state.
//!
//! A script runs under that lock on the thread of its caller. After
//! `busy-reply-threshold` it marks itself busy here. Connections wait here for the
//! lock: once a script is busy they answer BUSY, or ask it to stop. On a runtime with one
//! thread nobody else can run meanwhile; there the bound of instructions ends it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::super::reply::Reply;

/// Shared by the interpreter and all connections of a server.
#[derive(Debug, Default)]
pub(crate) struct Control {
    gate: Mutex<Gate>,
    changed: Condvar,
    kill: AtomicBool,
    wrote: AtomicBool,
}

#[derive(Debug, Default)]
struct Gate {
    /// Somebody uses the state.
    taken: bool,
    /// A script does so beyond its time.
    busy: Option<Kind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Script,
    Function,
}

impl Control {
    pub(crate) fn begin(self: &Arc<Self>, function: bool) -> Running {
        self.kill.store(false, Ordering::SeqCst);
        self.wrote.store(false, Ordering::SeqCst);
        let kind = if function { Kind::Function } else { Kind::Script };
        Running { control: Arc::clone(self), kind, started: Instant::now(), offered: None }
    }

    /// Notes a write: the script can no longer be killed.
    pub(crate) fn note_write(&self) {
        self.wrote.store(true, Ordering::SeqCst);
    }

    pub(crate) fn kill_asked(&self) -> bool {
        self.kill.load(Ordering::SeqCst)
    }

    /// Waits for the turn to use the state; false if a script is busy instead and
    /// `patient` is not set. [`leave`](Self::leave) ends the turn.
    pub(crate) fn enter(&self, patient: bool) -> bool {
        let mut gate = self.gate();
        while gate.taken {
            if gate.busy.is_some() && !patient {
                return false;
            }
            gate = self.changed.wait(gate).unwrap_or_else(PoisonError::into_inner);
        }
        gate.taken = true;
        true
    }

    /// Lets the next one in.
    pub(crate) fn leave(&self) {
        self.gate().taken = false;
        self.changed.notify_all();
    }

    /// True while a script runs beyond its time.
    pub(crate) fn is_busy(&self) -> bool {
        self.gate().busy.is_some()
    }

    /// The answer to a command of another connection while a script is busy: OK or a
    /// reason to SCRIPT KILL and FUNCTION KILL, BUSY to everything else. (A real
    /// server also executes HELLO, AUTH and the like, which need the state.)
    pub(crate) fn answer(&self, args: &[Bytes]) -> Reply {
        let word = |at: usize, text: &str| {
            args.get(at).is_some_and(|arg| arg.eq_ignore_ascii_case(text.as_bytes()))
        };
        let function = self.gate().busy == Some(Kind::Function);
        let own = if function { "function" } else { "script" };
        if args.len() == 2 && word(0, own) && word(1, "kill") {
            return self.ask_to_stop();
        }
        Reply::Error(format!(
            "BUSY Redis is busy running a script. You can only call {} KILL or SHUTDOWN NOSAVE.",
            own.to_uppercase()
        ))
    }

    fn ask_to_stop(&self) -> Reply {
        if self.wrote.load(Ordering::SeqCst) {
            return Reply::Error(UNKILLABLE.to_owned());
        }
        self.kill.store(true, Ordering::SeqCst);
        Reply::Simple("OK".into())
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Time between two offers of the thread's other work.
const OFFER_EVERY: Duration = Duration::from_millis(20);
/// How long an offer stands; another thread takes the work in microseconds.
const OFFER: Duration = Duration::from_millis(1);

/// Lets other threads of the runtime take the tasks that wait for this one, which is
/// stuck in a script: a connection among them could not be answered otherwise.
fn offer_work() {
    let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
    if matches!(flavor, Ok(RuntimeFlavor::MultiThread)) {
        tokio::task::block_in_place(|| std::thread::sleep(OFFER));
    }
}

const UNKILLABLE: &str = "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.";

/// A run in progress; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Running {
    control: Arc<Control>,
    kind: Kind,
    started: Instant,
    /// When the thread's other work was last offered to others; none before it is busy.
    offered: Option<Instant>,
}

impl Running {
    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// Marks the run busy once it has taken longer than `limit`.
    pub(crate) fn watch(&mut self, limit: Duration) {
        if self.started.elapsed() < limit
            || self.offered.is_some_and(|at| at.elapsed() < OFFER_EVERY)
        {
            return;
        }
        self.offered = Some(Instant::now());
        self.control.gate().busy = Some(self.kind);
        self.control.changed.notify_all();
        offer_work();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.control.gate().busy = None;
    }
}
