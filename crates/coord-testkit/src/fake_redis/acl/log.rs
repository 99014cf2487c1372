//! ACL LOG: what users were refused.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Refusal;
use crate::fake_redis::session::SessionId;
use crate::fake_redis::state::State;

/// Refusals of one kind within this time are one entry, in microseconds.
const SAME_US: u64 = 60_000_000;

/// A refusal, with how often it has happened.
#[derive(Debug, Clone)]
pub(crate) struct Logged {
    pub(crate) count: i64,
    /// `command`, `key`, `channel` or `auth`.
    pub(crate) reason: &'static str,
    /// `toplevel`, `multi` or `lua`.
    pub(crate) context: &'static str,
    pub(crate) object: Bytes,
    pub(crate) user: Bytes,
    /// When it happened last, in microseconds since 1970.
    pub(crate) at_us: u64,
    /// The connection as CLIENT LIST shows it.
    pub(crate) client: String,
}

/// The latest refusals first.
pub(crate) type AclLog = VecDeque<Logged>;

impl State {
    /// Notes what a connection was refused.
    pub(crate) fn log_refusal(&mut self, id: SessionId, context: &'static str, refusal: &Refusal) {
        let (reason, object) = match refusal {
            Refusal::Command(name) => ("command", Bytes::from(name.clone())),
            Refusal::Key(key) => ("key", key.clone()),
            Refusal::Channel(channel) => ("channel", channel.clone()),
        };
        let user = self.sessions.get(&id).and_then(|session| session.user.clone());
        self.log_denied(id, context, reason, object, user.unwrap_or_default());
    }

    /// Notes a refusal; one that is known gets counted.
    pub(crate) fn log_denied(
        &mut self,
        id: SessionId,
        context: &'static str,
        reason: &'static str,
        object: Bytes,
        user: Bytes,
    ) {
        let now = self.now_us;
        let client = self.sessions.get(&id).map_or_else(String::new, |session| {
            crate::fake_redis::commands::client_line(now, session)
        });
        let same = self.acl_log.iter().position(|entry| {
            entry.reason == reason
                && entry.context == context
                && entry.object == object
                && entry.user == user
                && now.saturating_sub(entry.at_us) <= SAME_US
        });
        let count = same.and_then(|at| self.acl_log.remove(at)).map_or(1, |entry| entry.count + 1);
        let entry = Logged { count, reason, context, object, user, at_us: now, client };
        self.acl_log.push_front(entry);
        let most = usize::try_from(self.config.number("acllog-max-len")).unwrap_or(0);
        self.acl_log.truncate(most);
    }
}
