//! Connections: reading requests, executing them under the lock, writing replies.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;

use super::fault::Effect;
use super::lua::control::Control;
use super::reply::Reply;
use super::request::Parser;
use super::session::{Session, SessionId};
use super::state::State;

/// Most bytes kept of requests that cannot run yet (a blocked client that goes on sending).
const MAX_PENDING: usize = 1024 * 1024 * 1024;

/// Time between two looks at a busy script.
const BUSY_LOOK: Duration = Duration::from_millis(2);

/// The state and its lock, shared by all connections.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Tells of a script that holds the lock for too long.
    control: Arc<Control>,
}

impl Shared {
    pub(crate) fn new(state: State) -> Self {
        let control = Arc::clone(&state.scripts.control);
        Self { state: Mutex::new(state), control }
    }

    /// Takes the lock. A panic of another command leaves the data as it was then.
    pub(crate) fn lock(&self) -> Held<'_> {
        self.control.enter(true);
        self.guard()
    }

    /// Takes the lock; nothing if a script holds it beyond its time.
    pub(crate) fn lock_unless_busy(&self) -> Option<Held<'_>> {
        self.control.enter(false).then(|| self.guard())
    }

    fn guard(&self) -> Held<'_> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Held { state: Some(state), control: &self.control }
    }
}

/// The locked state.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    /// There until the guard is dropped.
    state: Option<MutexGuard<'a, State>>,
    control: &'a Control,
}

impl Deref for Held<'_> {
    type Target = State;
    fn deref(&self) -> &State {
        self.state.as_ref().expect("the state is there until the guard is dropped")
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut State {
        self.state.as_mut().expect("the state is there until the guard is dropped")
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.state = None;
        self.control.leave();
    }
}

/// Where a connection comes from and which node it has reached.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) peer: String,
    pub(crate) local: String,
    pub(crate) node: usize,
}

impl State {
    /// Opens a session; the caller closes it.
    pub(crate) fn open_session(&mut self, origin: Origin) -> (SessionId, Arc<Notify>) {
        let id = self.next_session;
        self.next_session += 1;
        let mut session = Session::new(id, origin.peer, origin.local, self.clock.now_us());
        session.node = origin.node;
        session.db = self.home_db(origin.node);
        if self.users.default_is_open() {
            session.user = Some(Bytes::from_static(b"default"));
        }
        let wake = Arc::clone(&session.wake);
        self.sessions.insert(id, session);
        self.stats.connections += 1;
        (id, wake)
    }
}

/// Closes the session when the connection's task ends, in whatever way.
struct Guard {
    shared: Arc<Shared>,
    id: SessionId,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.lock().close_session(self.id);
    }
}

/// Serves one connection until either side closes it.
pub(crate) async fn serve<S>(stream: S, shared: Arc<Shared>, origin: Origin)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut input = BytesMut::with_capacity(4096);
    let mut output = BytesMut::new();
    let mut requests = Requests::default();
    let mut eof = false;
    let (id, wake) = loop {
        if let Some(mut state) = shared.lock_unless_busy() {
            break state.open_session(origin);
        }
        if !refuse(&shared.control, &mut reader, &mut writer, &mut requests, &mut input).await {
            return;
        }
    };
    let guard = Guard { shared: Arc::clone(&shared), id };
    loop {
        let Some(turn) = take_turn(&shared, id, &mut requests, &mut input, &mut output) else {
            let gone = !output.is_empty() && writer.write_all(&output).await.is_err();
            output.clear();
            if gone
                || !refuse(&shared.control, &mut reader, &mut writer, &mut requests, &mut input)
                    .await
            {
                break;
            }
            continue;
        };
        let idle = output.is_empty();
        if turn.killed || (turn.closing && idle) || (eof && (idle || turn.blocked)) {
            break;
        }
        let deadline = async {
            match turn.sleep {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            read = reader.read_buf(&mut input), if !eof && !turn.closing && input.len() < MAX_PENDING => match read {
                Ok(0) | Err(_) => eof = true,
                Ok(_) => requests.fresh = true,
            },
            written = writer.write(&output), if !idle => match written {
                Ok(0) | Err(_) => break,
                Ok(count) => output.advance(count),
            },
            () = wake.notified() => {}
            () = deadline => {}
        }
    }
    while shared.control.is_busy() {
        tokio::time::sleep(BUSY_LOOK).await;
    }
    drop(guard);
    let _closed = writer.shutdown().await;
}

