//! A place among those who wait.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::{Hub, News, RETRY, Waiting};

/// Held by the future that waits. Dropped before [`Place::leave`], it has the driver take the
/// registration back, and what was reserved for it.
pub(super) struct Place {
    hub: Arc<Hub>,
    waiting: Arc<Waiting>,
    news: oneshot::Receiver<News>,
    number: u64,
    /// Which connection heard for it when it registered.
    line: u64,
    is_left: bool,
}

/// How long a last look may take.
const GRACE: Duration = Duration::from_secs(2);

impl Place {
    pub(super) const fn new(
        hub: Arc<Hub>,
        waiting: Arc<Waiting>,
        news: oneshot::Receiver<News>,
        number: u64,
    ) -> Self {
        Self { hub, waiting, news, number, line: 0, is_left: false }
    }

    pub(super) fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// Makes sure that this process hears of what is reserved for it, if it can.
    ///
    /// A failure is the driver's to mend: until then the next look finds it.
    pub(super) async fn listen(&mut self, until: Instant) {
        let listening = self.hub.listen(&self.waiting.ask.agent);
        if !matches!(timeout_at(until, listening).await, Ok(Ok(()))) {
            self.hub.work.notify_one();
        }
        self.line = self.hub.lines.load(Ordering::Relaxed);
    }

    /// The registration stands; `due` is when something falls due in the mailbox.
    pub(super) fn registered(&self, due: Option<Duration>) {
        self.hub.enqueue(&self.waiting, self.number, self.line, due);
    }

    /// The registration failed: the driver looks again soon.
    pub(super) fn failed(&self) {
        self.registered(Some(RETRY));
    }

    /// What was reserved, or why nothing was when the time is up; nothing if even that is not
    /// known.
    pub(super) async fn news(&mut self, until: Instant) -> Option<News> {
        if let Ok(news) = timeout_at(until, &mut self.news).await {
            return news.ok();
        }
        self.hub.look_last(&self.waiting);
        timeout_at(Instant::now() + GRACE, &mut self.news).await.ok()?.ok()
    }

    /// The wait is over, and nothing is left of it in Redis.
    pub(super) fn leave(mut self) {
        self.is_left = true;
        self.hub.state().take(self.waiting.ask.token.as_str());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_left {
            self.hub.leave(&self.waiting);
        }
    }
}
