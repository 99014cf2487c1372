//! Moving what cannot be read to the dead-letter queue.

use coord_core::{AgentId, BackendError, ReservationToken};

use crate::keys::TTA_PARTS;
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::operations::nack::NACK;
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
    let call = match mailboxes.layout {
        KeyLayout::Compact => {
            let parts = ["timers", "messages", "reserved", "dead", "graves", "notes"];
            Call::new(&BURY, keys.parts(&parts)).arg(token.as_str())
        }
        KeyLayout::Tta => {
            let call = Call::new(&NACK.tta, keys.parts(TTA_PARTS)).arg(token.as_str());
            call.number(0).number(0).arg(stored)
        }
    };
    mailboxes.lane.call(&call).await?;
    mailboxes.metrics.permanent_failure();
    Ok(())
}
