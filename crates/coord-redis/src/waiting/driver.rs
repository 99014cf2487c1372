//! What happens beside the futures that wait: looking, and clearing up after those dropped.

use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::{Hub, News, RETRY, State, Waiting};
use crate::operations::wait::{Mode, Step, unwait, wait};

/// How many steps run at once.
const AT_ONCE: usize = 64;
/// After so much time the connection that hears is tried.
const SILENCE: Duration = Duration::from_secs(2);
/// The first and the longest pause before connecting it again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// What is to be done now. At most one step for each token.
#[derive(Default)]
struct Work {
    steps: Vec<(Arc<Waiting>, Mode)>,
    gone: Vec<Arc<Waiting>>,
    /// When there is more to do.
    next: Option<Instant>,
    is_anybody_waiting: bool,
}

impl Hub {
    /// Starts the driver, unless it runs. Needs a tokio runtime.
    pub(super) fn drive(self: &Arc<Self>) {
        let mut driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner);
        // It ends with the runtime it ran on.
        if driver.as_ref().is_none_or(JoinHandle::is_finished) {
            *driver = Some(tokio::spawn(run(Arc::downgrade(self))));
        }
    }

    /// One last look for somebody whose time is up.
    pub(super) fn look_last(&self, waiting: &Arc<Waiting>) {
        self.state().last.push(Arc::clone(waiting));
        self.work.notify_one();
    }

    /// One step for one who waits. Whoever is told something meanwhile, or leaves, needs it no
    /// more: nothing a step of his does then is left behind, for only who is registered is
    /// given anything, and who leaves is cleared after this.
    async fn step(&self, waiting: Arc<Waiting>, mut mode: Mode) {
        let ask = &waiting.ask;
        let token = ask.token.as_str();
        let mut step = wait(&waiting.mailboxes, ask, mode).await;
        if matches!(step, Ok(Step::Unknown)) && mode == Mode::Look && self.is_waiting(token) {
            // Its registration is lost, and so may be those of all others.
            self.all_look(&waiting);
            mode = Mode::Join;
            step = wait(&waiting.mailboxes, ask, mode).await;
            self.renew_line();
        }
        match step {
            Ok(Step::Reserved(handed) | Step::Found(handed)) => {
                self.tell(token, News::Handed(handed));
                // There may be more, for the next one.
                self.look_now(&ask.agent.mailbox_key());
            }
            Ok(Step::Waiting { .. } | Step::Unknown) if mode == Mode::Leave => {
                self.tell(token, News::Over(Ok(())));
            }
            Ok(Step::Waiting { due }) => self.look_within(&ask.agent, due),
            Ok(Step::Unknown) => self.look_within(&ask.agent, Some(RETRY)),
            Err(error) if mode == Mode::Leave => {
                self.tell(token, News::Over(Err(error)));
            }
            Err(_) => {
                self.all_look(&waiting);
                self.look_within(&ask.agent, Some(RETRY));
            }
        }
    }

    fn is_waiting(&self, token: &str) -> bool {
        self.state().waiters.contains_key(token)
    }

    /// Everybody at this mailbox has to look, with the next one who does.
    fn all_look(&self, waiting: &Waiting) {
        if let Some(queue) = self.state().boxes.get_mut(&waiting.ask.agent.mailbox_key()) {
            queue.all_look = queue.tokens.len() > 1;
        }
    }

    /// Takes back the registration of one who is gone, and what it was handed.
    async fn clear(&self, gone: Arc<Waiting>) {
        let is_cleared = unwait(&gone.mailboxes, &gone.ask).await.is_ok();
        let mut state = self.state();
        state.clearing -= 1;
        if is_cleared {
            drop(state);
            self.cleared.notify_waiters();
        } else {
            state.gone.push(gone);
            state.gone_after = Some(Instant::now() + RETRY);
        }
    }

    /// Connects again if the connection that hears is lost; whether that failed.
    async fn listen_again(self: &Arc<Self>) -> bool {
        let agents: Vec<_> = self.state().boxes.values().map(|queue| queue.agent.clone()).collect();
        if agents.is_empty() || self.is_listening() {
            return false;
        }
        for agent in agents {
            if self.listen(&agent).await.is_err() {
                return true;
            }
        }
        false
    }

    async fn work(&self, work: Work) {
        let clear = |gone| self.clear(gone);
        stream::iter(work.gone).for_each_concurrent(AT_ONCE, clear).await;
        let step = |(waiting, mode)| self.step(waiting, mode);
        stream::iter(work.steps).for_each_concurrent(AT_ONCE, step).await;
    }
}

impl State {
    /// With a `lease`, everybody looks at least so often.
    fn work(&mut self, now: Instant, interval: Duration, lease: Option<Duration>) -> Work {
        let mut work = Work::default();
        if self.gone_after.is_none_or(|at| at <= now) {
            self.gone_after = None;
            work.gone = std::mem::take(&mut self.gone);
            self.clearing = work.gone.len();
        }
        work.next = self.gone_after;
        for last in self.last.drain(..) {
            let token = last.ask.token.as_str();
            let Some(waiter) = self.waiters.get(token) else { continue };
            if let Some(queue) = self.boxes.get_mut(&last.ask.agent.mailbox_key()) {
                queue.tokens.remove(&waiter.number);
            }
            work.steps.push((last, Mode::Leave));
        }
        self.boxes.retain(|_, queue| !queue.tokens.is_empty());
        work.is_anybody_waiting = !self.boxes.is_empty();
        for queue in self.boxes.values_mut() {
            if queue.next_look <= now {
                let is_stale = lease.is_some_and(|lease| queue.all_looked + lease <= now);
                let all = std::mem::take(&mut queue.all_look) || is_stale;
                if all {
                    queue.all_looked = now;
                }
                let count = if all { usize::MAX } else { 1 };
                let looking = queue.tokens.values().take(count);
                let found = looking.filter_map(|token| self.waiters.get(token));
                let look = |waiter: &super::Waiter| (Arc::clone(&waiter.waiting), Mode::Look);
                work.steps.extend(found.map(look));
                queue.next_look = now + interval;
            }
            work.next = Some(work.next.map_or(queue.next_look, |at| at.min(queue.next_look)));
        }
        work
    }
}

async fn run(hub: Weak<Hub>) {
    let (first, longest) = PAUSES;
    let mut pause = first;
    let mut tried = Instant::now();
    loop {
        let Some(held) = hub.upgrade() else { return };
        let work = held.state().work(Instant::now(), held.interval, held.lease());
        let (next, is_anybody_waiting) = (work.next, work.is_anybody_waiting);
        held.work(work).await;
        let mut next = next;
        if held.listen_again().await {
            let again = Instant::now() + pause;
            next = Some(next.map_or(again, |at| at.min(again)));
            pause = longest.min(pause * 2);
        } else {
            pause = first;
        }
        if is_anybody_waiting && tried.elapsed() >= SILENCE {
            held.try_line().await;
            tried = Instant::now();
        }
        let work = Arc::clone(&held.work);
        drop(held);
        match next {
            Some(at) => drop(timeout_at(at, work.notified()).await),
            None => work.notified().await,
        }
    }
}
