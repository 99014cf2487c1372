//! Waiting for a message, on whatever clock there is.

use std::ops::ControlFlow::{self, Break, Continue};
use std::pin::pin;
use std::time::Duration;

use coord_core::{
    AdminError, AgentId, Receipt, ReceiptCount, ReceiptTicket, ReceiveError, ReceivedMessage,
    Timestamp, check_wait,
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
        self.look_until(|| match self.receive_now(agent, visibility) {
            Ok(None) if self.now() < until => {
                Continue(self.next_due(agent).map_or(until, |due| due.min(until)))
            }
            received => Break(received),
        })
        .await
    }

    pub(super) async fn wait_receipts(
        &self,
        tickets: &[ReceiptTicket],
        quorum: usize,
        timeout: Duration,
    ) -> Result<Vec<Receipt>, AdminError> {
        check_wait(timeout)?;
        let until = self.now() + timeout;
        self.look_until(|| match self.receipts_now(tickets) {
            Ok(found) if !ReceiptCount::of(&found).is_decided(quorum) && self.now() < until => {
                Continue(until)
            }
            found => Break(found),
        })
        .await
    }

    /// Looks again whenever something changed, and at the times that `look` asks for.
    async fn look_until<T>(&self, look: impl Fn() -> ControlFlow<T, Timestamp>) -> T {
        loop {
            // Asked for before the look, so that nothing that happens after it is missed.
            let mut changed = pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            let mut moved = pin!(self.shared.clock.moved());
            moved.as_mut().enable();
            let due = match look() {
                Break(found) => return found,
                Continue(due) => due,
            };
            tokio::select! {
                () = changed => {}
                () = moved => {}
                () = self.passing(due) => {}
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
