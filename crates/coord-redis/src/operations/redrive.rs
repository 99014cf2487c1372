//! Putting dead messages back.

use coord_core::{AdminError, AgentId, BackendError, DeadBody, DeadSelection, Page, QueueMessage};

use super::dead_letters::{Grave, graves};
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::reply;
use crate::script::{Call, ScriptPair, lua};

static REDRIVE: ScriptPair = ScriptPair {
    compact: lua!("compact/redrive": "lib/time.lua", "lib/waiters.lua", "lib/compact.lua",
        "lib/compact_take.lua", "lib/gate.lua", "lib/compact_serve.lua", "compact/redrive.lua"),
    tta: lua!("tta/redrive": "lib/time.lua", "lib/waiters.lua", "lib/tta_take.lua",
        "lib/gate.lua", "lib/tta_serve.lua", "tta/redrive.lua"),
};

/// How many dead messages one script moves at most.
const SLICE: u32 = 100;

/// Moves slice by slice: each message moves atomically, the whole does not.
pub(crate) async fn redrive(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    selection: &DeadSelection,
    limit: u64,
) -> Result<u64, AdminError> {
    agent.check()?;
    let mut moved = 0;
    let mut kept = 0;
    while moved < limit {
        let page = graves(mailboxes, agent, Page { offset: kept, limit: SLICE }).await?;
        if page.is_empty() {
            break;
        }
        let size = page.len() as u64;
        let mut chosen: Vec<_> =
            page.into_iter().filter(|grave| is_chosen(selection, grave)).collect();
        chosen.truncate(usize::try_from(limit - moved).unwrap_or(usize::MAX));
        let wanted = chosen.len() as u64;
        let done = if wanted == 0 { 0 } else { run(mailboxes, agent, chosen).await? };
        moved += done;
        kept += size - done;
        // The mailbox is full, or somebody else was faster.
        if done < wanted {
            break;
        }
    }
    Ok(moved)
}

/// Unreadable ones would only die again.
fn is_chosen(selection: &DeadSelection, grave: &Grave) -> bool {
    match &grave.letter.body {
        DeadBody::Message(queued) => selection.takes(&queued.message.message_id),
        DeadBody::Unreadable { .. } => false,
    }
}

async fn run(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    chosen: Vec<Grave>,
) -> Result<u64, BackendError> {
    let keys: &[&str] = match mailboxes.layout {
        KeyLayout::Compact => {
            &["dead", "graves", "ready", "messages", "timers", "meta", "reserved", "waiters"]
        }
        KeyLayout::Tta => {
            &["queue", "sched", "dlq", "fence", "reserved", "reserved_deadlines", "waiters", "gate"]
        }
    };
    let script = REDRIVE.of(mailboxes.layout);
    let mut call = Call::new(script, mailboxes.keys(agent).parts(keys))
        .number(mailboxes.policy().queue_size());
    for grave in chosen {
        call = match (mailboxes.layout, grave.letter.body) {
            (KeyLayout::Tta, DeadBody::Message(queued)) => {
                let renewed = renewed(&grave.key, &queued);
                let level = u64::from(queued.priority.number());
                call.arg(grave.key).number(level).arg(renewed)
            }
            _ => call.arg(grave.key),
        };
    }
    reply::number(script.name(), &mailboxes.lane.call(&call).await?)
}

/// The stored text with its attempts reset.
fn renewed(stored: &[u8], queued: &QueueMessage) -> Vec<u8> {
    let text = String::from_utf8_lossy(stored);
    match QueueMessage::rewrite(&text, 0, queued.last_error.as_deref()) {
        Ok(json) => json.into_bytes(),
        // It was decoded a moment ago, so it is an object; as it is it is no worse.
        Err(_) => stored.to_vec(),
    }
}
