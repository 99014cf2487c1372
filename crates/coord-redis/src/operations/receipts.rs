//! What became of messages that leave a receipt.

use std::collections::BTreeMap;
use std::time::Duration;

use coord_core::{
    AdminError, AgentId, BackendError, Receipt, ReceiptCount, ReceiptTicket, Timestamp,
    Unsupported, check_wait,
};
use futures_util::future::try_join_all;
use tokio::time::{Instant, sleep};

use crate::error::unexpected;
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::reply;
use crate::script::{Call, Script, lua};

static RECEIPTS: Script = lua!("compact/receipts": "compact/receipts.lua");

/// How many one script looks for.
const SLICE: usize = 1_000;
/// The first and the longest pause between two looks.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(250));

/// One script for each mailbox, sent together.
pub(crate) async fn receipts(
    mailboxes: &Mailboxes,
    tickets: &[ReceiptTicket],
) -> Result<Vec<Receipt>, AdminError> {
    ReceiptTicket::check_all(tickets)?;
    if mailboxes.layout == KeyLayout::Tta {
        return Err(Unsupported { feature: "receipts", place: "by the tta layout" }.into());
    }
    let mut by_mailbox: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, ticket) in tickets.iter().enumerate() {
        by_mailbox.entry(ticket.agent().mailbox_key()).or_default().push(at);
    }
    let slices = by_mailbox.values().flat_map(|places| places.chunks(SLICE));
    let asked = slices.map(|places| async move {
        let agent = tickets[places[0]].agent();
        let numbers = places.iter().map(|&at| tickets[at].number());
        Ok::<_, BackendError>((places, ask(mailboxes, agent, numbers).await?))
    });
    let mut all = vec![Receipt::Gone; tickets.len()];
    for (places, found) in try_join_all(asked).await? {
        for (&at, receipt) in places.iter().zip(found) {
            all[at] = receipt;
        }
    }
    Ok(all)
}

async fn ask(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    numbers: impl Iterator<Item = u64>,
) -> Result<Vec<Receipt>, BackendError> {
    let call = Call::new(&RECEIPTS, mailboxes.keys(agent).parts(&["messages", "dead", "receipts"]));
    let call = numbers.fold(call, |call, number| call.arg(format!("{number:016}")));
    let what = RECEIPTS.name();
    let answer = reply::numbers(what, mailboxes.lane.call(&call).await?)?;
    let receipt = |pair: &[u64]| match *pair {
        [0, _] => Ok(Receipt::Pending),
        [1, at] => Ok(Receipt::Settled { at: Timestamp::from_micros(at) }),
        [2, at] => Ok(Receipt::Dead { at: Timestamp::from_micros(at) }),
        [3, _] => Ok(Receipt::Gone),
        _ => Err(unexpected(what, pair)),
    };
    answer.chunks(2).map(receipt).collect()
}

/// Looks again and again, at growing intervals.
pub(crate) async fn wait_for_receipts(
    mailboxes: &Mailboxes,
    tickets: &[ReceiptTicket],
    quorum: usize,
    timeout: Duration,
) -> Result<Vec<Receipt>, AdminError> {
    check_wait(timeout)?;
    let until = Instant::now() + timeout;
    let (mut pause, longest) = PAUSES;
    loop {
        let found = receipts(mailboxes, tickets).await?;
        let now = Instant::now();
        if ReceiptCount::of(&found).is_decided(quorum) || now >= until {
            return Ok(found);
        }
        sleep(pause.min(until - now)).await;
        pause = longest.min(pause * 2);
    }
}
