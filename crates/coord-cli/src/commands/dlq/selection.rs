//! Which dead letters are meant.

use coord_core::{AgentId, DeadBody, DeadSelection, MessageCoordinator, MessageId, Page};

use crate::failure::{Failure, Kind};
use crate::session::Session;

/// The selection of `--id` and `--all`, one of which must be there.
pub(super) fn selection(ids: Vec<MessageId>, all: bool) -> Result<DeadSelection, Failure> {
    match (ids.is_empty(), all) {
        (false, false) => Ok(DeadSelection::Ids(ids)),
        (true, true) => Ok(DeadSelection::All),
        (true, false) => Err(Failure::usage("say which dead letters: ids, or all of them")),
        (false, true) => Err(Failure::usage("ids and all exclude each other")),
    }
}

/// How many dead letters of `agent` are meant. What cannot be read has no id and counts if
/// `unreadable` does and all are meant.
pub(super) async fn count(
    agent: &AgentId,
    selection: &DeadSelection,
    unreadable: bool,
    session: &Session,
) -> Result<usize, Failure> {
    let mut page = Page::first(Page::MAX_LIMIT);
    let mut found = 0;
    loop {
        let letters = session.mail.dead_letters(agent, page).await?;
        let meant = letters.iter().filter(|letter| match &letter.body {
            DeadBody::Message(queued) => selection.takes(&queued.message.message_id),
            DeadBody::Unreadable { .. } => unreadable && *selection == DeadSelection::All,
        });
        found += meant.count();
        if letters.len() < page.limit as usize {
            return Ok(found);
        }
        page.offset += u64::from(page.limit);
    }
}

pub(super) fn nothing(agent: &AgentId) -> Failure {
    let why = format!("nothing to do: no such dead letter of {agent}");
    Failure::new(Kind::Empty, why).with_advice(&format!("`coord dlq list {agent}` shows them"))
}
