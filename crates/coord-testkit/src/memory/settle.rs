//! Settling in memory: the machine's answers as the port gives them.

use coord_core::mailbox::Mailbox;
use coord_core::{AgentId, ReservationToken, SettleError, Timestamp};

use super::InMemoryCoordinator;
use super::state::State;

impl InMemoryCoordinator {
    /// Reports dead messages that had to go for newer ones.
    pub(super) fn report_dropped(&self, state: &mut State) {
        match state.newly_dropped() {
            0 => {}
            dropped => self.shared.metrics.dead_dropped(dropped),
        }
    }

    /// Runs `verb` on the mailbox of `agent`; `None` from it means that the token holds nothing.
    pub(super) fn settle<T>(
        &self,
        agent: &AgentId,
        token: &ReservationToken,
        verb: impl FnOnce(&mut Mailbox, Timestamp) -> Option<T>,
    ) -> Result<T, SettleError> {
        agent.check()?;
        let mut state = self.state();
        // Read under the lock, so that the mailbox never sees time go back.
        let now = self.now();
        let done = state.mailbox_mut(agent).and_then(|mailbox| verb(mailbox, now));
        self.report_dropped(&mut state);
        self.shared.changed.notify_waiters();
        done.ok_or_else(|| SettleError::ReservationLost {
            agent: agent.to_string(),
            token: token.to_string(),
        })
    }
}
