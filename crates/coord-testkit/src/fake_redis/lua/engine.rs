//! The small interface between the server and a Lua interpreter.

use std::time::Duration;

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
    /// (`busy-reply-threshold`); 5 seconds unless told otherwise.
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
