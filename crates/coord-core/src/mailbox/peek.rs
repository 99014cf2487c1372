//! Looking without touching.

use super::Mailbox;
use crate::inspect::{Page, PeekedMessage, Place};
use crate::message::MessagePriority;
use crate::time::Timestamp;

impl Mailbox {
    /// Waiting messages in the order in which they would be served; a delayed one that fell due
    /// is shown as ready.
    pub fn peek(&self, now: Timestamp, page: Page) -> Vec<PeekedMessage> {
        let mut waiting: Vec<_> = self.waiting().collect();
        let rank = |ready: bool, priority: MessagePriority| match priority {
            _ if !ready => 3,
            MessagePriority::High => 0,
            MessagePriority::Normal => 1,
            MessagePriority::Low => 2,
        };
        waiting.retain(|(entry, ..)| !entry.has_expired(now));
        waiting.sort_by_cached_key(|(entry, at, ready)| {
            (rank(*ready || *at <= now, entry.queued.priority), self.slot(entry, *at))
        });
        let page_of = waiting.into_iter().skip(usize::try_from(page.offset).unwrap_or(usize::MAX));
        page_of
            .take(page.bounded_limit() as usize)
            .map(|(entry, available_at, ready)| PeekedMessage {
                queue_message: entry.queued.clone(),
                place: if ready || available_at <= now { Place::Ready } else { Place::Delayed },
                available_at,
            })
            .collect()
    }
}
