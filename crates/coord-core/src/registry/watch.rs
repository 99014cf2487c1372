//! Following what happens to agents.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::event::{EventCursor, EventPage, RegistryEvent};
use super::port::SharedRegistry;
use super::record::RegisteredAgent;

/// What a watch tells.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Watched {
    /// Who is there: first of all, and after every gap in which events were lost. Events that
    /// happened while it was taken follow and may repeat what it shows.
    Snapshot(Vec<RegisteredAgent>),
    /// Something happened.
    Event(RegistryEvent),
    /// Something may have been missed.
    Gap {
        /// Why.
        reason: GapReason,
        /// How many events are lost; none if nobody knows.
        missed: Option<u64>,
    },
}

/// Why there is a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GapReason {
    /// The server was not reached for a while; what happened meanwhile follows.
    Disconnected,
    /// More happened than the log keeps; a snapshot follows.
    Overrun,
    /// The server lost its data, for instance by a restart; a snapshot follows. Agents that are
    /// not in it are not dead: their next beat brings them back.
    Restarted,
}

impl GapReason {
    /// The name: `disconnected`, `overrun`, `restarted`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Overrun => "overrun",
            Self::Restarted => "restarted",
        }
    }
}

/// Follows what happens to agents, by asking the registry at an interval.
///
/// The watch itself makes sure that agents that vanish become events: it looks for them with
/// every question.
pub struct RegistryWatch {
    registry: SharedRegistry,
    every: Duration,
    cursor: Option<EventCursor>,
    ready: VecDeque<Watched>,
    is_cut_off: bool,
}

/// How many events one question asks for.
const PAGE: usize = 1_000;

impl RegistryWatch {
    /// A watch that asks every second, or as often as agents beat if that is more often.
    pub fn new(registry: SharedRegistry) -> Self {
        let every = registry.policy().interval().min(Duration::from_secs(1));
        Self { registry, every, cursor: None, ready: VecDeque::new(), is_cut_off: false }
    }

    /// Another interval between questions.
    #[must_use]
    pub const fn with_interval(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }

    /// What happened next. While the server is not reached it waits, and tells a gap afterwards.
    ///
    /// Cancel-safe: what was not returned is returned by the next call.
    pub async fn next(&mut self) -> Watched {
        loop {
            if let Some(watched) = self.ready.pop_front() {
                return watched;
            }
            self.ask().await;
            if self.ready.is_empty() {
                self.registry.pause(self.every).await;
            }
        }
    }

    /// What has happened by now, without waiting for more; nothing if the server is not reached.
    pub async fn try_next(&mut self) -> Option<Watched> {
        if self.ready.is_empty() {
            self.ask().await;
        }
        self.ready.pop_front()
    }

    async fn ask(&mut self) {
        let Ok(page) = self.registry.events(self.cursor.as_ref(), PAGE).await else {
            self.is_cut_off = true;
            return;
        };
        let lost = self.loss(&page);
        let needs_snapshot = self.cursor.is_none() || lost.is_some();
        let snapshot = match needs_snapshot {
            false => None,
            true => match self.registry.list_registered().await {
                Ok(agents) => Some(agents),
                Err(_) => {
                    self.is_cut_off = true;
                    return;
                }
            },
        };
        // No await from here on: a dropped call changes nothing or all.
        let was_cut_off = std::mem::take(&mut self.is_cut_off) && self.cursor.is_some();
        if let Some((reason, missed)) = lost {
            self.ready.push_back(Watched::Gap { reason, missed });
        } else if was_cut_off {
            let reason = GapReason::Disconnected;
            self.ready.push_back(Watched::Gap { reason, missed: Some(0) });
        }
        self.ready.extend(snapshot.map(Watched::Snapshot));
        let last = page.events.last().map(|event| event.seq);
        let seq = match last {
            Some(seq) => seq,
            // The log stands where we are, or we start at its end.
            None => page.head.seq,
        };
        self.cursor = Some(EventCursor { epoch: page.head.epoch, seq });
        self.ready.extend(page.events.into_iter().map(Watched::Event));
    }

    /// What lies between our cursor and the page.
    fn loss(&self, page: &EventPage) -> Option<(GapReason, Option<u64>)> {
        let cursor = self.cursor.as_ref()?;
        if cursor.epoch != page.head.epoch || page.head.seq < cursor.seq {
            return Some((GapReason::Restarted, None));
        }
        let next = page.events.first().map_or(page.head.seq + 1, |event| event.seq);
        let missed = next - cursor.seq.min(next - 1) - 1;
        (missed > 0).then_some((GapReason::Overrun, Some(missed)))
    }
}

impl fmt::Debug for RegistryWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryWatch")
            .field("cursor", &self.cursor)
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}
