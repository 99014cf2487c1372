//! What every operation needs: the lane, the layout, the policy in force.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use coord_core::{AgentId, MailboxPolicy, MessageMetrics, ReservationToken, Timestamp, micros};

use crate::config::{DEFAULT_LEASE, ForwardAcross};
use crate::connection::CommandLane;
use crate::keys::MailboxKeys;
use crate::layout::KeyLayout;
use crate::operations::publish::Walk;
use crate::waiting::Hub;

/// The mailboxes of one prefix on one server.
pub(crate) struct Mailboxes {
    pub(crate) lane: Arc<CommandLane>,
    pub(crate) layout: KeyLayout,
    pub(crate) prefix: String,
    pub(crate) metrics: Arc<dyn MessageMetrics>,
    /// Those who wait, shared by all policies over one connection.
    pub(crate) hub: Arc<Hub>,
    pub(crate) forward_across: ForwardAcross,
    /// For how long a handle on a subscription holds without being renewed.
    pub(crate) subscription_lease: Duration,
    /// Who was found to have subscriptions on the original's layout.
    pub(crate) walk: Mutex<Walk>,
    policy: RwLock<MailboxPolicy>,
    /// Mailboxes this process has put into the index; forgotten when there are too many.
    indexed: Mutex<HashSet<String>>,
    last_micros: Mutex<u64>,
}

/// Where a page may start at most: behind the end of everything Redis can hold.
pub(crate) const MAX_OFFSET: u64 = 1 << 40;

/// How many commands of one operation are under way at once: more would only wait in line, and
/// time out there.
pub(crate) const PIPELINE: usize = 256;

/// How many mailboxes a process remembers to have indexed.
const MAX_INDEXED: usize = 100_000;

impl Mailboxes {
    pub(crate) fn new(
        lane: Arc<CommandLane>,
        layout: KeyLayout,
        prefix: String,
        policy: MailboxPolicy,
        metrics: Arc<dyn MessageMetrics>,
        hub: Arc<Hub>,
        forward_across: ForwardAcross,
    ) -> Self {
        Self {
            lane,
            layout,
            prefix,
            metrics,
            hub,
            forward_across,
            subscription_lease: DEFAULT_LEASE,
            walk: Mutex::default(),
            policy: RwLock::new(policy),
            indexed: Mutex::default(),
            last_micros: Mutex::default(),
        }
    }

    /// The same with another lease of subscriptions.
    pub(crate) const fn with_lease(mut self, lease: Duration) -> Self {
        self.subscription_lease = lease;
        self
    }

    pub(crate) const fn keys<'a>(&'a self, agent: &'a AgentId) -> MailboxKeys<'a> {
        MailboxKeys { layout: self.layout, prefix: self.prefix.as_str(), agent }
    }

    pub(crate) fn policy(&self) -> MailboxPolicy {
        *self.policy.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_policy(&self, policy: MailboxPolicy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = policy;
    }

    pub(crate) fn is_indexed(&self, mailbox: &str) -> bool {
        self.indexed.lock().unwrap_or_else(PoisonError::into_inner).contains(mailbox)
    }

    pub(crate) fn forget_indexed(&self, mailbox: &str) {
        self.indexed.lock().unwrap_or_else(PoisonError::into_inner).remove(mailbox);
    }

    pub(crate) fn note_indexed(&self, mailbox: String) {
        let mut indexed = self.indexed.lock().unwrap_or_else(PoisonError::into_inner);
        if indexed.len() >= MAX_INDEXED {
            indexed.clear();
        }
        indexed.insert(mailbox);
    }

    /// This machine's time, for the informational fields of a message only; it never stands
    /// still, so that no two envelopes of one process are the same bytes.
    pub(crate) fn wall_clock(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut last = self.last_micros.lock().unwrap_or_else(PoisonError::into_inner);
        *last = micros(since).max(*last + 1);
        Timestamp::from_micros(*last)
    }
}

/// A token nobody else draws.
pub(crate) fn draw_token() -> ReservationToken {
    ReservationToken::from_bits(random())
}

/// 64 random bits of the operating system.
pub(crate) fn random() -> u64 {
    // A machine without randomness cannot do TLS or hash maps either: this does not happen.
    getrandom::u64().expect("the operating system gives random numbers")
}
