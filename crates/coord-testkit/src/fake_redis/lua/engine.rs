//! The small interface between the server and a Lua interpreter.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::super::reply::Reply;

/// What a script can ask of the server.
pub(crate) trait Host {
    /// Executes a command; `resp3` chooses the protocol its reply is made for.
    fn call(&mut self, args: Vec<Bytes>, resp3: bool) -> Reply;
    /// Whether the caller may run a command; nothing for an unknown command.
    fn may_call(&mut self, args: &[Bytes]) -> Option<bool>;
    /// Takes a line of `redis.log`; `level` is 0 (debug) to 3 (warning).
    fn log(&mut self, level: u8, text: Vec<u8>);
}

/// What to run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    /// The compiled script with this SHA1 in lower-case hex.
    Script(&'a str),
    /// The function of this name.
    Function(&'a str),
}

/// One execution.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) target: Target<'a>,
    pub(crate) keys: &'a [Bytes],
    pub(crate) args: &'a [Bytes],
    pub(crate) limits: Limits,
}

/// Bounds of one execution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Virtual-machine instructions after which a script fails; 500 million unless
    /// told otherwise, a few seconds.
    pub(crate) instructions: u64,
    /// Real time after which other connections are answered BUSY
    /// (`busy-reply-threshold`); 5 seconds unless told otherwise, `Duration::MAX` for never.
    pub(crate) busy_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { instructions: 500_000_000, busy_after: Duration::from_secs(5) }
    }
}

/// A function that a library registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Registered {
    pub(crate) name: String,
    pub(crate) description: Option<Bytes>,
    pub(crate) flags: Vec<&'static str>,
}

/// A Lua interpreter with its caches.
pub(crate) trait LuaEngine: std::fmt::Debug + Send {
    /// Compiles a script under its SHA1.
    ///
    /// # Errors
    /// The compiler's message.
    fn compile(&mut self, sha: &str, body: &[u8]) -> Result<(), String>;
    /// Drops all compiled scripts.
    fn forget_scripts(&mut self);
    /// Runs the body of a library; its functions are kept under the name of the
    /// library until [`drop_library`](Self::drop_library), and can be called once
    /// [`publish`](Self::publish)ed.
    ///
    /// # Errors
    /// The whole error text without code.
    fn load_library(&mut self, body: &[u8]) -> Result<Vec<Registered>, String>;
    /// Makes the functions of the last loaded library callable.
    fn publish(&mut self);
    /// Makes a function uncallable.
    fn drop_function(&mut self, name: &str);
    /// Runs a script or function; the reply is what the client gets.
    fn run(&mut self, run: &Run<'_>, host: &mut dyn Host) -> Reply;
}

/// The running script as other threads see it, without the lock of the state.
///
/// A script runs under that lock on a thread of its own. After [`Limits::busy_after`] it marks
/// itself busy here; connections look at the mark before they take the lock and answer BUSY,
/// or ask it to stop. [`Limits::instructions`] ends it in any case.
#[derive(Debug, Default)]
pub(crate) struct Control {
    /// 0 idle, 1 a script runs, 2 a function runs.
    running: AtomicU8,
    busy: AtomicBool,
    kill: AtomicBool,
    wrote: AtomicBool,
    /// What FUNCTION STATS tells of the run.
    shown: Mutex<Option<Shown>>,
}

/// A run as FUNCTION STATS shows it.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The function's name; none for a script.
    pub(crate) name: String,
    pub(crate) command: Vec<Bytes>,
    pub(crate) started: Instant,
    /// The part about the engines, which does not change meanwhile.
    pub(crate) engines: Reply,
}

impl Shown {
    fn reply(&self) -> Reply {
        let text = |text: &'static str| Reply::Bulk(Bytes::from_static(text.as_bytes()));
        let ms = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        let command = self.command.iter().cloned().map(Reply::Bulk).collect();
        let run = Reply::Map(vec![
            (text("name"), Reply::Bulk(self.name.clone().into())),
            (text("command"), Reply::Array(command)),
            (text("duration_ms"), Reply::Integer(ms)),
        ]);
        Reply::Map(vec![(text("running_script"), run), (text("engines"), self.engines.clone())])
    }
}

impl Control {
    pub(crate) fn begin(self: &Arc<Self>, function: bool) -> Running {
        self.busy.store(false, Ordering::SeqCst);
        self.kill.store(false, Ordering::SeqCst);
        self.wrote.store(false, Ordering::SeqCst);
        self.running.store(if function { 2 } else { 1 }, Ordering::SeqCst);
        Running { control: Arc::clone(self), started: Instant::now() }
    }
    /// Notes a write: the script can no longer be killed.
    pub(crate) fn note_write(&self) {
        self.wrote.store(true, Ordering::SeqCst);
    }
    /// Says what runs, before it does, or that it has ended.
    pub(crate) fn show(&self, shown: Option<Shown>) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = shown;
    }
    /// True while a script runs that has exceeded its time.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst)
    }
    pub(crate) fn kill_asked(&self) -> bool {
        self.kill.load(Ordering::SeqCst)
    }
    /// True while a script or function runs.
    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Ordering::SeqCst) != 0
    }
    fn running_function(&self) -> bool {
        self.running.load(Ordering::SeqCst) == 2
    }

    /// The answer to a command of another connection while a script is busy.
    pub(crate) fn answer_busy(&self, args: &[Bytes]) -> Reply {
        let word = |at: usize, text: &str| {
            args.get(at).is_some_and(|arg| arg.eq_ignore_ascii_case(text.as_bytes()))
        };
        let function = self.running_function();
        if word(1, "kill") && (word(0, "script") || word(0, "function")) {
            if word(0, "function") == function {
                return self.ask_to_stop();
            }
            return Reply::Error(busy_text(function).to_owned());
        }
        if word(0, "function") && word(1, "stats") {
            let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(shown) = shown.as_ref() {
                return shown.reply();
            }
        }
        if word(0, "multi") {
            return Reply::Simple("OK".into());
        }
        if word(0, "exec") {
            let text = busy_text(function);
            return Reply::Error(format!("EXECABORT Transaction discarded because of: {text}"));
        }
        Reply::Error(busy_text(function).to_owned())
    }

    fn ask_to_stop(&self) -> Reply {
        if self.wrote.load(Ordering::SeqCst) {
            return Reply::Error(
                "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command."
                    .to_owned(),
            );
        }
        self.kill.store(true, Ordering::SeqCst);
        Reply::Simple("OK".into())
    }
}

fn busy_text(function: bool) -> &'static str {
    if function {
        "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
    } else {
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
    }
}

/// A run in progress; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Running {
    control: Arc<Control>,
    started: Instant,
}

impl Running {
    pub(crate) fn control(&self) -> &Control {
        &self.control
    }
    /// Whether it has run for so long.
    pub(crate) fn lasts_for(&self, time: Duration) -> bool {
        self.started.elapsed() >= time
    }
    /// Marks the run busy once it has taken longer than `limit`.
    pub(crate) fn watch(&self, limit: Duration) {
        if self.started.elapsed() >= limit {
            self.control.busy.store(true, Ordering::SeqCst);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.control.running.store(0, Ordering::SeqCst);
        self.control.busy.store(false, Ordering::SeqCst);
        self.control.kill.store(false, Ordering::SeqCst);
    }
}
