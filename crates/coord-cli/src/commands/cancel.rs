//! `coord cancel` and `coord note`: reach a message, or whoever holds it.

use clap::Args;
use coord_core::{AgentId, CancelOutcome, MessageCoordinator, MessageId, NoteOutcome};
use serde::Deserialize;

use crate::answer::Answer;
use crate::failure::{Failure, Kind};
use crate::field;
use crate::session::Session;

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CancelArgs {
    /// Whose mailbox
    #[serde(deserialize_with = "field::agent")]
    agent: AgentId,
    /// The id of the message
    #[serde(deserialize_with = "field::parsed")]
    message_id: MessageId,
}

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoteArgs {
    /// Whose mailbox
    #[serde(deserialize_with = "field::agent")]
    agent: AgentId,
    /// The id of the message
    #[serde(deserialize_with = "field::parsed")]
    message_id: MessageId,
    /// What its holder should know: 1 to 1024 bytes
    note: String,
}

pub(super) async fn run(args: CancelArgs, session: &Session) -> Result<Answer, Failure> {
    let CancelArgs { agent, message_id: id } = args;
    match session.mail.cancel(&agent, &id).await? {
        CancelOutcome::Cancelled => Ok(answer("cancelled", format!("cancelled {id}"))),
        CancelOutcome::HolderIsTold => {
            let human = format!("{id} is reserved: its holder learns it from its next extend");
            Ok(answer("holder_is_told", human))
        }
        _ => Err(not_found(&agent, &id)),
    }
}

pub(super) async fn note(args: NoteArgs, session: &Session) -> Result<Answer, Failure> {
    let NoteArgs { agent, message_id: id, note } = args;
    match session.mail.note(&agent, &id, &note).await? {
        NoteOutcome::HolderIsTold => {
            Ok(answer("holder_is_told", format!("the holder of {id} reads it at its next extend")))
        }
        NoteOutcome::NotReserved => {
            let why = format!("nobody holds {id}: it waits in the mailbox of {agent}");
            Err(Failure::new(Kind::NotReserved, why).with_advice("try again when it is reserved"))
        }
        NoteOutcome::TooMany => {
            let why = format!("the holder of {id} has as many notes as it may have");
            Err(Failure::new(Kind::TooManyNotes, why)
                .with_advice("`coord cancel` still reaches it"))
        }
        _ => Err(not_found(&agent, &id)),
    }
}

fn answer(outcome: &str, human: String) -> Answer {
    Answer::one(format!(r#"{{"outcome":"{outcome}"}}"#), human)
}

pub(super) fn not_found(agent: &AgentId, id: &MessageId) -> Failure {
    let why = format!("no unsettled message {id} in the mailbox of {agent}");
    Failure::new(Kind::UnknownMessage, why).with_advice(&format!("`coord peek {agent}` shows some"))
}
