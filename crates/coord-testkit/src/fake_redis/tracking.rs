//! Client-side caching: which connection has read which key, and the messages when it changes.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::reply::Reply;
use super::session::{Session, SessionId};
use super::state::State;

/// CLIENT TRACKING of one connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tracking {
    /// The connection that gets the messages; 0 is the own one.
    pub(crate) redirect: SessionId,
    pub(crate) broadcast: bool,
    pub(crate) opt_in: bool,
    pub(crate) opt_out: bool,
    pub(crate) no_loop: bool,
    pub(crate) prefixes: Vec<Bytes>,
    pub(crate) caching: Caching,
}

/// CLIENT CACHING holds for the next command only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Caching {
    #[default]
    Unasked,
    /// Asked for; the next command is meant.
    Asked,
}

/// Who has read what, and which keys have changed since the messages went out last.
#[derive(Debug, Default)]
pub(crate) struct TrackingTable {
    readers: BTreeMap<Bytes, BTreeSet<SessionId>>,
    /// Who is to be told of which key, in the order of the changes.
    pending: Vec<(SessionId, Bytes)>,
    /// Changed keys, for those who are told of everything.
    changed: BTreeSet<Bytes>,
    flushed: bool,
}

impl TrackingTable {
    /// Tracked keys, and how often they are tracked.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (self.readers.len(), self.readers.values().map(BTreeSet::len).sum())
    }
}

impl State {
    /// Notes the keys a reading command has looked at.
    pub(crate) fn track_read(&mut self, id: SessionId, keys: &[&Bytes]) {
        let Some(tracking) =
            self.sessions.get_mut(&id).and_then(|session| session.tracking.as_mut())
        else {
            return;
        };
        let asked = tracking.caching == Caching::Asked;
        if tracking.broadcast || (tracking.opt_in && !asked) || (tracking.opt_out && asked) {
            return;
        }
        for key in keys {
            self.tracking.readers.entry((*key).clone()).or_default().insert(id);
        }
    }

    /// Notes that a key has changed.
    pub(crate) fn track_change(&mut self, key: &Bytes) {
        // Who reads the key again before the message goes out is to be told again.
        for id in self.tracking.readers.remove(key).unwrap_or_default() {
            self.tracking.pending.push((id, key.clone()));
        }
        let hears_all = |session: &Session| {
            session.tracking.as_ref().is_some_and(|tracking| tracking.broadcast)
        };
        if self.sessions.values().any(hears_all) {
            self.tracking.changed.insert(key.clone());
        }
    }

    /// Notes that a whole database has been emptied.
    pub(crate) fn track_flush(&mut self) {
        self.tracking.flushed = true;
    }

    /// Forgets keys beyond `tracking-table-max-keys`, as if they had changed.
    fn limit_tracking(&mut self) {
        let most = usize::try_from(self.config.number("tracking-table-max-keys")).unwrap_or(0);
        let over = match most {
            0 => 0,
            most => self.tracking.readers.len().saturating_sub(most),
        };
        for _ in 0..over {
            let Some((key, ids)) = self.tracking.readers.pop_first() else { return };
            for id in ids {
                self.invalidate(id, Some(std::slice::from_ref(&key)));
            }
        }
    }

    /// Sends what has gathered; `author` is the connection whose command ran.
    pub(crate) fn send_invalidations(&mut self, author: SessionId) {
        if !self.tracking.readers.is_empty() {
            self.limit_tracking();
        }
        if std::mem::take(&mut self.tracking.flushed) {
            self.tracking.readers.clear();
            self.tracking.changed.clear();
            self.tracking.pending.clear();
            let ids: Vec<SessionId> = self
                .sessions
                .values()
                .filter(|session| session.tracking.is_some())
                .map(|session| session.id)
                .collect();
            for id in ids {
                self.invalidate(id, None);
            }
            return;
        }
        let pending = std::mem::take(&mut self.tracking.pending);
        // Broadcasts name the keys in alphabetical order.
        let changed = std::mem::take(&mut self.tracking.changed);
        let mut messages: Vec<(SessionId, Vec<Bytes>)> = Vec::new();
        for (id, key) in pending {
            // Who has turned tracking off meanwhile, or to broadcasting, is told no more.
            let own = self.sessions.get(&id).and_then(|session| session.tracking.as_ref());
            if own.is_some_and(|own| !own.broadcast) {
                messages.push((id, vec![key]));
            }
        }
        if changed.is_empty() && messages.is_empty() {
            return;
        }
        for session in self.sessions.values() {
            let Some(tracking) = session.tracking.as_ref().filter(|tracking| tracking.broadcast)
            else {
                continue;
            };
            // One message for each prefix, as Redis gathers them.
            let everything = [Bytes::new()];
            let prefixes =
                if tracking.prefixes.is_empty() { &everything[..] } else { &tracking.prefixes };
            for prefix in prefixes {
                let hits = changed.iter().filter(|key| key.starts_with(prefix));
                let hits: Vec<Bytes> = hits.cloned().collect();
                if !hits.is_empty() {
                    messages.push((session.id, hits));
                }
            }
        }
        for (id, keys) in messages {
            let skip = id == author
                && self
                    .sessions
                    .get(&id)
                    .and_then(|session| session.tracking.as_ref())
                    .is_some_and(|own| own.no_loop);
            if !skip {
                self.invalidate(id, Some(&keys));
            }
        }
    }

    fn invalidate(&mut self, id: SessionId, keys: Option<&[Bytes]>) {
        let Some(tracking) = self.sessions.get(&id).and_then(|session| session.tracking.as_ref())
        else {
            return;
        };
        let target = if tracking.redirect == 0 { id } else { tracking.redirect };
        let keys = keys.map_or(Reply::Null, |keys| {
            Reply::Array(keys.iter().cloned().map(Reply::Bulk).collect())
        });
        match self.sessions.get_mut(&target) {
            Some(session) => send(session, keys),
            None => {
                if let Some(own) = self.sessions.get_mut(&id).filter(|own| own.resp3) {
                    let gone = Reply::Integer(i64::try_from(target).unwrap_or(0));
                    own.send(&Reply::Push(vec![Reply::bulk("tracking-redir-broken"), gone]));
                }
            }
        }
    }
}

/// A push in RESP3; in RESP2 a message on a channel, if the connection listens to it.
fn send(session: &mut Session, keys: Reply) {
    if session.resp3 {
        session.send(&Reply::Push(vec![Reply::bulk("invalidate"), keys]));
    } else if session.is_subscriber() {
        let keys = if keys == Reply::Null { Reply::NullArray } else { keys };
        session.send(&Reply::Push(vec![
            Reply::bulk("message"),
            Reply::bulk("__redis__:invalidate"),
            keys,
        ]));
    }
}
