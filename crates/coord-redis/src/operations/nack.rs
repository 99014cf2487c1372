//! Giving a message back.

use std::time::Duration;

use coord_core::{
    AgentId, BackendError, FailureType, NackOutcome, ReservationToken, SettleError, Timestamp,
    micros, trim_error,
};
use redis::Value;

use super::ack::lost;
use super::bury::{dead_limit, note_dropped};
use super::verdict::Verdict;
use crate::codec::encode_failure;
use crate::error::unexpected;
use crate::keys::TTA_PARTS;
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::reply;
use crate::script::{Call, ScriptPair, lua};

pub(super) static NACK: ScriptPair = ScriptPair {
    compact: lua!("compact/nack": "lib/time.lua", "lib/compact.lua", "lib/compact_settle.lua",
        "lib/serve_begin.lua", "lib/waiters.lua", "lib/compact_take.lua", "lib/gate.lua",
        "lib/compact_serve.lua", "lib/serve_end.lua", "compact/nack.lua"),
    tta: lua!("tta/nack": "lib/time.lua", "lib/tta.lua", "lib/tta_back.lua",
        "lib/serve_begin.lua", "lib/waiters.lua", "lib/tta_take.lua", "lib/gate.lua",
        "lib/tta_serve.lua", "lib/serve_end.lua", "tta/nack.lua"),
};

pub(crate) async fn nack(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    token: &ReservationToken,
    failure: FailureType,
    error: Option<&str>,
) -> Result<NackOutcome, SettleError> {
    agent.check()?;
    let outcome = match mailboxes.layout {
        KeyLayout::Compact => compact(mailboxes, agent, token, failure, error).await?,
        KeyLayout::Tta => tta(mailboxes, agent, token, failure, error).await?,
    };
    let outcome = outcome.ok_or_else(|| lost(agent, token))?;
    mailboxes.metrics.nacked();
    match outcome {
        NackOutcome::Retry { delay, .. } => mailboxes.metrics.retry_scheduled(delay),
        NackOutcome::DeadLettered { .. } => mailboxes.metrics.permanent_failure(),
        _ => {}
    }
    Ok(outcome)
}

async fn compact(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    token: &ReservationToken,
    failure: FailureType,
    error: Option<&str>,
) -> Result<Option<NackOutcome>, BackendError> {
    let policy = mailboxes.policy();
    let parts =
        ["ready", "timers", "messages", "reserved", "dead", "graves", "meta", "waiters", "notes"];
    let script = &NACK.compact;
    let call = Call::new(script, mailboxes.keys(agent).parts(&parts))
        .arg(token.as_str())
        .flag(failure == FailureType::Permanent)
        .arg(encode_failure(error.map(trim_error).as_deref()))
        .number(u64::from(policy.retry_attempts()))
        .number(micros(policy.backoff_base()))
        .arg(policy.backoff_factor().to_string())
        .number(micros(policy.backoff_max()))
        .number(dead_limit(&policy));
    let numbers = reply::numbers(script.name(), mailboxes.lane.call(&call).await?)?;
    let count = |attempts: u64| u32::try_from(attempts).unwrap_or(u32::MAX);
    match numbers[..] {
        [0] => Ok(None),
        [1, attempts, delay, due] => Ok(Some(NackOutcome::Retry {
            attempts: count(attempts),
            delay: Duration::from_micros(delay),
            due: Timestamp::from_micros(due),
        })),
        [2, attempts, dropped] => {
            note_dropped(mailboxes, dropped);
            Ok(Some(NackOutcome::DeadLettered { attempts: count(attempts) }))
        }
        [3] => Ok(Some(NackOutcome::Expired)),
        [4] => Ok(Some(NackOutcome::Cancelled)),
        _ => Err(unexpected(script.name(), numbers)),
    }
}

async fn tta(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    token: &ReservationToken,
    failure: FailureType,
    error: Option<&str>,
) -> Result<Option<NackOutcome>, BackendError> {
    let Some(stored) = envelope(mailboxes, agent, token).await? else { return Ok(None) };
    let verdict = Verdict::of_nack(&mailboxes.policy(), &stored, failure, error);
    let script = &NACK.tta;
    let call = Call::new(script, mailboxes.keys(agent).parts(TTA_PARTS))
        .arg(token.as_str())
        .number(u64::from(verdict.level))
        .number(micros(verdict.delay))
        .arg(verdict.json)
        .number(dead_limit(&mailboxes.policy()));
    let numbers = reply::numbers(script.name(), mailboxes.lane.call(&call).await?)?;
    let [due, dropped] = numbers[..] else { return Err(unexpected(script.name(), numbers)) };
    note_dropped(mailboxes, dropped);
    let attempts = verdict.attempts;
    Ok(match (due, verdict.level) {
        (0, _) => None,
        (1, _) => Some(NackOutcome::Cancelled),
        (_, 0) => Some(NackOutcome::DeadLettered { attempts }),
        (due, _) => Some(NackOutcome::Retry {
            attempts,
            delay: verdict.delay,
            due: Timestamp::from_micros(due),
        }),
    })
}

/// The stored envelope: from the token if it came out of a receive, otherwise from the server.
pub(super) async fn envelope(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    token: &ReservationToken,
) -> Result<Option<Vec<u8>>, BackendError> {
    if let Some(envelope) = token.envelope() {
        return Ok(Some(envelope.as_bytes().to_vec()));
    }
    let key = mailboxes.keys(agent).part("reserved");
    let get = redis::cmd("HGET").arg(key).arg(token.as_str()).take();
    match mailboxes.lane.command("HGET", &get).await? {
        Value::Nil => Ok(None),
        stored => reply::bytes("HGET", stored).map(Some),
    }
}
