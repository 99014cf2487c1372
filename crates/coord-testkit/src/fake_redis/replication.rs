//! The stream of writes that replicas get.
//!
//! Whoever sends SYNC or PSYNC gets the data and from then on each change as a command: what a
//! script or a transaction does as its single steps, what depends on the time or on chance as
//! what came of it. Nothing is kept for a replica that was away: it gets everything anew.

mod effects;

use bytes::{BufMut, Bytes, BytesMut};

use super::call::{Call, Origin};
use super::dispatch::Found;
use super::failure::Failure;
use super::rdb;
use super::reply::Reply;
use super::session::SessionId;
use super::state::State;

/// Who follows, and what they have not been told yet.
#[derive(Debug, Default)]
pub(crate) struct Replication {
    /// The connections of the replicas.
    followers: Vec<SessionId>,
    /// What the request at work has changed so far, by database. As long as what it did.
    pending: Vec<(usize, Vec<Bytes>)>,
    /// The database the followers are in.
    db: Option<usize>,
    /// Bytes sent so far.
    offset: u64,
    /// What this server itself follows since REPLICAOF. It never gets anything from there.
    pub(crate) master: Option<(Bytes, u16)>,
}

impl State {
    /// Whether anybody follows.
    pub(crate) const fn is_followed(&self) -> bool {
        !self.replication.followers.is_empty()
    }

    /// The connections that follow.
    pub(crate) fn followers(&self) -> &[SessionId] {
        &self.replication.followers
    }

    /// Bytes sent to followers so far.
    pub(crate) const fn replication_offset(&self) -> u64 {
        self.replication.offset
    }

    /// Makes a connection a follower: it gets the data first, in `$` and its length.
    fn follow(&mut self, id: SessionId) {
        let codes = self.scripts.libraries.values().map(|library| &library.code);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let dbs = if session.functions_only { &[] } else { &self.dbs[..] };
        let file = rdb::file(dbs, codes);
        session.out.put_slice(format!("${}\r\n", file.len()).as_bytes());
        session.out.put_slice(&file);
        session.is_replica = true;
        session.wake.notify_one();
        self.replication.followers.retain(|other| *other != id);
        self.replication.followers.push(id);
        // The new one knows of no database.
        self.replication.db = None;
    }

    /// Forgets a connection that is gone.
    pub(crate) fn unfollow(&mut self, id: SessionId) {
        self.replication.followers.retain(|other| *other != id);
    }

    /// Notes a key that went by itself: its time was up, or memory was short.
    pub(crate) fn propagate_removal(&mut self, db: usize, key: &Bytes) {
        if self.is_followed() {
            self.replication.pending.push((db, vec![Bytes::from_static(b"DEL"), key.clone()]));
        }
    }

    /// Notes what a command did that has just run, and sends what has come together once the
    /// request is done. `dirty` is the count of changes before it.
    pub(crate) fn propagate(
        &mut self,
        db: usize,
        found: Found,
        args: &[Bytes],
        (dirty, origin): (u64, Origin),
        result: &Result<Reply, Failure>,
    ) {
        if !self.is_followed() {
            return;
        }
        let always = matches!(found.command.name, "publish" | "spublish" | "flushall" | "flushdb")
            || found.parent == Some("function") && matches!(found.command.name, "load" | "restore");
        let is_frame = found.runs_script() || found.command.name == "exec";
        if !is_frame && result.is_ok() && (always || self.dirty != dirty) {
            let made = effects::of(self, db, found, args, result.as_ref().unwrap_or(&Reply::None));
            self.replication.pending.extend(made.into_iter().map(|args| (db, args)));
        }
        if matches!(origin, Origin::Client | Origin::Again) {
            // What these find by the way has nothing to do with each other.
            let apart = matches!(found.command.name, "scan" | "randomkey");
            self.send_pending(apart);
        }
    }

    /// Sends what has been noted, as one transaction unless it is `apart`.
    pub(crate) fn send_pending(&mut self, apart: bool) {
        let pending = std::mem::take(&mut self.replication.pending);
        let Some(&(first, _)) = pending.first() else { return };
        let mut out = BytesMut::new();
        let is_one = pending.len() > 1 && !apart;
        let mut db = self.replication.db;
        let frame = |word: &'static str| (first, vec![Bytes::from_static(word.as_bytes())]);
        let before = is_one.then(|| frame("MULTI"));
        let after = is_one.then(|| frame("EXEC"));
        for (at, args) in before.into_iter().chain(pending).chain(after) {
            // The last word of a transaction belongs to no database.
            if db != Some(at) && &args[0][..] != b"EXEC" {
                db = Some(at);
                let shown = self.shown_db(at).to_string();
                Reply::bulks(["SELECT", &shown]).encode(false, &mut out);
            }
            Reply::bulks(args).encode(false, &mut out);
        }
        self.replication.db = db;
        self.replication.offset += out.len() as u64;
        for id in &self.replication.followers {
            if let Some(session) = self.sessions.get_mut(id) {
                session.out.put_slice(&out);
                session.wake.notify_one();
            }
        }
    }

    /// Becomes a replica in name, or a master again. Those who followed are sent away.
    pub(crate) fn replicate(&mut self, master: Option<(Bytes, u16)>) {
        if master.is_some() {
            self.replication.pending.clear();
            for id in std::mem::take(&mut self.replication.followers) {
                self.kill(id);
            }
        }
        self.replication.master = master;
    }
}

/// SYNC.
pub(crate) fn sync(call: &mut Call<'_>) -> Result<Reply, Failure> {
    call.state.follow(call.session_id);
    Ok(Reply::None)
}

/// PSYNC: always everything.
pub(crate) fn psync(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let start = format!("FULLRESYNC {} {}", "0".repeat(40), call.state.replication_offset());
    call.session_mut().send(&Reply::Simple(start.into()));
    call.state.follow(call.session_id);
    Ok(Reply::None)
}

/// REPLCONF: what a replica says of itself has no effect here.
pub(crate) fn replconf(call: &mut Call<'_>) -> Result<Reply, Failure> {
    if call.args.len().is_multiple_of(2) {
        return Err(Failure::syntax());
    }
    for pair in call.args[1..].chunks(2) {
        let known = match pair[0].to_ascii_lowercase().as_slice() {
            // Acknowledgements are not answered.
            b"ack" | b"getack" => return Ok(Reply::None),
            b"listening-port" | b"ip-address" | b"capa" | b"rdb-only" => true,
            b"rdb-filter-only" => {
                let functions_only = pair[1].eq_ignore_ascii_case(b"functions");
                call.session_mut().functions_only = functions_only;
                functions_only || pair[1].is_empty()
            }
            _ => false,
        };
        if !known {
            return Err(Failure::new(format!(
                "ERR Unrecognized REPLCONF option: {}",
                String::from_utf8_lossy(&pair[0])
            )));
        }
    }
    Ok(Reply::OK)
}
