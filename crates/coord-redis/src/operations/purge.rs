//! Deleting dead messages.

use coord_core::{AdminError, AgentId, DeadSelection, Page};

use super::dead_letters::{as_of_now, graves};
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::reply;
use crate::script::{Call, ScriptPair, lua};

static PURGE: ScriptPair = ScriptPair {
    compact: lua!("compact/purge": "compact/purge.lua"),
    tta: lua!("tta/purge": "tta/purge.lua"),
};

/// How many dead messages one script deletes at most.
const SLICE: u32 = 100;

/// Deletes slice by slice.
pub(crate) async fn purge(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    selection: &DeadSelection,
) -> Result<u64, AdminError> {
    agent.check()?;
    let (now, selection) = as_of_now(mailboxes, agent, selection).await?;
    let mut deleted = 0;
    let mut kept = 0;
    loop {
        let page = graves(mailboxes, agent, Page { offset: kept, limit: SLICE }).await?;
        if page.is_empty() {
            return Ok(deleted);
        }
        let size = page.len() as u64;
        let chosen: Vec<_> =
            page.into_iter().filter(|grave| selection.takes(now, &grave.letter)).collect();
        let mut gone = 0;
        if !chosen.is_empty() {
            let keys: &[&str] = match mailboxes.layout {
                KeyLayout::Compact => &["dead", "graves"],
                KeyLayout::Tta => &["dlq"],
            };
            let script = PURGE.of(mailboxes.layout);
            let call = Call::new(script, mailboxes.keys(agent).parts(keys))
                .args(chosen.into_iter().map(|grave| grave.key));
            gone = reply::number(script.name(), &mailboxes.lane.call(&call).await?)?;
        }
        deleted += gone;
        kept += size.saturating_sub(gone);
    }
}
