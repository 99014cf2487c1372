//! Reserving the next messages.

use std::sync::Arc;
use std::time::Duration;

use coord_core::mailbox::SWEEP_LIMIT;
use coord_core::{
    AgentId, BackendError, ExpiryPolicy, InvalidInput, ReceiveError, ReceivedMessage,
    ReservationToken, Timestamp, check_visibility, micros,
};
use redis::Value;

use super::bury::{bury, dead_limit, note_dropped};
use super::verdict::Verdict;
use super::wait::Handed;
use crate::error::unexpected;
use crate::layout::KeyLayout;
use crate::mailbox::{Mailboxes, draw_token};
use crate::script::{Call, ScriptPair, lua};
use crate::{codec, reply};

static RECEIVE: ScriptPair = ScriptPair {
    compact: lua!("compact/receive": "lib/compact_receive_plain.lua", "lib/time.lua", "lib/compact.lua", "lib/compact_settle.lua",
        "lib/compact_due.lua", "lib/compact_take.lua", "lib/gate.lua", "compact/receive.lua"),
    tta: lua!("tta/receive": "lib/tta_receive_plain.lua", "lib/time.lua", "lib/tta.lua", "lib/tta_back.lua",
        "lib/tta_take.lua", "lib/gate.lua", "tta/receive.lua"),
};

/// The most messages of one receive.
pub(crate) const MAX_BATCH: usize = 1_000;

/// What is asked for.
pub(crate) struct Wanted {
    pub(crate) visibility: Duration,
    pub(crate) max: usize,
}

/// Settles `done`, then reserves the next messages that can be read; what cannot goes to the
/// dead-letter queue. Also tells whether `done` held something.
pub(crate) async fn receive(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    wanted: &Wanted,
    mut done: Option<&ReservationToken>,
) -> Result<(bool, Vec<ReceivedMessage>), ReceiveError> {
    agent.check()?;
    check_visibility(wanted.visibility)?;
    check_batch(wanted.max)?;
    if wanted.max == 0 {
        return Ok((false, Vec::new()));
    }
    let mut settled = false;
    let mut received = Vec::new();
    loop {
        let rest = Wanted { max: wanted.max - received.len(), ..*wanted };
        let (was_settled, reserved) = reserve(mailboxes, agent, &rest, done.take()).await?;
        settled |= was_settled;
        let asked_again = reserved.len() == rest.max;
        let before = received.len();
        let all = reserved.len();
        for stored in reserved {
            match codec::decode(mailboxes.layout, &stored.bytes) {
                Ok(queued) => received.push(stored.into_received(mailboxes.layout, queued)),
                Err(_) => bury(mailboxes, agent, &stored.token, &stored.bytes).await?,
            }
        }
        let buried = all - (received.len() - before);
        if buried == 0 || !asked_again {
            return Ok((settled, received));
        }
    }
}

/// A message that was handed over, or its bytes if they cannot be read.
pub(crate) fn read(
    layout: KeyLayout,
    token: ReservationToken,
    handed: Handed,
) -> Result<ReceivedMessage, Vec<u8>> {
    let Handed { fence, deadline, bytes } = handed;
    match codec::decode(layout, &bytes) {
        Ok(queued) => Ok(Stored { token, fence, deadline, bytes }.into_received(layout, queued)),
        Err(_) => Err(bytes),
    }
}

fn check_batch(max: usize) -> Result<(), InvalidInput> {
    if max <= MAX_BATCH {
        return Ok(());
    }
    Err(InvalidInput::new("max messages", format!("{max}, at most {MAX_BATCH} are allowed")))
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
    wanted: &Wanted,
    mut done: Option<&ReservationToken>,
) -> Result<(bool, Vec<Stored>), BackendError> {
    let tokens: Vec<_> = (0..wanted.max).map(|_| draw_token()).collect();
    let mut decided = Vec::new();
    let mut settled = false;
    loop {
        let call = call(mailboxes, agent, wanted.visibility, done.take(), &tokens, &decided);
        let what = call.script.name();
        let mut items = reply::list(what, mailboxes.lane.call(&call).await?)?.into_iter();
        let header = (items.next(), items.next(), items.next());
        let (Some(deadline), Some(was_settled), Some(dropped)) = header else {
            return Err(unexpected(what, "half a reply"));
        };
        note_dropped(mailboxes, reply::number(what, &dropped)?);
        let deadline = reply::number(what, &deadline)?;
        settled |= reply::number(what, &was_settled)? == 1;
        if deadline > 0 {
            let deadline = Timestamp::from_micros(deadline);
            return Ok((settled, stored(what, tokens, deadline, items)?));
        }
        let policy = mailboxes.policy();
        let expired = reply::token_pairs(what, items)?;
        decided = expired
            .into_iter()
            .map(|(token, stored)| (token, Verdict::of_expiry(&policy, &stored)))
            .collect();
    }
}

fn stored(
    what: &str,
    tokens: Vec<ReservationToken>,
    deadline: Timestamp,
    mut items: impl Iterator<Item = Value>,
) -> Result<Vec<Stored>, BackendError> {
    let mut all = Vec::new();
    for token in tokens {
        let Some(echo) = items.next() else { break };
        let (Some(fence), Some(bytes)) = (items.next(), items.next()) else {
            return Err(unexpected(what, "a token without a message"));
        };
        if reply::text(what, echo)? != token.as_str() {
            return Err(unexpected(what, "another token"));
        }
        let (fence, bytes) = (reply::number(what, &fence)?, reply::bytes(what, bytes)?);
        all.push(Stored { token, fence, deadline, bytes });
    }
    Ok(all)
}

fn call<'a>(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    visibility: Duration,
    done: Option<&ReservationToken>,
    tokens: &[ReservationToken],
    decided: &[(String, Verdict)],
) -> Call<'a> {
    let policy = mailboxes.policy();
    let low_every = policy.low_every().map_or(0, |n| u64::from(n.get()));
    let done = done.map(ReservationToken::as_str).unwrap_or_default();
    let keys = |parts: &[&str]| mailboxes.keys(agent).parts(parts);
    let wanted = tokens.iter().map(ReservationToken::as_str);
    match mailboxes.layout {
        KeyLayout::Compact => {
            let parts = [
                "ready", "timers", "messages", "meta", "reserved", "dead", "graves", "receipts",
                "notes",
            ];
            Call::new(&RECEIVE.compact, keys(&parts))
                .number(micros(visibility))
                .number(low_every)
                .number(u64::from(policy.retry_attempts()))
                .flag(policy.expiry() == ExpiryPolicy::CountAttempt)
                .number(SWEEP_LIMIT as u64)
                .arg(done)
                .number(dead_limit(&policy))
                .args(wanted)
        }
        KeyLayout::Tta => {
            let parts = [
                "queue",
                "sched",
                "reserved",
                "reserved_deadlines",
                "dlq",
                "fence",
                "gate",
                "notes",
            ];
            // Expired ones are asked for once: what expires meanwhile waits for the next receive.
            let limit = if decided.is_empty() { SWEEP_LIMIT as u64 } else { 0 };
            let call = Call::new(&RECEIVE.tta, keys(&parts))
                .number(micros(visibility))
                .number(low_every)
                .number(limit)
                .arg(done)
                .number(tokens.len() as u64)
                .number(dead_limit(&policy))
                .args(wanted);
            decided.iter().fold(call, |call, (token, verdict)| {
                call.arg(token.as_str()).number(u64::from(verdict.level)).arg(verdict.json.clone())
            })
        }
    }
}
