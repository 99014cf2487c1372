//! Putting dead messages back.

use std::sync::atomic::{AtomicU64, Ordering};

use coord_core::{
    AdminError, AgentId, BackendError, DeadBody, DeadSelection, Page, QueueMessage, RedriveRate,
};

use super::dead_letters::{Grave, as_of_now, graves};
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

/// How fast messages go back, and where it is told how far it came.
pub(crate) struct Pace<'a> {
    pub(crate) rate: RedriveRate,
    pub(crate) moved: &'a AtomicU64,
}

/// Moves slice by slice: each message moves atomically, the whole does not.
pub(crate) async fn redrive(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    selection: &DeadSelection,
    limit: u64,
    pace: Option<Pace<'_>>,
) -> Result<u64, AdminError> {
    agent.check()?;
    let (now, selection) = as_of_now(mailboxes, agent, selection).await?;
    let step = pace.as_ref().map(|pace| pace.rate.step());
    let mut moved = 0;
    let mut kept = 0;
    while moved < limit {
        let page = graves(mailboxes, agent, Page { offset: kept, limit: SLICE }).await?;
        if page.is_empty() {
            break;
        }
        let at_once = (limit - moved).min(step.map_or(u64::MAX, |(at_once, _)| at_once));
        let at_once = usize::try_from(at_once).unwrap_or(usize::MAX);
        // What stands behind the last one that is chosen is read again.
        let (mut chosen, mut passed) = (Vec::new(), 0);
        for grave in page {
            if chosen.len() == at_once {
                break;
            }
            // Unreadable ones would only die again.
            if grave.letter.message().is_some() && selection.takes(now, &grave.letter) {
                chosen.push(grave);
            } else {
                passed += 1;
            }
        }
        kept += passed;
        let wanted = chosen.len() as u64;
        if wanted == 0 {
            continue;
        }
        if let Some((_, pause)) = step.filter(|_| moved > 0) {
            tokio::time::sleep(pause).await;
        }
        let done = run(mailboxes, agent, chosen).await?;
        moved += done;
        if let Some(pace) = &pace {
            pace.moved.fetch_add(done, Ordering::Relaxed);
        }
        // The mailbox is full, or somebody else was faster.
        if done < wanted {
            break;
        }
    }
    Ok(moved)
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
