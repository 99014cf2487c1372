//! The seam between the server and its script engine.
//!
//! The interpreter lives in [`Scripts`](super::scripts::Scripts). It is taken out while a script
//! runs and put back afterwards, so that the script can use the rest of the state through a
//! [`ScriptScope`]. The lock is held all the time.

use bytes::Bytes;

use super::reply::Reply;
use super::script_calls;
use super::session::SessionId;
use super::state::State;

/// Runs commands for a script.
pub(crate) trait ScriptHost {
    /// Executes one command inside the current script. Errors come back as [`Reply::Error`].
    /// `read_only` refuses writes (EVAL_RO, `no-writes`).
    fn call(&mut self, args: Vec<Bytes>, read_only: bool) -> Reply;
}

/// The world as one running script sees it.
#[derive(Debug)]
pub(crate) struct ScriptScope<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) session: SessionId,
    /// The keys the caller declared; strict mode refuses others.
    pub(crate) keys: &'a [Bytes],
    /// Set by `redis.setresp(3)`.
    pub(crate) resp3: bool,
    /// Lifts the check of declared keys in strict mode (FUNCTION LOAD and the like).
    pub(crate) any_keys: bool,
    /// Memory was short when the script began, and it may not use more.
    pub(crate) out_of_memory: bool,
    /// It has written: from then on it may go on to the end.
    pub(crate) wrote: bool,
    /// The caller's database, to be restored at the end.
    home_db: usize,
}

impl<'a> ScriptScope<'a> {
    /// Opens the scope of a script; drop it with [`ScriptScope::finish`].
    pub(crate) fn new(state: &'a mut State, session: SessionId, keys: &'a [Bytes]) -> Self {
        let home_db = state.sessions.get(&session).map_or(0, |session| session.db);
        Self {
            state,
            session,
            keys,
            resp3: false,
            any_keys: false,
            out_of_memory: false,
            wrote: false,
            home_db,
        }
    }

    /// Restores the caller's database, which the script may have left.
    pub(crate) fn finish(self) {
        if let Some(session) = self.state.sessions.get_mut(&self.session) {
            session.db = self.home_db;
        }
    }
}

impl ScriptHost for ScriptScope<'_> {
    fn call(&mut self, args: Vec<Bytes>, read_only: bool) -> Reply {
        script_calls::call_from_script(self, &args, read_only)
    }
}
