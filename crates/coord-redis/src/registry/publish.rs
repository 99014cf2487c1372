//! Telling other programs what happened.

use coord_core::Timestamp;
use coord_core::registry::{PublishedStatus, RegistryEventKind};
use futures_util::future::join_all;

use super::Inner;
use crate::mailbox::random;

impl Inner {
    /// Publishes to both channels. Best effort, as everything published: nobody may listen, and
    /// the events of a watch do not depend on it.
    pub(super) async fn publish(&self, status: PublishedStatus<'_>, now: Timestamp) {
        let Some(publication) = &self.publication else { return };
        let json = status.to_json(&format!("{:016x}{:016x}", random(), random()), now);
        let [all, own] = publication
            .channels()
            .map(|channel| redis::cmd("PUBLISH").arg(channel).arg(&json).take());
        let sent = [&all, &own].map(|command| self.lane.command("PUBLISH", command));
        drop(join_all(sent).await);
    }
}

/// The original's word for an event; it calls a registration a change of status.
pub(super) const fn word(kind: RegistryEventKind) -> &'static str {
    match kind {
        RegistryEventKind::Draining => "draining",
        RegistryEventKind::Deregistered => "deregistered",
        RegistryEventKind::Expired => "expired",
        _ => "status_changed",
    }
}
