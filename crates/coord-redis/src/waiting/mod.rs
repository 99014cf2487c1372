//! Waiting for a message: woken by whoever makes one ready, at the latest by the next look.
//!
//! A waiter registers in Redis under a token it has drawn; the script that makes a message ready
//! reserves it under that token and publishes it on this process's channel (`scripts/lib/
//! waiters.lua`). One connection of its own hears for all waiters of a coordinator. It is a short
//! cut, never the only way: asking again under the same token finds what was handed over, so one
//! waiter of each mailbox looks every [`Hub::interval`], and all of them after the connection was
//! lost.

mod driver;
mod line;
mod place;
mod receive;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coord_core::{AgentId, BackendError, InvalidInput};
use tokio::sync::{Notify, OnceCell, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::connection::CommandLane;
use crate::layout::KeyLayout;
use crate::mailbox::{Mailboxes, random};
use crate::operations::wait::{Ask, Handed};
use line::Line;
use place::Place;
pub(crate) use receive::receive_wait;

/// How many may wait at once through one coordinator.
const MAX_WAITERS: usize = 10_000;
/// The pause after a step that failed.
const RETRY: Duration = Duration::from_millis(100);
/// How often a registration that holds only for a time (15 s) is renewed.
const LEASE: Duration = Duration::from_secs(5);
/// What a server counts as due a timer of this process may not, by its resolution.
const TIMER_SLACK: Duration = Duration::from_millis(1);

/// All who wait through one coordinator, and what wakes them.
pub(crate) struct Hub {
    lane: Arc<CommandLane>,
    layout: KeyLayout,
    /// The channel of this process.
    channel: String,
    /// What stands before it in a registration that holds only for a time.
    mark: &'static str,
    /// How long a mailbox is at most not looked at.
    interval: Duration,
    state: Mutex<State>,
    /// There is something for the driver to do.
    work: Arc<Notify>,
    /// Somebody who was gone has been seen to.
    cleared: Notify,
    driver: Mutex<Option<JoinHandle<()>>>,
    /// The connection that hears, or the place where it is being made. Never locked across an
    /// await.
    line: Mutex<Arc<OnceCell<Line>>>,
    lines: AtomicU64,
    /// The server speaks no RESP3: looking is all there is.
    is_deaf: AtomicBool,
}

/// At most [`MAX_WAITERS`] in `waiters` and `gone` together; whoever is in `joining` or in a queue of
/// `boxes` is in `waiters`.
#[derive(Default)]
struct State {
    /// By token.
    waiters: HashMap<String, Waiter>,
    /// Those who are registering, by number: the server may know them before they know of it.
    joining: HashMap<u64, Joining>,
    /// By mailbox; none without waiters.
    boxes: HashMap<String, Queue>,
    /// Whose future was dropped: their registration has to go.
    gone: Vec<Arc<Waiting>>,
    /// Whose time is up: one last look.
    last: Vec<Arc<Waiting>>,
    gone_after: Option<Instant>,
    /// How many of them are being seen to.
    clearing: usize,
    joined: u64,
    /// When the connection was last made anew because a registration was lost.
    renewed: Option<Instant>,
}

/// One wait, of whoever owns its future.
pub(crate) struct Waiting {
    pub(crate) mailboxes: Arc<Mailboxes>,
    pub(crate) ask: Ask,
}

/// What a waiter hears.
#[derive(Debug)]
pub(crate) enum News {
    /// This was reserved for it.
    Handed(Handed),
    /// Something too large to be sent along was reserved for it.
    Look,
    /// Its time is up and its registration gone, or not if this failed.
    Over(Result<(), BackendError>),
}

struct Waiter {
    waiting: Arc<Waiting>,
    number: u64,
    sender: oneshot::Sender<News>,
}

/// Somebody between taking a place and being in a queue.
struct Joining {
    mailbox: String,
    /// Something happened there meanwhile, which it may have missed.
    is_touched: bool,
}

/// Who waits at one mailbox.
struct Queue {
    agent: AgentId,
    /// Tokens in the order in which they came.
    tokens: BTreeMap<u64, String>,
    next_look: Instant,
    /// Registrations may be lost: everybody has to look, not only the first.
    all_look: bool,
    all_looked: Instant,
}

impl Hub {
    pub(crate) fn new(
        lane: Arc<CommandLane>,
        layout: KeyLayout,
        prefix: &str,
        interval: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            layout,
            channel: format!("{prefix}:wake:{:016x}", random()),
            // On a cluster nobody can tell who listens at another node.
            mark: if lane.is_cluster() { "@" } else { "" },
            lane,
            interval,
            state: Mutex::default(),
            work: Arc::default(),
            cleared: Notify::new(),
            driver: Mutex::default(),
            line: Mutex::default(),
            lines: AtomicU64::new(0),
            is_deaf: AtomicBool::new(false),
        })
    }

    /// The channel of this process, as it stands in a registration.
    fn entry_channel(&self) -> String {
        format!("{}{}", self.mark, self.channel)
    }

    /// How often a registration has to be renewed, if it holds only for a time.
    fn lease(&self) -> Option<Duration> {
        (!self.mark.is_empty()).then_some(LEASE)
    }

    /// Takes a place in the queue of a mailbox, before the registration in Redis.
    fn join(self: &Arc<Self>, mailboxes: &Arc<Mailboxes>, ask: Ask) -> Result<Place, InvalidInput> {
        let (sender, news) = oneshot::channel();
        let waiting = Arc::new(Waiting { mailboxes: Arc::clone(mailboxes), ask });
        let mut state = self.state();
        if state.waiters.len() + state.gone.len() >= MAX_WAITERS {
            let problem = format!("{MAX_WAITERS} wait already through this coordinator");
            return Err(InvalidInput::new("waiters", problem));
        }
        state.joined += 1;
        let number = state.joined;
        let mailbox = waiting.ask.agent.mailbox_key();
        state.joining.insert(number, Joining { mailbox, is_touched: false });
        let waiter = Waiter { waiting: Arc::clone(&waiting), number, sender };
        state.waiters.insert(waiting.ask.token.as_str().to_owned(), waiter);
        drop(state);
        self.drive();
        Ok(Place::new(Arc::clone(self), waiting, news, number))
    }

    /// Puts a waiter into its queue: from now on the driver looks for it, and nobody else.
    fn enqueue(&self, waiting: &Waiting, number: u64, line: u64, within: Option<Duration>) {
        let Ask { agent, token, .. } = &waiting.ask;
        let mut state = self.state();
        if !state.waiters.contains_key(token.as_str()) {
            return;
        }
        let queue = state.boxes.entry(agent.mailbox_key()).or_insert_with(|| Queue {
            agent: agent.clone(),
            tokens: BTreeMap::new(),
            // Later than any, so that the driver hears of the first look.
            next_look: Instant::now() + 2 * self.interval,
            all_look: false,
            all_looked: Instant::now(),
        });
        queue.tokens.insert(number, token.as_str().to_owned());
        // What it was told on another connection is lost.
        queue.all_look |= line != self.lines.load(Ordering::Relaxed);
        let joining = state.joining.remove(&number);
        drop(state);
        let is_touched = joining.is_some_and(|joining| joining.is_touched);
        self.look_within(agent, if is_touched { Some(Duration::ZERO) } else { within });
    }

    /// Notes when the next look at a mailbox is due, at the latest.
    fn look_within(&self, agent: &AgentId, within: Option<Duration>) {
        let within = within.map_or(self.interval, |due| (due + TIMER_SLACK).min(self.interval));
        let at = Instant::now() + within;
        let mut state = self.state();
        let Some(queue) = state.boxes.get_mut(&agent.mailbox_key()) else { return };
        if at < queue.next_look {
            queue.next_look = at;
            drop(state);
            self.work.notify_one();
        }
    }

    /// Somebody has to look at a mailbox now.
    fn look_now(&self, mailbox: &str) {
        let mut state = self.state();
        for joining in state.joining.values_mut() {
            joining.is_touched |= joining.mailbox == mailbox;
        }
        if let Some(queue) = state.boxes.get_mut(mailbox) {
            queue.next_look = Instant::now();
            drop(state);
            self.work.notify_one();
        }
    }

    /// Everybody has to look: something may have been missed.
    fn all_look_now(&self) {
        let now = Instant::now();
        for queue in self.state().boxes.values_mut() {
            queue.next_look = now;
            queue.all_look = true;
        }
        self.work.notify_one();
    }

    /// Passes on what was reserved under a token; false if nobody waits under it any more.
    fn tell(&self, token: &str, news: News) -> bool {
        let Some(waiter) = self.state().take(token) else { return false };
        // Whoever drops its place without having listened sees to what it was told.
        let _dropped_meanwhile = waiter.sender.send(news);
        true
    }

    /// Ends the wait of somebody who no longer wants a message.
    fn leave(&self, waiting: &Arc<Waiting>) {
        let mut state = self.state();
        state.take(waiting.ask.token.as_str());
        state.gone.push(Arc::clone(waiting));
        drop(state);
        self.work.notify_one();
    }

    /// Returns when nothing is left of the waits that were dropped.
    pub(crate) async fn cleared(&self) {
        loop {
            let mut cleared = std::pin::pin!(self.cleared.notified());
            cleared.as_mut().enable();
            {
                let state = self.state();
                if state.gone.is_empty() && state.clearing == 0 {
                    return;
                }
            }
            cleared.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes a waiter out of its queue.
    fn take(&mut self, token: &str) -> Option<Waiter> {
        let waiter = self.waiters.remove(token)?;
        self.joining.remove(&waiter.number);
        let mailbox = waiter.waiting.ask.agent.mailbox_key();
        if let Some(queue) = self.boxes.get_mut(&mailbox) {
            queue.tokens.remove(&waiter.number);
            if queue.tokens.is_empty() {
                self.boxes.remove(&mailbox);
            }
        }
        Some(waiter)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let driver = self.driver.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(driver) = driver.take() {
            driver.abort();
        }
    }
}
