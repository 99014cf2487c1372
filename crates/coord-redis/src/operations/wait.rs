//! One step of waiting: reserve the next message, or register for it.

use std::time::Duration;

use coord_core::mailbox::SWEEP_LIMIT;
use coord_core::{
    AgentId, BackendError, ExpiryPolicy, ReservationToken, SettleError, Timestamp, micros,
};
use redis::Value;

use super::bury::{dead_limit, note_dropped};
use super::release::release;
use super::verdict::Verdict;
use crate::error::unexpected;
use crate::keys::TTA_PARTS;
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::reply;
use crate::script::{Call, Script, ScriptPair, lua};

static WAIT: ScriptPair = ScriptPair {
    compact: lua!("compact/wait": "lib/time.lua", "lib/waiters.lua", "lib/compact.lua",
        "lib/compact_settle.lua", "lib/compact_due.lua", "lib/compact_take.lua",
        "lib/gate.lua", "lib/compact_serve.lua", "compact/wait.lua"),
    tta: lua!("tta/wait": "lib/time.lua", "lib/waiters.lua", "lib/tta.lua", "lib/tta_back.lua",
        "lib/tta_take.lua", "lib/gate.lua", "lib/tta_serve.lua", "tta/wait.lua"),
};

static UNWAIT: Script = lua!("compact/unwait": "compact/unwait.lua");

/// Who waits for one message of a mailbox: always the same, so that asking again is harmless.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) agent: AgentId,
    pub(crate) token: ReservationToken,
    pub(crate) visibility: Duration,
    pub(crate) low_every: u64,
    /// Where it hears of what was reserved for it.
    pub(crate) channel: String,
}

/// A message that was reserved for an [`Ask`], as it lies in Redis.
#[derive(Debug)]
pub(crate) struct Handed {
    pub(crate) fence: u64,
    pub(crate) deadline: Timestamp,
    pub(crate) bytes: Vec<u8>,
}

/// What one step gave.
#[derive(Debug)]
pub(crate) enum Step {
    /// Reserved in this step.
    Reserved(Handed),
    /// Reserved before, by whoever made it ready.
    Found(Handed),
    /// Nothing yet.
    Waiting {
        /// When something falls due in the mailbox, if anything does.
        due: Option<Duration>,
    },
    /// It is not registered, and nothing was done.
    Unknown,
}

/// What a step is to do if there is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Nothing.
    Try,
    /// Register.
    Join,
    /// Stay registered; whoever is not takes no message either.
    Look,
    /// The same, but end the registration.
    Leave,
}

impl Mode {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Try => "try",
            Self::Join => "join",
            Self::Look => "look",
            Self::Leave => "leave",
        }
    }
}

/// Reserves the next message, or what was reserved for this ask before.
pub(crate) async fn wait(
    mailboxes: &Mailboxes,
    ask: &Ask,
    mode: Mode,
) -> Result<Step, BackendError> {
    let mut decided = Vec::new();
    loop {
        let call = call(mailboxes, ask, mode, &decided);
        let what = call.script.name();
        let mut items = reply::list(what, mailboxes.lane.call(&call).await?)?.into_iter();
        let kind = items.next().ok_or_else(|| unexpected(what, "an empty list"))?;
        match reply::number(what, &kind)? {
            0 => {
                let policy = mailboxes.policy();
                decided = reply::token_pairs(what, items)?
                    .into_iter()
                    .map(|(token, stored)| (token, Verdict::of_expiry(&policy, &stored)))
                    .collect();
            }
            1 => {
                let handed = handed(what, &mut items)?;
                note(mailboxes, what, items)?;
                return Ok(Step::Reserved(handed));
            }
            2 => {
                let step = waiting(what, &mut items)?;
                note(mailboxes, what, items)?;
                return Ok(step);
            }
            3 => return Ok(Step::Found(handed(what, &mut items)?)),
            4 => return Ok(Step::Unknown),
            other => return Err(unexpected(what, other)),
        }
    }
}

