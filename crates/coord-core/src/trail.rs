//! Where work has been handed on, so that it does not go round for ever.

use std::collections::VecDeque;

use crate::agent::AgentId;
use crate::headers::Headers;
use crate::message::AgentMessage;
use crate::policy::MailboxPolicy;
use crate::send::SendRefusal;

/// The way of a piece of work from agent to agent, kept in the headers of what is forwarded.
///
/// `hops` counts the hand-overs; `trail` names who handed it on, oldest first, as
/// `type:instance:type:instance`, the last [`Trail::MAX_NAMES`] of them. A forward goes on where
/// the received message left off, so that agents need not do anything for it.
///
/// ```
/// use coord_core::{AgentId, MailboxPolicy, SendRefusal, Trail};
///
/// let (planner, writer) = (AgentId::parse("planner")?, AgentId::parse("writer:w1")?);
/// let policy = MailboxPolicy::new().with_hop_limits(Some(2), None);
/// let once = Trail::default().handed_on(&planner, &writer, &policy).unwrap();
/// let twice = once.handed_on(&writer, &planner, &policy).unwrap();
/// assert_eq!(twice.hops(), 2);
/// let refused = twice.handed_on(&planner, &writer, &policy);
/// assert_eq!(refused, Err(SendRefusal::HopLimit { limit: 2 }));
/// # Ok::<(), coord_core::InvalidInput>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trail {
    hops: u32,
    names: VecDeque<String>,
}

const HOPS: &str = "hops";
const TRAIL: &str = "trail";

impl Trail {
    /// How many names are kept.
    pub const MAX_NAMES: usize = 64;
    /// How many bytes they may have together.
    const MAX_BYTES: usize = Headers::MAX_VALUE_BYTES / 2;

    /// The way a message came; empty if nobody handed it on. What cannot be read counts nothing.
    pub fn of(message: &AgentMessage) -> Self {
        let hops = message.headers.get(HOPS).and_then(|hops| hops.parse().ok()).unwrap_or(0);
        if hops == 0 {
            return Self::default();
        }
        let parts: Vec<&str> = message.headers.get(TRAIL).unwrap_or_default().split(':').collect();
        let names = parts.chunks_exact(2).map(|name| name.join(":")).collect();
        Self { hops, names }
    }

    /// How often it was handed on.
    pub const fn hops(&self) -> u32 {
        self.hops
    }

    /// Who handed it on, oldest first, as `type:instance`; the last [`Trail::MAX_NAMES`].
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The trail after `from` handed it to `to`.
    ///
    /// # Errors
    /// [`SendRefusal::HopLimit`] or [`SendRefusal::PingPong`] if the policy does not allow it.
    pub fn handed_on(
        mut self,
        from: &AgentId,
        to: &AgentId,
        policy: &MailboxPolicy,
    ) -> Result<Self, SendRefusal> {
        let (from, to) = (from.mailbox_key(), to.mailbox_key());
        if let Some(limit) = policy.hop_limit()
            && self.hops >= limit
        {
            return Err(SendRefusal::HopLimit { limit });
        }
        if let Some(limit) = policy.ping_pong_limit() {
            let next = self.names.iter().skip(1);
            let same = self.names.iter().zip(next).filter(|(a, b)| **a == from && **b == to);
            if same.count() >= limit as usize {
                return Err(SendRefusal::PingPong { limit });
            }
        }
        self.hops = self.hops.saturating_add(1);
        self.names.push_back(from);
        let bytes =
            |names: &VecDeque<String>| names.iter().map(|name| name.len() + 1).sum::<usize>();
        while self.names.len() > Self::MAX_NAMES || bytes(&self.names) > Self::MAX_BYTES {
            self.names.pop_front();
        }
        Ok(self)
    }

    /// Notes the trail in the headers of a message.
    pub fn mark(&self, message: &mut AgentMessage) {
        let names: Vec<&str> = self.names().collect();
        message.headers.set(HOPS, self.hops.to_string());
        message.headers.set(TRAIL, names.join(":"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{MessageId, MessageType};

    fn agent(name: &str) -> AgentId {
        AgentId::parse(name).unwrap()
    }

    fn message() -> AgentMessage {
        let id = MessageId::new("msg-000001").unwrap();
        AgentMessage::new(id, agent("planner"), agent("writer"), MessageType::Request)
    }

    #[test]
    fn survives_the_headers() {
        let policy = MailboxPolicy::new();
        let trail = Trail::default().handed_on(&agent("a b,c"), &agent("w"), &policy).unwrap();
        let trail = trail.handed_on(&agent("w:1"), &agent("x"), &policy).unwrap();
        let mut message = message();
        trail.mark(&mut message);
        assert_eq!(Trail::of(&message), trail);
        assert_eq!(trail.names().collect::<Vec<_>>(), ["a b,c:default", "w:1"]);
    }

    #[test]
    fn a_full_header_still_takes_it() {
        let mut message = message();
        for number in 0..Headers::MAX_COUNT {
            message.headers.insert(number.to_string(), "").unwrap();
        }
        let policy = MailboxPolicy::new();
        let trail = Trail::default().handed_on(&agent("a"), &agent("b"), &policy).unwrap();
        trail.mark(&mut message);
        assert_eq!(Trail::of(&message), trail);
    }

    #[test]
    fn ping_pong_is_noticed_and_a_chain_is_not() {
        let policy = MailboxPolicy::new().with_hop_limits(None, Some(2));
        let (a, b, c) = (agent("a"), agent("b"), agent("c"));
        let mut trail = Trail::default();
        for _ in 0..2 {
            trail = trail.handed_on(&a, &b, &policy).unwrap();
            trail = trail.handed_on(&b, &a, &policy).unwrap();
        }
        assert_eq!(
            trail.clone().handed_on(&a, &b, &policy),
            Err(SendRefusal::PingPong { limit: 2 })
        );
        assert!(trail.handed_on(&a, &c, &policy).is_ok());
    }

    #[test]
    fn long_ways_are_cut_at_their_beginning() {
        let policy = MailboxPolicy::new().with_hop_limits(None, None);
        let mut trail = Trail::default();
        for number in 0..200 {
            let from = agent(&format!("{}:{number}", "x".repeat(100)));
            trail = trail.handed_on(&from, &agent("y"), &policy).unwrap();
        }
        let mut message = message();
        trail.mark(&mut message);
        assert_eq!(trail.hops(), 200);
        assert_eq!(Trail::of(&message), trail);
        assert!(trail.names().last().unwrap().ends_with(":199"));
    }
}
