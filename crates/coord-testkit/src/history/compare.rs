//! What is compared, as text that shows every difference.

use coord_core::mailbox::{Outcome, Reserved};
use coord_core::{
    DeadBody, DeadLetter, MailboxStats, Page, PeekedMessage, Place, QueueMessage, ReceivedMessage,
};

use super::Mismatch;
use super::replay::Run;

const ALL: Page = Page::first(Page::MAX_LIMIT);

impl Run<'_> {
    /// Compares everything that can be seen without touching it.
    pub(super) async fn look(&self) -> Result<(), Mismatch> {
        let (mail, agent) = (&self.mail, &self.agent);
        let stats = mail.mailbox_stats(agent).await.map_err(|error| self.failed(&error))?;
        let peeked = mail.peek(agent, ALL).await.map_err(|error| self.failed(&error))?;
        let dead = mail.dead_letters(agent, ALL).await.map_err(|error| self.failed(&error))?;
        let now = stats.now;
        let wanted = self.model.stats(now, agent.clone());
        self.same("the counts", &self.counts(&stats), &self.counts(&wanted))?;
        let wanted = self.model.peek(now, ALL);
        self.same("what waits", &self.waiting(&peeked), &self.waiting(&wanted))?;
        let wanted = self.model.dead_page(ALL);
        let dated = dead.iter().all(|letter| letter.died_at.is_some());
        let (dead, wanted) = (self.letters(dead, dated), self.letters(wanted, dated));
        self.same("what is dead", &dead, &wanted)
    }

    fn counts(&self, stats: &MailboxStats) -> String {
        let MailboxStats { agent, ready, delayed, reserved, dead, depth, oldest_ready, .. } = stats;
        let oldest = match oldest_ready {
            Some(at) if self.exact => at.to_string(),
            Some(_) => "some time".into(),
            None => "never".into(),
        };
        format!(
            "{agent}: {ready:?}, delayed {delayed}, reserved {reserved}, dead {dead}, \
             depth {depth}, oldest {oldest}"
        )
    }

    fn waiting(&self, peeked: &[PeekedMessage]) -> String {
        // Between levels, the order of delayed messages that fall due together says nothing.
        let mut peeked: Vec<_> = peeked.iter().collect();
        peeked.sort_by_cached_key(|it| match it.place {
            Place::Ready => None,
            Place::Delayed => Some((it.available_at, message(&it.queue_message))),
        });
        let lines = peeked.into_iter().map(|it| {
            let at = if self.exact { it.available_at.to_string() } else { String::new() };
            format!("{} {:?} {at}", message(&it.queue_message), it.place)
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Dead letters, oldest first; the order of those that died together says nothing.
    fn letters(&self, letters: Vec<DeadLetter>, dated: bool) -> String {
        let lines = letters.into_iter().map(|letter| match letter.body {
            DeadBody::Message(queued) => (letter.died_at, message(&queued)),
            DeadBody::Unreadable { reason, .. } => {
                (letter.died_at, format!("unreadable: {reason}"))
            }
        });
        let mut lines: Vec<_> = lines.collect();
        if dated {
            lines.sort();
        }
        let lines = lines.into_iter().map(|(at, body)| match at {
            Some(at) if dated && self.exact => format!("{at} {body}"),
            _ => body,
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// An answer with everything that must be equal.
pub(super) fn shown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Received(Some(reserved)) => {
            let queued = message(&reserved.queue_message);
            format!("{queued}, fence {}, until {}", reserved.fence, reserved.deadline)
        }
        _ => format!("{outcome:?}"),
    }
}

/// A received message in the model's words.
pub(super) fn reserved(received: ReceivedMessage) -> Reserved {
    let ReceivedMessage { token, queue_message, visibility_deadline, fence, .. } = received;
    Reserved { token, queue_message, deadline: visibility_deadline, fence }
}

/// A message without the time at which it was put into the mailbox, which the coordinator sets.
fn message(queued: &QueueMessage) -> String {
    let mut queued = queued.clone();
    queued.enqueued_at = None;
    queued.to_wire()
}
