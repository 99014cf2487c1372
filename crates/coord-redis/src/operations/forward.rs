//! Handing work on: settle here, send there, in one script.

use coord_core::{AgentId, MessageResult, ReservationToken, SettleError};

use super::ack::lost;
use super::send::{
    Prepared, RECIPIENT_COMPACT, RECIPIENT_TTA, decode, index, message_args, note_answer,
};
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::reply;
use crate::script::{Call, ScriptPair, lua};

static FORWARD: ScriptPair = ScriptPair {
    compact: lua!("compact/forward": "lib/time.lua", "lib/waiters.lua", "lib/compact.lua",
        "lib/compact_settle.lua", "lib/compact_take.lua", "lib/compact_serve.lua",
        "lib/compact_send.lua", "compact/forward.lua"),
    tta: lua!("tta/forward": "lib/time.lua", "lib/waiters.lua", "lib/tta.lua",
        "lib/tta_take.lua", "lib/tta_serve.lua", "lib/tta_send.lua", "tta/forward.lua"),
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
    index(mailboxes, recipient).await?;
    let (from, to): (&[&str], &[&str]) = match mailboxes.layout {
        KeyLayout::Compact => (&["reserved", "timers", "messages"], RECIPIENT_COMPACT),
        KeyLayout::Tta => (&["queue", "reserved", "reserved_deadlines"], RECIPIENT_TTA),
    };
    let mut keys = mailboxes.keys(agent).parts(from);
    keys.extend(mailboxes.keys(recipient).parts(to));
    let script = FORWARD.of(mailboxes.layout);
    let call = Call::new(script, keys).arg(token.as_str()).number(mailboxes.policy().queue_size());
    let call = message_args(mailboxes, prepared, call);
    let numbers = reply::numbers(script.name(), mailboxes.lane.call(&call).await?)?;
    if numbers.is_empty() {
        return Err(lost(agent, token));
    }
    let answer = decode(mailboxes, script.name(), &numbers)?;
    note_answer(mailboxes, recipient, &answer).await;
    Ok(answer.result(prepared, 0))
}
