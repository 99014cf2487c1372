//! What the server knows about one connection.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

use super::reply::Reply;
use super::tracking::Tracking;

/// The id CLIENT ID answers with.
pub(crate) type SessionId = u64;

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) db: usize,
    pub(crate) resp3: bool,
    pub(crate) name: Bytes,
    /// The ACL user, none before AUTH.
    pub(crate) user: Option<Bytes>,
    pub(crate) peer: String,
    pub(crate) local: String,
    /// The open transaction.
    pub(crate) multi: Option<Multi>,
    /// WATCHed keys by database, with whether they were already gone.
    pub(crate) watched: Vec<(usize, Bytes, bool)>,
    /// A watched key has changed: EXEC will answer null.
    pub(crate) dirty: bool,
    /// The command that waits for a key.
    pub(crate) blocked: Option<Blocked>,
    pub(crate) channels: BTreeSet<Bytes>,
    pub(crate) patterns: BTreeSet<Bytes>,
    pub(crate) shard_channels: BTreeSet<Bytes>,
    pub(crate) reply_mode: ReplyMode,
    /// Encoded replies that wait to be written.
    pub(crate) out: BytesMut,
    /// Wakes the connection's task: there is output, a reason to close or a new time.
    pub(crate) wake: Arc<Notify>,
    /// Close once the output is written.
    pub(crate) closing: bool,
    /// Close at once.
    pub(crate) killed: bool,
    /// Nothing is ever answered again.
    pub(crate) hung: bool,
    /// A request waits for the end of a pause.
    pub(crate) held: bool,
    /// Bytes received and not yet executed, with the request at work.
    pub(crate) received: usize,
    /// The most of them since the connection was idle.
    pub(crate) most_received: usize,
    pub(crate) asking: bool,
    pub(crate) readonly: bool,
    pub(crate) no_evict: bool,
    pub(crate) created_us: u64,
    pub(crate) used_us: u64,
    pub(crate) last_command: String,
    /// Index of the node it is connected to, in a cluster or a sentinel set-up.
    pub(crate) node: usize,
    pub(crate) monitor: bool,
    /// It follows the writes, see `replication`.
    pub(crate) is_replica: bool,
    /// It wants functions and no keys (REPLCONF RDB-FILTER-ONLY).
    pub(crate) functions_only: bool,
    pub(crate) tracking: Option<Tracking>,
}

/// A transaction between MULTI and EXEC.
#[derive(Debug, Default)]
pub(crate) struct Multi {
    pub(crate) queued: Vec<Vec<Bytes>>,
    /// A command was refused while queueing: EXEC will answer EXECABORT.
    pub(crate) aborted: bool,
}

/// A command that waits for one of its keys.
#[derive(Debug, Clone)]
pub(crate) struct Blocked {
    pub(crate) args: Vec<Bytes>,
    pub(crate) db: usize,
    pub(crate) keys: Vec<Bytes>,
    /// Microseconds since 1970; none waits for ever.
    pub(crate) deadline_us: Option<u64>,
    /// The answer when the time is up.
    pub(crate) on_timeout: Reply,
}

/// CLIENT REPLY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplyMode {
    On,
    Off,
    /// The reply of the next command is left out.
    SkipNext,
    /// The reply of this command is left out.
    Skip,
}

impl Session {
    pub(crate) fn new(id: SessionId, peer: String, local: String, now_us: u64) -> Self {
        Self {
            id,
            db: 0,
            resp3: false,
            name: Bytes::new(),
            user: None,
            peer,
            local,
            multi: None,
            watched: Vec::new(),
            dirty: false,
            blocked: None,
            channels: BTreeSet::new(),
            patterns: BTreeSet::new(),
            shard_channels: BTreeSet::new(),
            reply_mode: ReplyMode::On,
            out: BytesMut::new(),
            wake: Arc::new(Notify::new()),
            closing: false,
            killed: false,
            hung: false,
            held: false,
            received: 0,
            most_received: 0,
            asking: false,
            readonly: false,
            no_evict: false,
            created_us: now_us,
            used_us: now_us,
            last_command: String::new(),
            node: 0,
            monitor: false,
            is_replica: false,
            functions_only: false,
            tracking: None,
        }
    }

    /// Appends a reply to the output and wakes the connection.
    pub(crate) fn send(&mut self, reply: &Reply) {
        let push = matches!(reply, Reply::Push(_));
        let silent = match self.reply_mode {
            ReplyMode::On => false,
            ReplyMode::Off | ReplyMode::Skip | ReplyMode::SkipNext => !push,
        };
        if !silent {
            reply.encode(self.resp3, &mut self.out);
        }
        self.wake.notify_one();
    }

    /// Notes how many bytes wait; after a large request the reserve shrinks step by step.
    pub(crate) fn note_received(&mut self, bytes: usize) {
        self.received = bytes;
        self.most_received = bytes.max(self.most_received / 2);
    }

    /// How many subscriptions of channels and patterns it has.
    pub(crate) fn subscriptions(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// True in the restricted mode that RESP2 subscribers are in.
    pub(crate) fn is_subscriber(&self) -> bool {
        self.subscriptions() + self.shard_channels.len() > 0
    }
}