/// Ends the registration; what was reserved for it meanwhile goes back.
pub(crate) async fn unwait(mailboxes: &Mailboxes, ask: &Ask) -> Result<(), BackendError> {
    let call = Call::new(&UNWAIT, mailboxes.keys(&ask.agent).parts(&["waiters", "reserved"]));
    let call = entry(call, ask).arg(&ask.channel);
    if reply::number(UNWAIT.name(), &mailboxes.lane.call(&call).await?)? == 0 {
        return Ok(());
    }
    match release(mailboxes, &ask.agent, &ask.token).await {
        // Lost: it expired and was taken back already.
        Ok(()) | Err(SettleError::ReservationLost { .. }) => Ok(()),
        Err(SettleError::Backend(error)) => Err(error),
        // The agent was checked when the wait began.
        Err(other) => Err(unexpected("release", other)),
    }
}

fn entry<'a>(call: Call<'a>, ask: &Ask) -> Call<'a> {
    call.arg(ask.token.as_str()).number(micros(ask.visibility)).number(ask.low_every)
}

fn call<'a>(
    mailboxes: &Mailboxes,
    ask: &Ask,
    mode: Mode,
    decided: &[(String, Verdict)],
) -> Call<'a> {
    let policy = mailboxes.policy();
    let keys = |parts: &[&str]| mailboxes.keys(&ask.agent).parts(parts);
    match mailboxes.layout {
        KeyLayout::Compact => {
            let parts = [
                "ready", "timers", "messages", "meta", "reserved", "dead", "graves", "waiters",
                "notes",
            ];
            entry(Call::new(&WAIT.compact, keys(&parts)), ask)
                .number(u64::from(policy.retry_attempts()))
                .flag(policy.expiry() == ExpiryPolicy::CountAttempt)
                .number(SWEEP_LIMIT as u64)
                .arg(&ask.channel)
                .arg(mode.as_str())
                .number(dead_limit(&policy))
        }
        KeyLayout::Tta => {
            // Expired ones are asked for once: what expires meanwhile waits for the next step.
            let limit = if decided.is_empty() { SWEEP_LIMIT as u64 } else { 0 };
            let call = entry(Call::new(&WAIT.tta, keys(TTA_PARTS)), ask)
                .number(limit)
                .arg(&ask.channel)
                .arg(mode.as_str())
                .number(dead_limit(&policy));
            decided.iter().fold(call, |call, (token, verdict)| {
                call.arg(token.as_str()).number(u64::from(verdict.level)).arg(&verdict.json)
            })
        }
    }
}

fn handed(what: &str, items: &mut impl Iterator<Item = Value>) -> Result<Handed, BackendError> {
    let (Some(deadline), Some(fence), Some(bytes)) = (items.next(), items.next(), items.next())
    else {
        return Err(unexpected(what, "half a message"));
    };
    let deadline = Timestamp::from_micros(reply::number(what, &deadline)?);
    let (fence, bytes) = (reply::number(what, &fence)?, reply::bytes(what, bytes)?);
    Ok(Handed { fence, deadline, bytes })
}

fn waiting(what: &str, items: &mut impl Iterator<Item = Value>) -> Result<Step, BackendError> {
    let Some(Value::Int(due)) = items.next() else {
        return Err(unexpected(what, "half a reply"));
    };
    // Negative: nothing is going to fall due.
    let due = u64::try_from(due).ok().map(Duration::from_micros);
    Ok(Step::Waiting { due })
}

/// Reports the last number of a reply: dead messages that were dropped.
fn note(
    mailboxes: &Mailboxes,
    what: &str,
    mut items: impl Iterator<Item = Value>,
) -> Result<(), BackendError> {
    let dropped = items.next().ok_or_else(|| unexpected(what, "half a reply"))?;
    note_dropped(mailboxes, reply::number(what, &dropped)?);
    Ok(())
}
