//! Who looks on while commands run: CLIENT TRACKING and MONITOR.

use bytes::Bytes;

use super::call::Origin;
use super::command::flag;
use super::dispatch::Found;
use super::reply::Reply;
use super::session::SessionId;
use super::slow::is_secret;
use super::state::State;
use super::tracking::Caching;

/// Notes the keys that were read, for CLIENT TRACKING.
pub(crate) fn track(
    state: &mut State,
    id: SessionId,
    found: Found,
    args: &[Bytes],
    origin: Origin,
) {
    let tracked = state.sessions.get(&id).is_some_and(|session| session.tracking.is_some());
    // A script that reads has all its declared keys tracked, see `script_calls`.
    let scripted = origin == Origin::Script || found.runs_script();
    if tracked && !scripted && origin != Origin::Again {
        let keys: Vec<&Bytes> =
            found.command.keys.find(args).into_iter().filter_map(|at| args.get(at)).collect();
        state.track_read(id, &keys);
    }
}

/// CLIENT CACHING holds for one command or transaction only.
pub(crate) fn forget_caching(state: &mut State, id: SessionId, args: &[Bytes]) {
    let Some(session) = state.sessions.get_mut(&id).filter(|session| session.multi.is_none())
    else {
        return;
    };
    let asks = args[0].eq_ignore_ascii_case(b"CLIENT");
    if let Some(tracking) = session.tracking.as_mut().filter(|_| !asks) {
        tracking.caching = Caching::Unasked;
    }
}

impl State {
    /// Shows a command to the connections in MONITOR mode.
    pub(crate) fn feed_monitors(
        &mut self,
        id: SessionId,
        db: usize,
        found: Found,
        args: &[Bytes],
        origin: Origin,
    ) {
        let hidden = found.command.has(flag::SKIP_MONITOR | flag::ADMIN) || origin == Origin::Again;
        if hidden || !self.sessions.values().any(|session| session.monitor) {
            return;
        }
        let from = match (origin, self.sessions.get(&id)) {
            (Origin::Script, _) | (_, None) => "lua".to_owned(),
            (_, Some(session)) => session.peer.clone(),
        };
        let now = self.now_us;
        let mut line = format!("{}.{:06} [{db} {from}]", now / 1_000_000, now % 1_000_000);
        for (at, arg) in args.iter().enumerate() {
            let arg = if is_secret(found, args, at) { b"(redacted)" } else { &arg[..] };
            line.push_str(&format!(" \"{}\"", arg.escape_ascii()));
        }
        let line = Reply::Simple(line.into());
        for session in self.sessions.values_mut().filter(|session| session.monitor) {
            session.send(&line);
        }
    }
}
