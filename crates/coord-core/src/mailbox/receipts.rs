//! What became of messages that leave a receipt.

use std::collections::{BTreeMap, VecDeque};

use super::Mailbox;
use crate::receipt::Receipt;
use crate::time::Timestamp;

/// How many receipts a mailbox keeps: the newest.
const MAX_RECEIPTS: usize = 10_000;

/// When messages were settled, by number.
#[derive(Debug, Clone, Default)]
pub(super) struct Receipts {
    settled: BTreeMap<u64, Timestamp>,
    order: VecDeque<u64>,
}

impl Mailbox {
    /// The number of the message that arrived last, as a ticket has it.
    pub const fn last_arrival(&self) -> u64 {
        self.last_id
    }

    /// What became of the message of this number.
    pub fn receipt(&self, number: u64) -> Receipt {
        if let Some(&at) = self.receipts.settled.get(&number) {
            return Receipt::Settled { at };
        }
        let waiting = self.waiting().map(|(entry, ..)| entry);
        let mut held = waiting.chain(self.reserved.values().map(|reserved| &reserved.entry));
        if held.any(|entry| entry.id == number) {
            return Receipt::Pending;
        }
        let dead = self.dead.iter().find(|dead| dead.id == number);
        dead.map_or(Receipt::Gone, |dead| Receipt::Dead { at: dead.died_at })
    }

    /// Keeps the receipt of a message that was settled.
    pub(super) fn keep_receipt(&mut self, now: Timestamp, number: u64) {
        let Receipts { settled, order } = &mut self.receipts;
        settled.insert(number, now);
        order.push_back(number);
        if order.len() > MAX_RECEIPTS
            && let Some(oldest) = order.pop_front()
        {
            settled.remove(&oldest);
        }
    }
}
