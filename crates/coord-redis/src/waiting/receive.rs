//! Receiving, with patience.

use std::sync::Arc;
use std::time::Duration;

use coord_core::{
    AgentId, BackendError, BackendErrorKind, ReceiveError, ReceivedMessage, check_visibility,
    check_wait,
};
use tokio::time::Instant;

use super::{News, Place};
use crate::mailbox::{Mailboxes, draw_token};
use crate::operations::bury::bury;
use crate::operations::receive::read;
use crate::operations::wait::{Ask, Handed, Mode, Step, wait};

/// Reserves the next message, waiting up to `timeout` for one.
pub(crate) async fn receive_wait(
    mailboxes: &Arc<Mailboxes>,
    agent: &AgentId,
    visibility: Duration,
    timeout: Duration,
) -> Result<Option<ReceivedMessage>, ReceiveError> {
    agent.check()?;
    check_visibility(visibility)?;
    check_wait(timeout)?;
    let until = Instant::now() + timeout;
    loop {
        let policy = mailboxes.policy();
        let ask = Ask {
            agent: agent.clone(),
            token: draw_token(),
            visibility,
            low_every: policy.low_every().map_or(0, |n| u64::from(n.get())),
            channel: mailboxes.hub.entry_channel(),
        };
        let place = mailboxes.hub.join(mailboxes, ask.clone())?;
        let Some(handed) = wait_at(place, until).await? else { return Ok(None) };
        match read(mailboxes.layout, ask.token.clone(), handed) {
            Ok(message) => return Ok(Some(message)),
            Err(bytes) => bury(mailboxes, agent, &ask.token, &bytes).await?,
        }
    }
}

async fn wait_at(mut place: Place, until: Instant) -> Result<Option<Handed>, BackendError> {
    let (mailboxes, ask) = (Arc::clone(&place.waiting().mailboxes), place.waiting().ask.clone());
    // Whoever never has to wait needs no connection to hear on.
    match wait(&mailboxes, &ask, Mode::Try).await? {
        Step::Reserved(handed) | Step::Found(handed) => {
            place.leave();
            return Ok(Some(handed));
        }
        Step::Waiting { .. } | Step::Unknown if Instant::now() >= until => {
            place.leave();
            return Ok(None);
        }
        Step::Waiting { .. } | Step::Unknown => {}
    }
    place.listen(until).await;
    match wait(&mailboxes, &ask, Mode::Join).await {
        Ok(Step::Reserved(handed) | Step::Found(handed)) => {
            place.leave();
            return Ok(Some(handed));
        }
        Ok(Step::Waiting { due }) => place.registered(due),
        Err(error) if !passes(&error) => return Err(error),
        Ok(Step::Unknown) | Err(_) => place.failed(),
    }
    match place.news(until).await {
        Some(News::Handed(handed)) => {
            place.leave();
            Ok(Some(handed))
        }
        Some(News::Look) => match wait(&mailboxes, &ask, Mode::Leave).await? {
            Step::Reserved(handed) | Step::Found(handed) => {
                place.leave();
                Ok(Some(handed))
            }
            // It took so long that the reservation expired.
            Step::Waiting { .. } | Step::Unknown => Ok(None),
        },
        Some(News::Over(over)) => {
            if over.is_ok() {
                place.leave();
            }
            over.map(|()| None)
        }
        // The place is dropped: the driver clears up as soon as it can.
        None => Ok(None),
    }
}

/// Whether a failure may pass by itself while one waits.
fn passes(error: &BackendError) -> bool {
    matches!(
        error.kind(),
        BackendErrorKind::Unreachable
            | BackendErrorKind::Unavailable
            | BackendErrorKind::OutcomeUnknown
    )
}
