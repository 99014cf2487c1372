//! What the methods of the port do by default: one step after the other, or a refusal.

use std::time::Duration;

use super::MessageCoordinator;
use crate::agent::AgentId;
use crate::dead_letters::{DeadMatches, DeadSelection};
use crate::error::{AdminError, ReceiveError, SendError, SettleError, Unsupported};
use crate::inspect::Page;
use crate::message::AgentMessage;
use crate::reservation::{AckAndReceive, ReceivedMessage, ReservationToken};
use crate::send::{MessageResult, SendOptions};

pub(super) const PLACE: &str = "by this coordinator";

pub(super) fn unsupported(feature: &'static str) -> AdminError {
    Unsupported { feature, place: PLACE }.into()
}

pub(super) async fn broadcast<C: MessageCoordinator + ?Sized>(
    mail: &C,
    sender: &AgentId,
    message: AgentMessage,
    recipients: &[AgentId],
    options: SendOptions,
) -> Vec<Result<MessageResult, SendError>> {
    let mut results = Vec::with_capacity(recipients.len());
    for recipient in recipients {
        let message = message.clone();
        results.push(mail.send_message_with(sender, recipient, message, options).await);
    }
    results
}

pub(super) async fn send_batch<C: MessageCoordinator + ?Sized>(
    mail: &C,
    sender: &AgentId,
    recipient: &AgentId,
    batch: Vec<(AgentMessage, SendOptions)>,
) -> Result<Vec<MessageResult>, SendError> {
    let mut results = Vec::with_capacity(batch.len());
    for (message, options) in batch {
        results.push(mail.send_message_with(sender, recipient, message, options).await?);
    }
    Ok(results)
}

pub(super) async fn receive_batch<C: MessageCoordinator + ?Sized>(
    mail: &C,
    agent: &AgentId,
    max: usize,
    visibility_timeout: Duration,
) -> Result<Vec<ReceivedMessage>, ReceiveError> {
    let mut received = Vec::new();
    while received.len() < max {
        match mail.receive(agent, visibility_timeout).await? {
            Some(message) => received.push(message),
            None => break,
        }
    }
    Ok(received)
}

pub(super) async fn ack_and_receive<C: MessageCoordinator + ?Sized>(
    mail: &C,
    agent: &AgentId,
    token: &ReservationToken,
    visibility_timeout: Duration,
) -> Result<AckAndReceive, ReceiveError> {
    let settled = match mail.ack(agent, token).await {
        Ok(()) => true,
        Err(SettleError::ReservationLost { .. } | SettleError::Unsupported(_)) => false,
        Err(SettleError::Invalid(error)) => return Err(error.into()),
        Err(SettleError::Backend(error)) => return Err(error.into()),
    };
    Ok(AckAndReceive { settled, next: mail.receive(agent, visibility_timeout).await? })
}

pub(super) async fn ack_batch<C: MessageCoordinator + ?Sized>(
    mail: &C,
    agent: &AgentId,
    tokens: &[ReservationToken],
) -> Result<Vec<bool>, SettleError> {
    let mut settled = Vec::with_capacity(tokens.len());
    for token in tokens {
        settled.push(match mail.ack(agent, token).await {
            Ok(()) => true,
            Err(error) if error.is_reservation_lost() => false,
            Err(error) => return Err(error),
        });
    }
    Ok(settled)
}

pub(super) async fn find_dead_letters<C: MessageCoordinator + ?Sized>(
    mail: &C,
    agent: &AgentId,
    selection: &DeadSelection,
    page: Page,
) -> Result<DeadMatches, AdminError> {
    let now = mail.mailbox_stats(agent).await?.now;
    let mut found = DeadMatches::default();
    let mut place = Page::first(100);
    loop {
        let letters = mail.dead_letters(agent, place).await?;
        let read = letters.len() as u64;
        found.take_in(now, selection, page, letters);
        if read < u64::from(place.limit) {
            return Ok(found);
        }
        place.offset += read;
    }
}
