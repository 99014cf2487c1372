//! Connections: reading requests, executing them under the lock, writing replies.
//!
//! All connections of a listener are futures of one task, which polls them in the order in which
//! the system reports them ready. So, on a runtime with one thread, what one client sends before
//! another is executed before. Scripts run beside that task, see [`errand`](super::errand).

use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;

use super::errand;
use super::fault::Effect;
use super::lua::engine::Control;
use super::reply::Reply;
use super::request::Parser;
use super::session::{Session, SessionId};
use super::shared::Shared;
use super::state::State;

/// Most bytes kept of requests that cannot run yet (a blocked client that goes on sending).
const MAX_PENDING: usize = 1024 * 1024 * 1024;

/// How often a connection looks whether a running script has ended.
const SCRIPT_POLL: Duration = Duration::from_millis(2);

/// Where a connection comes from and which node it has reached.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) peer: String,
    pub(crate) local: String,
    pub(crate) node: usize,
}

impl State {
    /// Whether there are more connections than `maxclients`.
    fn is_full(&self) -> bool {
        let most = usize::try_from(self.config.number("maxclients")).unwrap_or(usize::MAX);
        self.sessions.len() > most
    }

    /// Opens a session that wakes its connection by `wake`; the caller closes it.
    pub(crate) fn open_session(&mut self, origin: Origin, wake: &Arc<Notify>) -> SessionId {
        let id = self.next_session;
        self.next_session += 1;
        let mut session = Session::new(id, origin.peer, origin.local, self.clock.now_us());
        session.node = origin.node;
        session.db = self.home_db(origin.node);
        if self.users.default_is_open() {
            session.user = Some(Bytes::from_static(b"default"));
        }
        session.wake = Arc::clone(wake);
        self.sessions.insert(id, session);
        self.stats.connections += 1;
        id
    }
}

/// Closes the session when the connection's task ends, in whatever way.
struct Guard {
    shared: Arc<Shared>,
    id: SessionId,
}

impl Drop for Guard {
    fn drop(&mut self) {
        match self.shared.enter() {
            Some(mut state) => state.close_session(self.id),
            None => self.shared.close_later(self.id),
        }
    }
}

/// Serves one connection until either side closes it.
pub(crate) async fn serve<S>(stream: S, shared: Arc<Shared>, origin: Origin)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let wake = Arc::new(Notify::new());
    let mut session = None;
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut work = Work { input: BytesMut::with_capacity(4096), ..Work::default() };
    let mut eof = false;
    loop {
        let mut turn = match shared.enter() {
            None => answer_busy(&shared.control, &mut work),
            Some(mut state) => {
                let guard = session.get_or_insert_with(|| {
                    let id = state.open_session(origin.clone(), &wake);
                    Guard { shared: Arc::clone(&shared), id }
                });
                take_turn(state, guard.id, &mut work, Place::EventLoop)
            }
        };
        if let (Some(patience), Some(guard)) = (turn.script, &session) {
            let (there, id) = (Arc::clone(&shared), guard.id);
            let job = move || {
                let turn = take_turn(there.lock(), id, &mut work, Place::Beside);
                (work, turn)
            };
            match errand::run(job, patience, &shared.control).await {
                Some((done, next)) => (work, turn) = (done, next),
                // It panicked: the connection is lost.
                None => break,
            }
        }
        let Work { requests, input, output } = &mut work;
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
            read = reader.read_buf(input), if !eof && !turn.closing && input.len() < MAX_PENDING => match read {
                Ok(0) | Err(_) => eof = true,
                Ok(_) => requests.fresh = true,
            },
            written = writer.write(output), if !idle => match written {
                Ok(0) | Err(_) => break,
                Ok(count) => output.advance(count),
            },
            () = wake.notified() => {}
            () = deadline => {}
        }
    }
    drop(session);
    let _closed = writer.shutdown().await;
}

/// What a connection has received and is to send.
#[derive(Debug, Default)]
struct Work {
    requests: Requests,
    input: BytesMut,
    output: BytesMut,
}

/// Where a turn is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// By the task that polls all connections: no scripts.
    EventLoop,
    /// By a thread of its own.
    Beside,
}

/// The requests of a connection on their way.
#[derive(Debug, Default)]
struct Requests {
    parser: Parser,
    /// A whole request that has to wait.
    held: Option<Held>,
    /// Bytes have come since the last turn.
    fresh: bool,
    /// The connection has been let in.
    opened: bool,
    /// What a busy script has done to the open transaction.
    refused: Refused,
}

impl Requests {
    const fn is_new(&self) -> bool {
        !self.opened
    }
}

#[derive(Debug)]
struct Held {
    args: Vec<Bytes>,
    /// Set by a delay fault: when the request goes on, past all further faults.
    until_us: Option<u64>,
}

/// What the commands sent to a busy server mean for the transaction of a connection.
#[derive(Debug, Clone, Copy, Default)]
struct Refused {
    /// EXEC itself was refused: the transaction is over.
    ended: bool,
    /// MULTI, which a busy server allows.
    opened: bool,
    /// A command could not be queued: EXEC will fail.
    aborted: bool,
}

impl Refused {
    fn note(&mut self, name: &[u8]) {
        if name.eq_ignore_ascii_case(b"EXEC") {
            *self = Self { ended: true, ..Self::default() };
        } else if name.eq_ignore_ascii_case(b"MULTI") {
            self.opened = true;
        } else {
            self.aborted = true;
        }
    }
}

