//! Waiting for a message, on whatever clock there is.

use std::pin::pin;
use std::time::Duration;

use coord_core::{
    AdminError, AgentId, MessageCoordinator, Receipt, ReceiptCount, ReceiptTicket, ReceiveError,
    ReceivedMessage, Timestamp, check_wait,
};

use super::InMemoryCoordinator;

impl InMemoryCoordinator {
    pub(super) async fn wait(
        &self,
        agent: &AgentId,
        visibility: Duration,
        timeout: Duration,
    ) -> Result<Option<ReceivedMessage>, ReceiveError> {
        check_wait(timeout)?;
        let until = self.now() + timeout;
        loop {
            // Asked for before the look, so that nothing that happens after it is missed.
            let mut changed = pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            let mut moved = pin!(self.shared.clock.moved());
            moved.as_mut().enable();
            let received = self.receive(agent, visibility).await?;
            if received.is_some() || self.now() >= until {
                return Ok(received);
            }
            tokio::select! {
                () = changed => {}
                () = moved => {}
                () = self.passing(self.next_due(agent).map_or(until, |due| due.min(until))) => {}
            }
        }
    }

    /// Returns when it is `then` by its clock, whoever moves that.
    pub(super) async fn until(&self, then: Timestamp) {
        loop {
            let mut moved = pin!(self.shared.clock.moved());
            moved.as_mut().enable();
            if self.now() >= then {
                return;
            }
            tokio::select! {
                () = moved => {}
                () = self.passing(then) => {}
            }
        }
    }

    /// Looks again whenever something changed.
    pub(super) async fn wait_receipts(
        &self,
        tickets: &[ReceiptTicket],
        quorum: usize,
        timeout: Duration,
    ) -> Result<Vec<Receipt>, AdminError> {
        check_wait(timeout)?;
        let until = self.now() + timeout;
        loop {
            let mut changed = pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            let mut moved = pin!(self.shared.clock.moved());
            moved.as_mut().enable();
            let found = self.receipts(tickets).await?;
            if ReceiptCount::of(&found).is_decided(quorum) || self.now() >= until {
                return Ok(found);
            }
            tokio::select! {
                () = changed => {}
                () = moved => {}
                () = self.passing(until) => {}
            }
        }
    }

    /// When something falls due in the mailbox, or its gate opens.
    fn next_due(&self, agent: &AgentId) -> Option<Timestamp> {
        let now = self.now();
        let state = self.state();
        let mailbox = state.mailbox(agent)?;
        let due = mailbox.next_deadline().map(|(at, _)| at);
        due.into_iter().chain(mailbox.opens_at(now)).min()
    }

    /// Returns when it is `then`; never by a clock that has to be moved.
    async fn passing(&self, then: Timestamp) {
        if self.shared.clock.is_manual() {
            return std::future::pending().await;
        }
        let left = then.as_micros().saturating_sub(self.now().as_micros());
        // At least the resolution of a timer, so that this never spins.
        tokio::time::sleep(Duration::from_micros(left.max(1_000))).await;
    }
}
