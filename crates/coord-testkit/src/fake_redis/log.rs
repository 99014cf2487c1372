//! What the server was asked, for assertions.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::call::Origin;
use super::session::SessionId;

/// Most commands the log keeps; older ones are forgotten first.
pub(crate) const MAX_LOGGED: usize = 10_000;

/// One executed command.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedCommand {
    /// The connection, as CLIENT ID names it.
    pub connection: u64,
    /// The database.
    pub database: usize,
    /// The arguments, the name of the command first.
    pub args: Vec<Bytes>,
    /// The server's time, in microseconds since 1970.
    pub at_us: u64,
    /// Who asked.
    pub source: Source,
}

/// Who asked for a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// A client, directly.
    Client,
    /// EXEC.
    Transaction,
    /// A script.
    Script,
}

impl LoggedCommand {
    /// The name of the command in lower case.
    #[must_use]
    pub fn name(&self) -> String {
        String::from_utf8_lossy(&self.args[0]).to_ascii_lowercase()
    }

    /// The arguments as text, joined with spaces.
    #[must_use]
    pub fn line(&self) -> String {
        let words = self.args.iter().map(|arg| String::from_utf8_lossy(arg));
        words.collect::<Vec<_>>().join(" ")
    }
}

/// The log and the counters.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) commands: VecDeque<LoggedCommand>,
    /// Batches of requests that arrived in one piece.
    pub(crate) round_trips: u64,
    /// Runs by SHA-1 (scripts) or name (functions).
    pub(crate) scripts: BTreeMap<String, u64>,
}

impl Log {
    pub(crate) fn note(
        &mut self,
        connection: SessionId,
        database: usize,
        args: &[Bytes],
        at_us: u64,
        origin: Origin,
    ) {
        let source = match origin {
            Origin::Client => Source::Client,
            Origin::Exec => Source::Transaction,
            Origin::Script => Source::Script,
            // It was noted when it came.
            Origin::Again => return,
        };
        if self.commands.len() == MAX_LOGGED {
            self.commands.pop_front();
        }
        self.commands.push_back(LoggedCommand {
            connection,
            database,
            args: args.to_vec(),
            at_us,
            source,
        });
    }

    /// Counts the run of a script or function.
    pub(crate) fn note_script(&mut self, args: &[Bytes]) {
        let Some(which) = args.get(1) else { return };
        let name = match args[0].to_ascii_lowercase().as_slice() {
            b"eval" | b"eval_ro" => sha1_smol::Sha1::from(&which[..]).digest().to_string(),
            b"evalsha" | b"evalsha_ro" => String::from_utf8_lossy(which).to_ascii_lowercase(),
            b"fcall" | b"fcall_ro" => String::from_utf8_lossy(which).into_owned(),
            _ => return,
        };
        *self.scripts.entry(name).or_default() += 1;
    }
}