/// Answers the requests that come while a busy script holds the lock; false when
/// the connection has ended.
async fn refuse(
    control: &Control,
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
    requests: &mut Requests,
    input: &mut BytesMut,
) -> bool {
    let mut answers = BytesMut::new();
    if requests.held.is_none() {
        // A malformed request is left to the turn after the script.
        while let Ok(Some(args)) = requests.parser.next(input, true) {
            control.answer(&args).encode(false, &mut answers);
        }
    }
    if writer.write_all(&answers).await.is_err() {
        return false;
    }
    tokio::select! {
        read = reader.read_buf(input), if input.len() < MAX_PENDING => {
            requests.fresh = true;
            matches!(read, Ok(count) if count > 0)
        }
        // The end of the script wakes nobody here: look again.
        () = tokio::time::sleep(BUSY_LOOK) => true,
    }
}

/// The requests of a connection on their way.
#[derive(Debug, Default)]
struct Requests {
    parser: Parser,
    /// A whole request that has to wait.
    held: Option<Waiting>,
    /// Bytes have come since the last turn.
    fresh: bool,
}

#[derive(Debug)]
struct Waiting {
    args: Vec<Bytes>,
    /// Set by a delay fault: when the request goes on, past all further faults.
    until_us: Option<u64>,
}

/// What the connection's task does next.
struct Turn {
    closing: bool,
    killed: bool,
    blocked: bool,
    /// How long until something happens by time alone.
    sleep: Option<Duration>,
}

const GONE: Turn = Turn { closing: true, killed: true, blocked: false, sleep: None };

/// Executes the requests that are there and collects the output; nothing if a busy
/// script holds the lock.
fn take_turn(
    shared: &Shared,
    id: SessionId,
    requests: &mut Requests,
    input: &mut BytesMut,
    output: &mut BytesMut,
) -> Option<Turn> {
    let mut state = shared.lock_unless_busy()?;
    let mut held_until = None;
    if state.stopped {
        return Some(GONE);
    }
    loop {
        let Some(session) = state.sessions.get(&id) else {
            return Some(GONE);
        };
        if session.blocked.is_some() || session.closing || session.killed || session.hung {
            break;
        }
        let next = match requests.held.take() {
            Some(held) => Ok(Some(held)),
            None => requests
                .parser
                .next(input, session.user.is_some())
                .map(|args| args.map(|args| Waiting { args, until_us: None })),
        };
        match next {
            Ok(None) => break,
            Ok(Some(held)) if held.args.is_empty() => {}
            Ok(Some(held)) => {
                state.log.round_trips += u64::from(std::mem::take(&mut requests.fresh));
                if let Some((held, until_us)) = run_request(&mut state, id, held) {
                    requests.held = Some(held);
                    held_until = Some(until_us);
                    break;
                }
            }
            Err(text) => {
                if let Some(session) = state.sessions.get_mut(&id) {
                    session.send(&Reply::Error(text));
                    session.closing = true;
                }
            }
        }
    }
    state.freeze();
    state.serve_timeouts();
    let now_us = state.now_us;
    let manual = state.clock.is_manual();
    let Some(session) = state.sessions.get_mut(&id) else {
        return Some(GONE);
    };
    output.unsplit(session.out.split());
    let blocked = session.blocked.as_ref().and_then(|blocked| blocked.deadline_us);
    let deadline = [blocked, held_until].into_iter().flatten().min();
    Some(Turn {
        closing: session.closing,
        killed: session.killed,
        blocked: session.blocked.is_some(),
        sleep: deadline
            .filter(|_| !manual)
            .map(|at| Duration::from_micros(at.saturating_sub(now_us))),
    })
}

/// Runs one request, faults included; gives it back with a time if it has to wait.
fn run_request(state: &mut State, id: SessionId, held: Waiting) -> Option<(Waiting, u64)> {
    state.freeze();
    let now_us = state.now_us;
    if let Some(until_us) =
        held.until_us.or_else(|| state.held_until(id, &held.args)).filter(|at| *at > now_us)
    {
        return Some((held, until_us));
    }
    let effect = if held.until_us.is_some() { None } else { state.decide_fault(&held.args) };
    match effect {
        Some(Effect::Delay(by)) => {
            let until_us = now_us.saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX));
            return Some((Waiting { until_us: Some(until_us), ..held }, until_us));
        }
        Some(effect) => state.handle_with_fault(id, &held.args, effect),
        None => state.handle_request(id, &held.args),
    }
    None
}
