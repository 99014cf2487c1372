//! Looking at waiting messages.

use coord_core::{AdminError, AgentId, Page, PeekedMessage, Place, Timestamp};

use crate::error::unexpected;
use crate::layout::KeyLayout;
use crate::mailbox::{MAX_OFFSET, Mailboxes};
use crate::script::{Call, ScriptPair, lua};
use crate::{codec, reply};

static PEEK: ScriptPair = ScriptPair {
    compact: lua!("compact/peek": "lib/time.lua", "lib/compact.lua", "lib/compact_settle.lua",
        "lib/compact_due.lua", "compact/peek.lua"),
    tta: lua!("tta/peek": "lib/time.lua", "tta/peek.lua"),
};

/// Waiting messages in serving order; what cannot be read is passed over, a receive buries it.
pub(crate) async fn peek(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    page: Page,
) -> Result<Vec<PeekedMessage>, AdminError> {
    agent.check()?;
    let keys: &[&str] = match mailboxes.layout {
        KeyLayout::Compact => &["ready", "timers", "messages"],
        KeyLayout::Tta => &["sched"],
    };
    let script = PEEK.of(mailboxes.layout);
    let call = Call::new(script, mailboxes.keys(agent).parts(keys))
        .number(page.offset.min(MAX_OFFSET))
        .number(u64::from(page.bounded_limit()));
    let mut items = reply::list(script.name(), mailboxes.lane.call(&call).await?)?.into_iter();
    let mut peeked = Vec::new();
    while let Some(place) = items.next() {
        let (Some(at), Some(stored)) = (items.next(), items.next()) else {
            return Err(unexpected(script.name(), "half an entry").into());
        };
        let stored = reply::bytes(script.name(), stored)?;
        let Ok(queue_message) = codec::decode(mailboxes.layout, &stored) else { continue };
        let is_ready = reply::number(script.name(), &place)? == 1;
        peeked.push(PeekedMessage {
            queue_message,
            place: if is_ready { Place::Ready } else { Place::Delayed },
            available_at: Timestamp::from_micros(reply::number(script.name(), &at)?),
        });
    }
    Ok(peeked)
}
