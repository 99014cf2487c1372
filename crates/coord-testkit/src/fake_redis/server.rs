//! Connections: reading requests, executing them under the lock, writing replies.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;

use super::dispatch;
use super::reply::Reply;
use super::request::Parser;
use super::session::{ReplyMode, Session, SessionId};
use super::state::State;

/// Most bytes kept of requests that cannot run yet (a blocked client that goes on sending).
const MAX_PENDING: usize = 1024 * 1024 * 1024;

/// The state and its lock, shared by all connections.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
}

impl Shared {
    pub(crate) const fn new(state: State) -> Self {
        Self { state: Mutex::new(state) }
    }

    /// Takes the lock. A panic of another command leaves the data as it was then.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Opens a session; the caller closes it.
    pub(crate) fn open_session(&mut self, peer: String, local: String) -> (SessionId, Arc<Notify>) {
        let id = self.next_session;
        self.next_session += 1;
        let mut session = Session::new(id, peer, local, self.clock.now_us());
        if self.users.default_is_open() {
            session.user = Some(Bytes::from_static(b"default"));
        }
        let wake = Arc::clone(&session.wake);
        self.sessions.insert(id, session);
        self.stats.connections += 1;
        (id, wake)
    }

    /// Runs one request whole: the command, then everyone it has woken.
    pub(crate) fn handle_request(&mut self, id: SessionId, args: &[Bytes]) {
        self.freeze();
        self.serve_timeouts();
        self.expire_due();
        dispatch::execute(self, id, args);
        self.serve_waiting();
        self.send_invalidations(id);
    }

    /// Sends the reply of a command and counts errors.
    pub(crate) fn serve_replied(&mut self, id: SessionId, reply: &Reply) {
        if let Reply::Error(text) = reply {
            let code = text.split(' ').next().unwrap_or("ERR").to_owned();
            *self.stats.errors.entry(code).or_default() += 1;
        }
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.send(reply);
        session.reply_mode = match session.reply_mode {
            ReplyMode::SkipNext => ReplyMode::Skip,
            ReplyMode::Skip => ReplyMode::On,
            mode => mode,
        };
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
pub(crate) async fn serve<S>(stream: S, shared: Arc<Shared>, peer: String, local: String)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (id, wake) = shared.lock().open_session(peer, local);
    let guard = Guard { shared: Arc::clone(&shared), id };
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut input = BytesMut::with_capacity(4096);
    let mut output = BytesMut::new();
    let mut requests = Requests::default();
    let mut eof = false;
    loop {
        let turn = take_turn(&shared, id, &mut requests, &mut input, &mut output);
        if turn.killed
            || (turn.closing && output.is_empty())
            || (eof && output.is_empty() && !turn.blocked)
        {
            break;
        }
        if eof && turn.blocked {
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
                Ok(_) => {}
            },
            written = writer.write(&output), if !output.is_empty() => match written {
                Ok(0) | Err(_) => break,
                Ok(count) => output.advance(count),
            },
            () = wake.notified() => {}
            () = deadline => {}
        }
    }
    drop(guard);
    let _closed = writer.shutdown().await;
}

/// The requests of a connection on their way.
#[derive(Debug, Default)]
struct Requests {
    parser: Parser,
    /// A whole request that has to wait.
    held: Option<Vec<Bytes>>,
}

/// What the connection's task does next.
struct Turn {
    closing: bool,
    killed: bool,
    blocked: bool,
    /// How long until something happens by time alone.
    sleep: Option<Duration>,
}

/// Executes the requests that are there and collects the output.
fn take_turn(
    shared: &Shared,
    id: SessionId,
    requests: &mut Requests,
    input: &mut BytesMut,
    output: &mut BytesMut,
) -> Turn {
    let gone = Turn { closing: true, killed: true, blocked: false, sleep: None };
    let mut state = shared.lock();
    let mut held_until = None;
    loop {
        let Some(session) = state.sessions.get(&id) else {
            return gone;
        };
        if session.blocked.is_some() || session.closing || session.killed {
            break;
        }
        let next = match requests.held.take() {
            Some(args) => Ok(Some(args)),
            None => requests.parser.next(input, session.user.is_some()),
        };
        match next {
            Ok(None) => break,
            Ok(Some(args)) if args.is_empty() => {}
            Ok(Some(args)) => {
                state.freeze();
                held_until = state.held_until(id, &args);
                if held_until.is_some() {
                    requests.held = Some(args);
                    break;
                }
                state.handle_request(id, &args);
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
        return gone;
    };
    output.unsplit(session.out.split());
    let blocked = session.blocked.as_ref().and_then(|blocked| blocked.deadline_us);
    let deadline = [blocked, held_until].into_iter().flatten().min();
    Turn {
        closing: session.closing,
        killed: session.killed,
        blocked: session.blocked.is_some(),
        sleep: deadline
            .filter(|_| !manual)
            .map(|at| Duration::from_micros(at.saturating_sub(now_us))),
    }
}
