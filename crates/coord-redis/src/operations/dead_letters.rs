//! Looking at the dead-letter queue.

use coord_core::{AdminError, AgentId, DeadBody, DeadLetter, Page, Timestamp};
use redis::Value;

use crate::error::unexpected;
use crate::layout::KeyLayout;
use crate::mailbox::{MAX_OFFSET, Mailboxes};
use crate::script::{Call, Script, lua};
use crate::{codec, reply};

static DEAD: Script = lua!("compact/dead_letters": "compact/dead_letters.lua");

pub(crate) async fn dead_letters(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    page: Page,
) -> Result<Vec<DeadLetter>, AdminError> {
    agent.check()?;
    let keys = mailboxes.keys(agent);
    let offset = page.offset.min(MAX_OFFSET);
    let limit = u64::from(page.bounded_limit());
    match mailboxes.layout {
        KeyLayout::Compact => {
            let call = Call::new(&DEAD, keys.parts(&["dead", "graves"]));
            let answer = mailboxes.lane.call(&call.number(offset).number(limit)).await?;
            let items = reply::list(DEAD.name(), answer)?;
            items.chunks_exact(2).map(|pair| with_time(mailboxes.layout, pair)).collect()
        }
        KeyLayout::Tta => {
            let last = offset.saturating_add(limit).saturating_sub(1);
            let range = redis::cmd("LRANGE").arg(keys.part("dlq")).arg(offset).arg(last).take();
            let answer = match limit {
                0 => Value::Array(Vec::new()),
                _ => mailboxes.lane.command("LRANGE", &range).await?,
            };
            let items = reply::list("LRANGE", answer)?;
            items
                .into_iter()
                .map(|item| {
                    let stored = reply::bytes("LRANGE", item)?;
                    Ok(DeadLetter { body: body(mailboxes.layout, &stored), died_at: None })
                })
                .collect()
        }
    }
}

fn with_time(layout: KeyLayout, pair: &[Value]) -> Result<DeadLetter, AdminError> {
    let [at, Value::BulkString(stored)] = pair else {
        return Err(unexpected(DEAD.name(), pair).into());
    };
    let died_at = Some(Timestamp::from_micros(reply::number(DEAD.name(), at)?));
    Ok(DeadLetter { body: body(layout, stored), died_at })
}

fn body(layout: KeyLayout, stored: &[u8]) -> DeadBody {
    match codec::decode(layout, stored) {
        Ok(queued) => DeadBody::Message(Box::new(queued)),
        Err(poison) => DeadBody::Unreadable {
            raw: String::from_utf8_lossy(stored).into_owned(),
            reason: poison.reason().to_owned(),
        },
    }
}
