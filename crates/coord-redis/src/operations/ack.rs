//! Settling a message for good.

use coord_core::{AgentId, ReservationToken, SettleError};

use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::reply;
use crate::script::{Call, ScriptPair, lua};

static ACK: ScriptPair = ScriptPair {
    compact: lua!("compact/ack": "lib/compact_ack_plain.lua", "lib/time.lua", "lib/compact_settle.lua", "compact/ack.lua"),
    tta: lua!("tta/ack": "lib/tta.lua", "tta/ack.lua"),
};

/// Settles each of `tokens`: whether it held something, in order.
pub(crate) async fn ack(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    tokens: &[ReservationToken],
) -> Result<Vec<bool>, SettleError> {
    agent.check()?;
    if tokens.is_empty() {
        return Ok(Vec::new());
    }
    let keys: &[&str] = match mailboxes.layout {
        KeyLayout::Compact => &["reserved", "timers", "messages", "receipts", "notes"],
        KeyLayout::Tta => &["queue", "reserved", "reserved_deadlines"],
    };
    let script = ACK.of(mailboxes.layout);
    let call = Call::new(script, mailboxes.keys(agent).parts(keys))
        .args(tokens.iter().map(ReservationToken::as_str));
    let settled = reply::numbers(script.name(), mailboxes.lane.call(&call).await?)?;
    Ok(settled.into_iter().map(|one| one == 1).collect())
}

/// The refusal of every settle whose token holds nothing.
pub(crate) fn lost(agent: &AgentId, token: &ReservationToken) -> SettleError {
    SettleError::ReservationLost { agent: agent.to_string(), token: token.to_string() }
}
