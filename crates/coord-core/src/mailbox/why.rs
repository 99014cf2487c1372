//! Where a message is.

use super::Mailbox;
use super::state::Entry;
use crate::message::MessageId;
use crate::recall::{MessagePlace, MessageReport};
use crate::time::Timestamp;

impl Mailbox {
    /// Where the message of this id is; `None` if it is settled or never was here.
    pub fn why(&self, now: Timestamp, id: &MessageId) -> Option<MessageReport> {
        let is_it = |entry: &Entry| entry.queued.message.message_id == *id;
        let of = |entry: &Entry, place| MessageReport {
            queue_message: entry.queued.clone(),
            place,
            expires_at: entry.expires_at,
            now,
        };
        if let Some((entry, at, is_ready)) = self.waiting().find(|(entry, ..)| is_it(entry)) {
            let place = match is_ready {
                true => MessagePlace::Ready { since: at },
                false => MessagePlace::Delayed { due: at },
            };
            return Some(of(entry, place));
        }
        if let Some((token, held)) = self.reserved.iter().find(|(_, held)| is_it(&held.entry)) {
            let (deadline, is_cancelled) = (held.deadline, held.is_cancelled);
            let place = MessagePlace::Reserved { token: token.clone(), deadline, is_cancelled };
            return Some(of(&held.entry, place));
        }
        let dead = self.dead.iter().find(|dead| dead.queue_message.message.message_id == *id)?;
        Some(MessageReport {
            queue_message: dead.queue_message.clone(),
            place: MessagePlace::Dead { at: Some(dead.died_at) },
            expires_at: None,
            now,
        })
    }
}
