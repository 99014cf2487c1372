//! Taking a message back before it is done, or telling its holder something.

use coord_core::{AdminError, AgentId, CancelOutcome, MessageId, NoteOutcome, check_note};

use super::find::find_live;
use crate::error::unexpected;
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::reply;
use crate::script::{Call, ScriptPair, lua};

static CANCEL: ScriptPair = ScriptPair {
    compact: lua!("compact/cancel": "compact/cancel.lua"),
    tta: lua!("tta/cancel": "lib/tta.lua", "tta/cancel.lua"),
};

/// How many notes one holder may have.
const MAX_NOTES: u64 = coord_core::mailbox::MAX_NOTES as u64;
/// On the original's layout: how many holders may have some.
const MAX_HOLDERS: u64 = 1_000;
/// How often a message is looked for that moves from place to place meanwhile.
const TRIES: usize = 3;

pub(crate) async fn cancel(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    id: &MessageId,
) -> Result<CancelOutcome, AdminError> {
    match run(mailboxes, agent, id, None).await? {
        0 => Ok(CancelOutcome::NotFound),
        1 => Ok(CancelOutcome::Cancelled),
        2 => Ok(CancelOutcome::HolderIsTold),
        other => Err(unexpected(CANCEL.of(mailboxes.layout).name(), other).into()),
    }
}

pub(crate) async fn note(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    id: &MessageId,
    note: &str,
) -> Result<NoteOutcome, AdminError> {
    check_note(note)?;
    match run(mailboxes, agent, id, Some(note)).await? {
        0 => Ok(NoteOutcome::NotFound),
        2 => Ok(NoteOutcome::HolderIsTold),
        3 => Ok(NoteOutcome::TooMany),
        4 => Ok(NoteOutcome::NotReserved),
        other => Err(unexpected(CANCEL.of(mailboxes.layout).name(), other).into()),
    }
}

async fn run(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    id: &MessageId,
    note: Option<&str>,
) -> Result<u64, AdminError> {
    agent.check()?;
    let script = CANCEL.of(mailboxes.layout);
    let keys: &[&str] = match mailboxes.layout {
        KeyLayout::Compact => &["ready", "timers", "messages", "reserved", "notes"],
        KeyLayout::Tta => &["queue", "sched", "reserved", "notes"],
    };
    for _ in 0..TRIES {
        let Some(found) = find_live(mailboxes, agent, id).await? else { return Ok(0) };
        let call = Call::new(script, mailboxes.keys(agent).parts(keys)).arg(found.name);
        let call = match mailboxes.layout {
            KeyLayout::Compact => call,
            KeyLayout::Tta => call.arg(found.token),
        };
        let verb = if note.is_some() { "note" } else { "cancel" };
        let call = call.arg(verb).arg(note.unwrap_or_default()).number(MAX_NOTES);
        let call = match mailboxes.layout {
            KeyLayout::Compact => call,
            KeyLayout::Tta => call.number(MAX_HOLDERS),
        };
        match reply::number(script.name(), &mailboxes.lane.call(&call).await?)? {
            // It was there a moment ago: it moved on, or was settled.
            0 => {}
            answer => return Ok(answer),
        }
    }
    Ok(0)
}
