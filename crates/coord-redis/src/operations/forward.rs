//! Handing work on: settle here, send there, in one script.

use std::slice;

use coord_core::{AgentId, MessageResult, ReservationToken, SettleError, Unsupported};

use super::ack::{ack, lost};
use super::send::{
    Prepared, RECIPIENT_COMPACT, RECIPIENT_TTA, check_durability, decode, index, limits,
    message_args, note_answer, quota_key, run, send,
};
use crate::config::ForwardAcross;
use crate::error::unexpected;
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::reply;
use crate::script::{Call, ScriptPair, lua};

static FORWARD: ScriptPair = ScriptPair {
    compact: lua!("compact/forward": "lib/time.lua", "lib/compact.lua", "lib/compact_settle.lua",
        "lib/serve_begin.lua", "lib/waiters.lua", "lib/compact_take.lua", "lib/gate.lua",
        "lib/compact_serve.lua", "lib/serve_end.lua", "lib/compact_send.lua",
        "compact/forward.lua"),
    tta: lua!("tta/forward": "lib/time.lua", "lib/tta.lua", "lib/serve_begin.lua",
        "lib/waiters.lua", "lib/tta_take.lua", "lib/gate.lua", "lib/tta_serve.lua",
        "lib/serve_end.lua", "lib/tta_send.lua", "tta/forward.lua"),
};

pub(crate) async fn forward(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    token: &ReservationToken,
    recipient: &AgentId,
    prepared: &Prepared,
) -> Result<MessageResult, SettleError> {
    agent.check()?;
    recipient.check()?;
    let reserved = mailboxes.keys(agent).part("reserved");
    if mailboxes.lane.are_apart(&reserved, &mailboxes.keys(recipient).part("ready")) {
        return across(mailboxes, agent, token, recipient, prepared).await;
    }
    let durability = prepared.durability();
    check_durability(mailboxes, durability).await?;
    index(mailboxes, recipient).await?;
    let (from, to): (&[&str], &[&str]) = match mailboxes.layout {
        KeyLayout::Compact => (&["reserved", "timers", "messages"], RECIPIENT_COMPACT),
        KeyLayout::Tta => (&["queue", "reserved", "reserved_deadlines"], RECIPIENT_TTA),
    };
    let mut keys = mailboxes.keys(agent).parts(from);
    keys.extend(mailboxes.keys(recipient).parts(to));
    if mailboxes.layout == KeyLayout::Compact {
        keys.extend(mailboxes.keys(agent).parts(&["receipts", "notes"]));
    }
    keys.extend(quota_key(mailboxes, recipient, prepared));
    let script = FORWARD.of(mailboxes.layout);
    let call = limits(mailboxes, Call::new(script, keys).arg(token.as_str()));
    let call = message_args(mailboxes, prepared, call);
    let (sent, copies) = run(mailboxes, recipient, &call, durability).await?;
    let numbers = reply::numbers(script.name(), sent)?;
    if numbers.is_empty() {
        return Err(lost(agent, token));
    }
    let mut answer = decode(script.name(), &numbers)?;
    answer.confirm(durability, copies);
    note_answer(mailboxes, recipient, &answer).await;
    Ok(answer.result(mailboxes, recipient, prepared, 0))
}

/// Between two hash slots, which no script reaches both.
async fn across(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    token: &ReservationToken,
    recipient: &AgentId,
    prepared: &Prepared,
) -> Result<MessageResult, SettleError> {
    if mailboxes.forward_across == ForwardAcross::Refuse {
        let feature = "forward to a mailbox in another hash slot";
        return Err(Unsupported { feature, place: "on a cluster, unless allowed" }.into());
    }
    let reserved = mailboxes.keys(agent).part("reserved");
    let held = redis::cmd("HEXISTS").arg(reserved).arg(token.as_str()).take();
    if reply::number("HEXISTS", &mailboxes.lane.command("HEXISTS", &held).await?)? == 0 {
        return Err(lost(agent, token));
    }
    let batch = [prepared.deduplicated(ForwardAcross::DEDUP_WINDOW)];
    let mut sent = send(mailboxes, recipient, &batch).await?;
    let result = sent.pop().ok_or_else(|| unexpected("send", "no result"))?;
    if result.delivered() {
        // Lost meanwhile: it was handed on all the same, and comes back to somebody else.
        ack(mailboxes, agent, slice::from_ref(token)).await?;
    }
    Ok(result)
}