/// What the connection's task does next.
struct Turn {
    closing: bool,
    killed: bool,
    blocked: bool,
    /// How long until something happens by time alone.
    sleep: Option<Duration>,
    /// The next request runs a script: take the turn beside the event loop, which waits so long.
    script: Option<Duration>,
}

const GONE: Turn = Turn { closing: true, killed: true, blocked: false, sleep: None, script: None };

/// Executes the requests that are there and collects the output.
fn take_turn(
    mut state: MutexGuard<'_, State>,
    id: SessionId,
    work: &mut Work,
    place: Place,
) -> Turn {
    let Work { requests, input, output } = work;
    let mut held_until = None;
    let mut script = None;
    let node = state.sessions.get(&id).map_or(0, |session| session.node);
    if state.stopped || (requests.is_new() && state.refuses_node(node)) {
        return GONE;
    }
    if requests.is_new() && state.is_full() {
        state.stats.refused += 1;
        Reply::Error("ERR max number of clients reached".into()).encode(false, output);
        requests.opened = true;
        if let Some(session) = state.sessions.get_mut(&id) {
            session.closing = true;
        }
        return Turn { closing: true, killed: false, blocked: false, sleep: None, script: None };
    }
    requests.opened = true;
    after_refusal(&mut state, id, std::mem::take(&mut requests.refused));
    loop {
        let Some(session) = state.sessions.get(&id) else {
            return GONE;
        };
        if session.blocked.is_some() || session.closing || session.killed || session.hung {
            break;
        }
        let before = input.len() + requests.parser.taken();
        let next = match requests.held.take() {
            Some(held) => Ok(Some(held)),
            None => requests
                .parser
                .next(input, session.user.is_some())
                .map(|args| args.map(|args| Held { args, until_us: None })),
        };
        if let Some(session) = state.sessions.get_mut(&id) {
            session.note_received(if matches!(next, Ok(Some(_))) { before } else { input.len() });
        }
        match next {
            Ok(None) => break,
            Ok(Some(held)) if held.args.is_empty() => {}
            Ok(Some(held)) if place == Place::EventLoop && state.runs_script(id, &held.args) => {
                requests.held = Some(held);
                script = Some(state.config.busy_after);
                break;
            }
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
    if script.is_none()
        && let Some(session) = state.sessions.get_mut(&id)
    {
        session.received = input.len();
    }
    state.tick();
    let now_us = state.now_us;
    let manual = state.clock.is_manual();
    let expiry = state.next_told_expiry(id);
    let Some(session) = state.sessions.get_mut(&id) else {
        return GONE;
    };
    output.unsplit(session.out.split());
    let blocked = session.blocked.as_ref().and_then(|blocked| blocked.deadline_us);
    let deadline = [blocked, held_until, expiry].into_iter().flatten().min();
    Turn {
        closing: session.closing,
        killed: session.killed,
        blocked: session.blocked.is_some(),
        sleep: deadline
            .filter(|_| !manual)
            .map(|at| Duration::from_micros(at.saturating_sub(now_us))),
        script,
    }
}

/// Does to an open transaction what the refused commands would have done.
fn after_refusal(state: &mut State, id: SessionId, refused: Refused) {
    if refused.ended {
        state.unwatch(id);
    }
    let Some(session) = state.sessions.get_mut(&id) else {
        return;
    };
    if refused.ended {
        session.multi = None;
    }
    if refused.opened {
        session.multi.get_or_insert_default();
    }
    if let Some(multi) = session.multi.as_mut().filter(|_| refused.aborted) {
        multi.aborted = true;
    }
}

/// Answers for the server while a script holds the lock for too long; before, everyone waits.
fn answer_busy(control: &Control, work: &mut Work) -> Turn {
    let Work { requests, input, output } = work;
    let mut closing = false;
    while control.is_busy() && !closing {
        let next = match requests.held.take() {
            Some(held) => Ok(Some(held.args)),
            None => requests.parser.next(input, true),
        };
        match next {
            Ok(None) => break,
            Ok(Some(args)) if args.is_empty() => {}
            Ok(Some(args)) => {
                control.answer_busy(&args).encode(false, output);
                requests.refused.note(&args[0]);
            }
            Err(text) => {
                Reply::Error(text).encode(false, output);
                closing = true;
            }
        }
    }
    Turn { closing, killed: false, blocked: false, sleep: Some(SCRIPT_POLL), script: None }
}

/// Runs one request, faults included; gives it back with a time if it has to wait.
fn run_request(state: &mut State, id: SessionId, held: Held) -> Option<(Held, u64)> {
    state.freeze();
    let now_us = state.now_us;
    if let Some(until_us) =
        held.until_us.or_else(|| state.held_until(id, &held.args)).filter(|at| *at > now_us)
    {
        if let Some(session) = state.sessions.get_mut(&id) {
            session.held = true;
        }
        return Some((held, until_us));
    }
    if let Some(session) = state.sessions.get_mut(&id) {
        session.held = false;
    }
    let effect = if held.until_us.is_some() { None } else { state.decide_fault(&held.args) };
    match effect {
        Some(Effect::Delay(by)) => {
            let until_us = now_us.saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX));
            return Some((Held { until_us: Some(until_us), ..held }, until_us));
        }
        Some(effect) => state.handle_with_fault(id, &held.args, effect),
        None => state.handle_request(id, &held.args),
    }
    None
}
