//! Commands that wait for a key.

use std::collections::{HashMap, HashSet, VecDeque};

use bytes::Bytes;

use super::dispatch;
use super::reply::Reply;
use super::session::{Blocked, SessionId};
use super::state::State;

/// Who waits for what, first come first served.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    queues: HashMap<(usize, Bytes), VecDeque<SessionId>>,
    ready: VecDeque<(usize, Bytes)>,
    is_ready: HashSet<(usize, Bytes)>,
    /// The key whose waiting clients are being served.
    serving: Option<Bytes>,
}

impl Waiting {
    /// Notes that a key has changed, if anyone waits for it.
    pub(crate) fn signal(&mut self, db: usize, key: &Bytes) {
        let at = (db, key.clone());
        if self.queues.contains_key(&at) && self.is_ready.insert(at.clone()) {
            self.ready.push_back(at);
        }
    }

    /// The key whose waiting clients are being served.
    pub(crate) fn serving(&self) -> Option<&Bytes> {
        self.serving.as_ref()
    }

    /// Sessions that wait.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &(usize, Bytes)> {
        self.queues.keys()
    }
}

impl State {
    /// Makes a session wait.
    pub(crate) fn block(&mut self, id: SessionId, blocked: Blocked) {
        for key in &blocked.keys {
            let queue = self.waiting.queues.entry((blocked.db, key.clone())).or_default();
            if !queue.contains(&id) {
                queue.push_back(id);
            }
        }
        if let Some(session) = self.sessions.get_mut(&id) {
            session.blocked = Some(blocked);
        }
    }

    /// Ends the wait of a session without an answer; returns what it waited for.
    pub(crate) fn unblock(&mut self, id: SessionId) -> Option<Blocked> {
        let blocked = self.sessions.get_mut(&id)?.blocked.take()?;
        for key in &blocked.keys {
            let at = (blocked.db, key.clone());
            if let Some(queue) = self.waiting.queues.get_mut(&at) {
                queue.retain(|other| *other != id);
                if queue.is_empty() {
                    self.waiting.queues.remove(&at);
                }
            }
        }
        Some(blocked)
    }

    /// Ends the wait of a session with an answer; false if it did not wait.
    pub(crate) fn unblock_with(&mut self, id: SessionId, reply: Option<Reply>) -> bool {
        let Some(blocked) = self.unblock(id) else {
            return false;
        };
        let reply = reply.unwrap_or(blocked.on_timeout);
        if let Some(session) = self.sessions.get_mut(&id) {
            session.send(&reply);
        }
        true
    }

    /// Runs the waiting commands again whose keys have changed, until nothing changes any more.
    pub(crate) fn serve_waiting(&mut self) {
        while let Some(at) = self.waiting.ready.pop_front() {
            self.waiting.is_ready.remove(&at);
            self.waiting.serving = Some(at.1.clone());
            let Some(queue) = self.waiting.queues.get(&at) else {
                continue;
            };
            let ids: Vec<SessionId> = queue.iter().copied().collect();
            for id in ids {
                let Some(blocked) =
                    self.sessions.get(&id).and_then(|session| session.blocked.clone())
                else {
                    continue;
                };
                if let Some(reply) = dispatch::run_again(self, id, &blocked) {
                    self.unblock_with(id, Some(reply));
                }
            }
        }
    }

    /// Answers the sessions whose time is up.
    pub(crate) fn serve_timeouts(&mut self) {
        let now = self.now_us;
        let late: Vec<SessionId> = self
            .sessions
            .values()
            .filter(|session| {
                session
                    .blocked
                    .as_ref()
                    .and_then(|blocked| blocked.deadline_us)
                    .is_some_and(|at| at <= now)
            })
            .map(|session| session.id)
            .collect();
        for id in late {
            self.unblock_with(id, None);
        }
    }
}
