//! What became of messages whose sender wants to know.

use std::fmt;
use std::str::FromStr;

use crate::agent::AgentId;
use crate::error::InvalidInput;
use crate::time::Timestamp;

/// Names one message that leaves a receipt: who keeps it can ask what became of it.
///
/// As text `NUMBER@AGENT`, e.g. `5000000000000017@writer:w1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReceiptTicket {
    agent: AgentId,
    number: u64,
}

impl ReceiptTicket {
    /// The most tickets of one question.
    pub const MAX_COUNT: usize = 10_000;

    /// The message of a number in a mailbox; adapters know it.
    pub const fn new(agent: AgentId, number: u64) -> Self {
        Self { agent, number }
    }

    /// Whose mailbox holds, or held, the message.
    pub const fn agent(&self) -> &AgentId {
        &self.agent
    }

    /// What the adapter calls it there.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Checks how many are asked for at once.
    ///
    /// # Errors
    /// [`InvalidInput`] about `tickets` above [`ReceiptTicket::MAX_COUNT`], or about an agent
    /// that cannot name a mailbox.
    pub fn check_all(tickets: &[Self]) -> Result<(), InvalidInput> {
        if tickets.len() > Self::MAX_COUNT {
            let (count, most) = (tickets.len(), Self::MAX_COUNT);
            return Err(InvalidInput::new("tickets", format!("{count}, at most {most} at once")));
        }
        tickets.iter().try_for_each(|ticket| ticket.agent.check())
    }
}

impl fmt::Display for ReceiptTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.number, self.agent)
    }
}

impl FromStr for ReceiptTicket {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let ticket = text.split_once('@').and_then(|(number, agent)| {
            Some(Self { number: number.parse().ok()?, agent: AgentId::parse(agent).ok()? })
        });
        ticket.ok_or_else(|| {
            let problem = format!("{text:?} is not of the form `NUMBER@AGENT`");
            InvalidInput::new("ticket", problem)
        })
    }
}

/// What became of a message that leaves a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Receipt {
    /// Nobody has settled it yet: it waits, or somebody works on it.
    Pending,
    /// Somebody acked it, or forwarded it.
    Settled {
        /// When.
        at: Timestamp,
    },
    /// It rests in the dead-letter queue.
    Dead {
        /// When it died.
        at: Timestamp,
    },
    /// It is gone and nobody settled it: it expired, or was cancelled or purged. Also what was
    /// settled so long ago that its receipt made room for newer ones.
    Gone,
}

/// How many receipts say what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReceiptCount {
    /// Not settled yet.
    pub pending: usize,
    /// Settled.
    pub settled: usize,
    /// Dead.
    pub dead: usize,
    /// Gone.
    pub gone: usize,
}

impl ReceiptCount {
    /// Counts receipts.
    ///
    /// ```
    /// use coord_core::{Receipt, ReceiptCount};
    ///
    /// let count = ReceiptCount::of(&[Receipt::Pending, Receipt::Gone, Receipt::Gone]);
    /// assert_eq!((count.pending, count.gone), (1, 2));
    /// assert!(!count.is_decided(1), "the last one may still be settled");
    /// ```
    pub fn of(receipts: &[Receipt]) -> Self {
        let mut count = Self::default();
        for receipt in receipts {
            match receipt {
                Receipt::Pending => count.pending += 1,
                Receipt::Settled { .. } => count.settled += 1,
                Receipt::Dead { .. } => count.dead += 1,
                Receipt::Gone => count.gone += 1,
            }
        }
        count
    }

    /// Whether as many are settled as are wanted.
    pub const fn has_quorum(&self, wanted: usize) -> bool {
        self.settled >= wanted
    }

    /// Whether waiting longer changes nothing: the quorum is there, or nobody is pending.
    pub const fn is_decided(&self, wanted: usize) -> bool {
        self.has_quorum(wanted) || self.pending == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_survives_as_text() {
        let ticket = ReceiptTicket::new(AgentId::parse("writer:w 1").unwrap(), 5_000_000_017);
        assert_eq!(ticket.to_string().parse::<ReceiptTicket>().unwrap(), ticket);
        for bad in ["", "17", "x@writer", "17@", "17@a:b:c"] {
            assert_eq!(bad.parse::<ReceiptTicket>().unwrap_err().field(), "ticket");
        }
    }

    #[test]
    fn a_quorum_is_decided_when_nobody_is_pending() {
        let at = Timestamp::from_micros(1);
        let some = [Receipt::Settled { at }, Receipt::Dead { at }, Receipt::Pending];
        let count = ReceiptCount::of(&some);
        assert!(count.has_quorum(1) && !count.has_quorum(2) && !count.is_decided(2));
        assert!(ReceiptCount::of(&some[..2]).is_decided(2));
    }
}
