//! The connection that hears of what was reserved for those who wait.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use coord_core::{AgentId, BackendError, Timestamp};
use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, PushInfo, PushKind, RedisError, Value};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::{Hub, News};
use crate::error;
use crate::keys::MailboxKeys;
use crate::layout::KeyLayout;
use crate::operations::wait::Handed;

/// One connection, subscribed to the channel of this process.
pub(super) struct Line {
    connection: MultiplexedConnection,
    /// On the original's layout: whose schedules are watched, since its producers tell nobody.
    watched: Mutex<HashMap<String, Arc<OnceCell<()>>>>,
}

/// With more watched schedules the connection is made anew, for those still waited at.
const MAX_WATCHED: usize = 1_000;
/// The connection is not made anew more often than this only because a registration was lost.
const RENEWAL: Duration = Duration::from_secs(1);

impl Hub {
    /// Hears of the mailbox of `agent` from now on.
    pub(super) async fn listen(self: &Arc<Self>, agent: &AgentId) -> Result<(), BackendError> {
        if self.is_deaf.load(Ordering::Relaxed) {
            return Ok(());
        }
        let cell = self.line();
        let line = match cell.get_or_try_init(|| self.connect()).await {
            Err(error) if is_resp3_refused(&error) => {
                self.is_deaf.store(true, Ordering::Relaxed);
                return Ok(());
            }
            line => line?,
        };
        if self.layout == KeyLayout::Compact {
            return Ok(());
        }
        let watched = {
            let mut watched = line.watched.lock().unwrap_or_else(PoisonError::into_inner);
            if watched.len() >= MAX_WATCHED && !watched.contains_key(&agent.mailbox_key()) {
                self.replace_line(&cell);
            }
            Arc::clone(watched.entry(agent.mailbox_key()).or_default())
        };
        let watch = || self.watch(line.connection.clone(), agent);
        watched.get_or_try_init(watch).await.map_err(|e| error::running("CLIENT TRACKING", e))?;
        Ok(())
    }

    /// Whether there is a connection that hears, or none can be had.
    pub(super) fn is_listening(&self) -> bool {
        self.is_deaf.load(Ordering::Relaxed) || self.line().initialized()
    }

    /// The server knows nothing of those who wait: the connection may lead to another one.
    ///
    /// Not more than once a [`RENEWAL`]. While it is made anew nobody hears, and whoever does not
    /// hear loses its registration: each renewal could cause the next.
    pub(super) fn renew_line(&self) {
        let now = Instant::now();
        let before = self.state().renewed;
        if before.is_none_or(|at| now - at >= RENEWAL) {
            self.state().renewed = Some(now);
            self.replace_line(&self.line());
        }
    }

    /// Tries the connection; one that does not answer is replaced.
    pub(super) async fn try_line(&self) {
        let cell = self.line();
        let Some(line) = cell.get() else { return };
        let mut connection = line.connection.clone();
        if redis::cmd("PING").query_async::<Value>(&mut connection).await.is_err() {
            self.replace_line(&cell);
        }
    }

    async fn connect(self: &Arc<Self>) -> Result<Line, BackendError> {
        let number = self.lines.fetch_add(1, Ordering::Relaxed) + 1;
        let hub = Arc::downgrade(self);
        let hear = move |push: PushInfo| {
            hear(&hub, number, push);
            Ok::<(), std::convert::Infallible>(())
        };
        let mut connection = self.lane.listening(&self.channel, hear).await?;
        let subscribed = connection.subscribe(&self.channel).await;
        subscribed.map_err(|e| error::running("SUBSCRIBE", e))?;
        // Whoever waits already missed what happened until now.
        self.all_look_now();
        Ok(Line { connection, watched: Mutex::default() })
    }

    /// Has the server tell of every change of the schedules of `agent`.
    async fn watch(
        &self,
        mut connection: MultiplexedConnection,
        agent: &AgentId,
    ) -> Result<(), RedisError> {
        let keys = MailboxKeys { layout: self.layout, prefix: self.prefix(), agent };
        let mut command = redis::cmd("CLIENT");
        command.arg(&["TRACKING", "ON", "BCAST", "PREFIX"]).arg(keys.schedule_prefix());
        command.query_async::<Value>(&mut connection).await.map(drop)
    }

    fn line(&self) -> Arc<OnceCell<Line>> {
        Arc::clone(&self.line.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace_line(&self, spoilt: &Arc<OnceCell<Line>>) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&line, spoilt) {
            *line = Arc::default();
            drop(line);
            self.work.notify_one();
        }
    }

    /// The prefix of the keys, as the channel begins with it.
    fn prefix(&self) -> &str {
        self.channel.rsplitn(3, ':').nth(2).unwrap_or_default()
    }
}

/// What the server pushes; runs where the connection is read, so it only passes things on.
fn hear(hub: &Weak<Hub>, number: u64, push: PushInfo) {
    let Some(hub) = hub.upgrade() else { return };
    match (push.kind, push.data) {
        (PushKind::Message, data) => {
            if let Some(Value::BulkString(text)) = data.into_iter().nth(1)
                && let Some((token, news)) = told(&text)
            {
                hub.tell(token, news);
            }
        }
        (PushKind::Invalidate, data) => match data.into_iter().next() {
            Some(Value::Array(keys)) => {
                for key in keys {
                    if let Value::BulkString(key) = key
                        && let Some(mailbox) = waited_mailbox(&hub, &key)
                    {
                        hub.look_now(&mailbox);
                    }
                }
            }
            // Everything was flushed.
            _ => hub.all_look_now(),
        },
        (PushKind::Disconnection, _) if hub.lines.load(Ordering::Relaxed) == number => {
            hub.replace_line(&hub.line());
        }
        _ => {}
    }
}

/// `token`, or `token fence deadline message`.
fn told(text: &[u8]) -> Option<(&str, News)> {
    let mut parts = text.splitn(4, |byte| *byte == b' ');
    let token = std::str::from_utf8(parts.next()?).ok()?;
    let Some(fence) = parts.next() else { return Some((token, News::Look)) };
    let number = |part| std::str::from_utf8(part).ok()?.parse().ok();
    let handed = Handed {
        fence: number(fence)?,
        deadline: Timestamp::from_micros(number(parts.next()?)?),
        bytes: parts.next()?.to_vec(),
    };
    Some((token, News::Handed(handed)))
}

/// The mailbox of a schedule: `prefix:sched:type:instance:prio:level`.
fn waited_mailbox(hub: &Hub, key: &[u8]) -> Option<String> {
    let rest = std::str::from_utf8(key).ok()?.strip_prefix(hub.prefix())?;
    let (mailbox, _level) = rest.strip_prefix(":sched:")?.split_once(":prio:")?;
    Some(mailbox.to_owned())
}

/// The server, or something between, is too old to push.
fn is_resp3_refused(error: &BackendError) -> bool {
    let source = std::error::Error::source(error).and_then(|it| it.downcast_ref::<RedisError>());
    source.is_some_and(|error| {
        error.kind() == ErrorKind::RESP3NotSupported || error.code() == Some("NOPROTO")
    })
}
