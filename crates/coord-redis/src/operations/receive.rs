//! Reserving the next messages.

use std::sync::Arc;
use std::time::Duration;

use coord_core::mailbox::SWEEP_LIMIT;
use coord_core::{
    AgentId, BackendError, ExpiryPolicy, ReceiveError, ReceivedMessage, ReservationToken,
    Timestamp, check_visibility, micros,
};
use redis::Value;

use super::bury::bury;
use super::verdict::Verdict;
use crate::error::unexpected;
use crate::layout::KeyLayout;
use crate::mailbox::{Mailboxes, draw_token};
use crate::script::{Call, ScriptPair, lua};
use crate::{codec, reply};

static RECEIVE: ScriptPair = ScriptPair {
    compact: lua!("compact/receive": "lib/time.lua", "lib/compact.lua", "lib/compact_settle.lua",
        "lib/compact_due.lua", "compact/receive.lua"),
    tta: lua!("tta/receive": "lib/time.lua", "lib/tta.lua", "lib/tta_back.lua", "tta/receive.lua"),
};

/// Reserves the next message that can be read; what cannot goes to the dead-letter queue.
pub(crate) async fn receive(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    visibility: Duration,
) -> Result<Option<ReceivedMessage>, ReceiveError> {
    agent.check()?;
    check_visibility(visibility)?;
    loop {
        let Some(stored) = reserve(mailboxes, agent, visibility).await? else { return Ok(None) };
        match codec::decode(mailboxes.layout, &stored.bytes) {
            Ok(queued) => return Ok(Some(stored.into_received(mailboxes.layout, queued))),
            Err(_) => bury(mailboxes, agent, &stored.token, &stored.bytes).await?,
        }
    }
}

/// A reserved message as it lies in Redis.
struct Stored {
    token: ReservationToken,
    fence: u64,
    deadline: Timestamp,
    bytes: Vec<u8>,
}

impl Stored {
    fn into_received(self, layout: KeyLayout, queued: coord_core::QueueMessage) -> ReceivedMessage {
        // Giving it back on this layout means rewriting the envelope: spare the reading then.
        let token = match (layout, String::from_utf8(self.bytes)) {
            (KeyLayout::Tta, Ok(envelope)) => self.token.with_envelope(Arc::from(envelope)),
            _ => self.token,
        };
        ReceivedMessage::new(token, queued, self.deadline, self.fence)
    }
}

/// Runs the script; on the original's layout again with what becomes of expired reservations.
async fn reserve(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    visibility: Duration,
) -> Result<Option<Stored>, BackendError> {
    let mut decided = Vec::new();
    loop {
        let token = draw_token();
        let call = call(mailboxes, agent, visibility, &token, &decided);
        let what = call.script.name();
        let mut items = reply::list(what, mailboxes.lane.call(&call).await?)?.into_iter();
        let head = items.next().ok_or_else(|| unexpected(what, "an empty list"))?;
        let deadline = reply::number(what, &head)?;
        if deadline > 0 {
            return one(what, token, Timestamp::from_micros(deadline), items);
        }
        let policy = mailboxes.policy();
        let expired = reply::token_pairs(what, items)?;
        decided = expired
            .into_iter()
            .map(|(token, stored)| (token, Verdict::of_expiry(&policy, &stored)))
            .collect();
    }
}

fn one(
    what: &str,
    token: ReservationToken,
    deadline: Timestamp,
    mut items: impl Iterator<Item = Value>,
) -> Result<Option<Stored>, BackendError> {
    let Some(echo) = items.next() else { return Ok(None) };
    let (Some(fence), Some(stored)) = (items.next(), items.next()) else {
        return Err(unexpected(what, "a token without a message"));
    };
    if reply::text(what, echo)? != token.as_str() {
        return Err(unexpected(what, "another token"));
    }
    let (fence, bytes) = (reply::number(what, &fence)?, reply::bytes(what, stored)?);
    Ok(Some(Stored { token, fence, deadline, bytes }))
}

fn call<'a>(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    visibility: Duration,
    token: &ReservationToken,
    decided: &[(String, Verdict)],
) -> Call<'a> {
    let policy = mailboxes.policy();
    let low_every = policy.low_every().map_or(0, |n| u64::from(n.get()));
    let keys = |parts: &[&str]| mailboxes.keys(agent).parts(parts);
    match mailboxes.layout {
        KeyLayout::Compact => {
            let parts = ["ready", "timers", "messages", "meta", "reserved", "dead", "graves"];
            Call::new(&RECEIVE.compact, keys(&parts))
                .number(micros(visibility))
                .number(low_every)
                .number(u64::from(policy.retry_attempts()))
                .flag(policy.expiry() == ExpiryPolicy::CountAttempt)
                .number(SWEEP_LIMIT as u64)
                .arg(token.as_str())
        }
        KeyLayout::Tta => {
            let parts = ["queue", "sched", "reserved", "reserved_deadlines", "dlq", "fence"];
            // Expired ones are asked for once: what expires meanwhile waits for the next receive.
            let limit = if decided.is_empty() { SWEEP_LIMIT as u64 } else { 0 };
            let call = Call::new(&RECEIVE.tta, keys(&parts))
                .number(micros(visibility))
                .number(low_every)
                .number(limit)
                .number(1)
                .arg(token.as_str());
            decided.iter().fold(call, |call, (token, verdict)| {
                call.arg(token.as_str()).number(u64::from(verdict.level)).arg(verdict.json.clone())
            })
        }
    }
}
