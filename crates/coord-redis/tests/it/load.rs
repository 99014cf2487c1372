//! Producers and consumers that count what became of every message, through failures.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use coord_core::{
    AgentId, AgentMessage, BackendError, BackendErrorKind, MessageCoordinator, MessageId,
    MessageType, ReceiveError, SendError, SendOptions, SettleError,
};
use coord_redis::RedisMessageCoordinator;
use tokio::task::JoinSet;

use crate::harness::{LONG, agent};

/// What happened so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Messages that the store said it took.
    pub(crate) accepted: AtomicU64,
    /// How often each message was settled.
    settled: Mutex<HashMap<String, u64>>,
    /// Failures by kind.
    pub(crate) failures: Mutex<HashMap<String, u64>>,
    /// When each worker last finished something.
    last: Mutex<HashMap<usize, Instant>>,
    stop: AtomicBool,
}

impl Tally {
    pub(crate) fn failures(&self) -> u64 {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    pub(crate) fn distinct(&self) -> usize {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(crate) fn doubled(&self) -> usize {
        let settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        settled.values().filter(|times| **times > 1).count()
    }

    pub(crate) fn has_settled(&self, id: &str) -> bool {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).contains_key(id)
    }

    /// How many of the workers have finished something since.
    pub(crate) fn working_since(&self, since: Instant) -> usize {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.values().filter(|at| **at > since).count()
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    fn worked(&self, worker: usize) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.insert(worker, Instant::now());
    }

    fn note(&self, kind: String) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        *failures.entry(kind).or_default() += 1;
    }

    async fn failed(&self, error: &BackendError) {
        use BackendErrorKind::{OutcomeUnknown, Unavailable, Unreachable};
        let kind = error.kind();
        assert!(matches!(kind, OutcomeUnknown | Unavailable | Unreachable), "{error:?}");
        self.note(format!("{kind:?}"));
        // As a caller would: the back-off of one who is told to try again.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The mailboxes of the load.
pub(crate) fn mailboxes(count: usize) -> Vec<AgentId> {
    (0..count).map(|at| agent(&format!("worker:w{at}"))).collect()
}

pub(crate) fn name(producer: usize, number: u64) -> String {
    format!("msg-{producer}-{number:06}")
}

/// Starts producers, who send `each` messages, and consumers, who settle until they are stopped.
/// Each has a coordinator of its own; producers pause for `pace` between two messages.
pub(crate) fn start(
    producers: Vec<RedisMessageCoordinator>,
    consumers: Vec<RedisMessageCoordinator>,
    boxes: &[AgentId],
    each: u64,
    pace: Duration,
) -> (Arc<Tally>, JoinSet<()>) {
    let tally = Arc::new(Tally::default());
    let mut workers = JoinSet::new();
    let count = producers.len();
    for (number, mail) in producers.into_iter().enumerate() {
        let (tally, boxes) = (Arc::clone(&tally), boxes.to_vec());
        workers.spawn(async move { produce(&mail, &tally, &boxes, number, each, pace).await });
    }
    for (number, mail) in consumers.into_iter().enumerate() {
        let (tally, boxes) = (Arc::clone(&tally), boxes.to_vec());
        workers.spawn(async move { consume(&mail, &tally, &boxes, count + number).await });
    }
    (tally, workers)
}

async fn produce(
    mail: &RedisMessageCoordinator,
    tally: &Tally,
    boxes: &[AgentId],
    producer: usize,
    each: u64,
    pace: Duration,
) {
    let from = agent("planner");
    let options = SendOptions::new().with_dedup_window(LONG);
    for number in 0..each {
        let to = &boxes[usize::try_from(number).expect("few") % boxes.len()];
        let id = MessageId::new(name(producer, number)).expect("a valid id");
        let message = AgentMessage::new(id, from.clone(), to.clone(), MessageType::Event);
        while !tally.stopped() {
            match mail.send_message_with(&from, to, message.clone(), options).await {
                Ok(sent) => {
                    assert!(sent.delivered(), "{sent:?}");
                    tally.accepted.fetch_add(1, Ordering::Relaxed);
                    tally.worked(producer);
                    break;
                }
                Err(SendError::Backend(error)) => tally.failed(&error).await,
                Err(other) => panic!("{other:?}"),
            }
        }
        tokio::time::sleep(pace).await;
    }
}

async fn consume(mail: &RedisMessageCoordinator, tally: &Tally, boxes: &[AgentId], worker: usize) {
    let mut at = worker;
    while !tally.stopped() {
        at = (at + 1) % boxes.len();
        let held = match mail.receive(&boxes[at], Duration::from_secs(2)).await {
            Ok(Some(held)) => held,
            Ok(None) => {
                tally.worked(worker);
                tokio::time::sleep(Duration::from_millis(2)).await;
                continue;
            }
            Err(ReceiveError::Backend(error)) => {
                tally.failed(&error).await;
                continue;
            }
            Err(other) => panic!("{other:?}"),
        };
        let id = held.queue_message.message.message_id.to_string();
        loop {
            match mail.ack(&boxes[at], &held.token).await {
                Ok(()) => {
                    let mut all = tally.settled.lock().unwrap_or_else(PoisonError::into_inner);
                    *all.entry(id).or_default() += 1;
                    break;
                }
                // Settled by an ack whose answer was lost, or taken back: then it comes again.
                Err(SettleError::ReservationLost { .. }) => break,
                Err(SettleError::Backend(error)) => tally.failed(&error).await,
                Err(other) => panic!("{other:?}"),
            }
            if tally.stopped() {
                return;
            }
        }
        tally.worked(worker);
    }
}

/// Returns when `is_done`; panics with what was seen after `limit`.
pub(crate) async fn until(limit: Duration, what: &str, tally: &Tally, is_done: impl Fn() -> bool) {
    let end = Instant::now() + limit;
    while !is_done() {
        if Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        tally.stop();
        panic!(
            "{what}: not within {limit:?}; accepted {}, distinct {}, failures {:?}",
            tally.accepted.load(Ordering::Relaxed),
            tally.distinct(),
            tally.failures
        );
    }
}
