//! Moving what cannot be read to the dead-letter queue.

use coord_core::{AgentId, BackendError, MailboxPolicy, ReservationToken};

use crate::error::unexpected;
use crate::keys::TTA_PARTS;
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::operations::nack::NACK;
use crate::reply;
use crate::script::{Call, Script, lua};

static BURY: Script = lua!("compact/bury": "lib/time.lua", "lib/compact.lua",
    "lib/compact_settle.lua", "compact/bury.lua");

/// Moves a reserved message to the dead-letter queue as it is, so that it blocks nobody.
pub(crate) async fn bury(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    token: &ReservationToken,
    stored: &[u8],
) -> Result<(), BackendError> {
    let keys = mailboxes.keys(agent);
    let limit = dead_limit(&mailboxes.policy());
    let call = match mailboxes.layout {
        KeyLayout::Compact => {
            let parts = ["timers", "messages", "reserved", "dead", "graves", "notes"];
            Call::new(&BURY, keys.parts(&parts)).arg(token.as_str()).number(limit)
        }
        KeyLayout::Tta => {
            let call = Call::new(&NACK.tta, keys.parts(TTA_PARTS)).arg(token.as_str());
            call.number(0).number(0).arg(stored).number(limit)
        }
    };
    let what = call.script.name();
    let answer = mailboxes.lane.call(&call).await?;
    let dropped = match mailboxes.layout {
        KeyLayout::Compact => reply::number(what, &answer)?,
        KeyLayout::Tta => match reply::numbers(what, answer)?[..] {
            [_, dropped] => dropped,
            ref other => return Err(unexpected(what, other)),
        },
    };
    mailboxes.metrics.permanent_failure();
    note_dropped(mailboxes, dropped);
    Ok(())
}

/// How many messages may lie dead, as scripts have it: 0 for any number.
pub(super) fn dead_limit(policy: &MailboxPolicy) -> u64 {
    policy.dead_limit().map_or(0, std::num::NonZeroU64::get)
}

/// Reports dead messages that had to go for newer ones.
pub(super) fn note_dropped(mailboxes: &Mailboxes, dropped: u64) {
    if dropped > 0 {
        mailboxes.metrics.dead_dropped(dropped);
    }
}
