//! Executing whole requests: what comes before and after each command.

use bytes::Bytes;

use super::dispatch;
use super::fault::Effect;
use super::reply::Reply;
use super::server::Origin;
use super::session::{ReplyMode, SessionId};
use super::state::State;

impl State {
    /// Runs one request whole: the command, then everyone it has woken.
    pub(crate) fn handle_request(&mut self, id: SessionId, args: &[Bytes]) {
        self.tick();
        self.enter_node(id);
        self.begin_write_record();
        dispatch::execute(self, id, args);
        self.serve_waiting();
        self.send_invalidations(id);
        self.wake_for_expiry();
    }

    /// Lets the connections that are told of expiry set their timers anew.
    fn wake_for_expiry(&mut self) {
        let next = self.dbs.iter().filter_map(super::store::Db::next_expiry).min();
        if next == self.known_expiry {
            return;
        }
        self.known_expiry = next;
        for session in self.sessions.values() {
            if session.tracking.is_some() || session.subscriptions() > 0 {
                session.wake.notify_one();
            }
        }
    }

    /// Reads the clock and does what is due: time-outs and expiry.
    pub(crate) fn tick(&mut self) {
        self.freeze();
        self.serve_timeouts();
        self.expire_due();
        self.serve_waiting();
        self.send_invalidations(0);
    }

    /// When a key expires next (in microseconds since 1970), if this connection would be told.
    /// Others need no timer: what is due is removed before the next command looks.
    pub(crate) fn next_told_expiry(&self, id: SessionId) -> Option<u64> {
        let session = self.sessions.get(&id)?;
        let listens =
            session.subscriptions() > 0 && self.config.notify & super::notify::EXPIRED != 0;
        if !self.active_expire || !(listens || session.tracking.is_some()) {
            return None;
        }
        let next = self.dbs.iter().filter_map(super::store::Db::next_expiry).min()?;
        // A key lives through its last millisecond.
        Some(next.saturating_add(1).saturating_mul(1000))
    }

    /// Sends the reply of a command.
    pub(crate) fn serve_replied(&mut self, id: SessionId, reply: &Reply) {
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

    /// What the faults in force do to a request.
    pub(crate) fn decide_fault(&mut self, args: &[Bytes]) -> Option<Effect> {
        if self.faults.is_empty() {
            return None;
        }
        let mut faults = std::mem::take(&mut self.faults);
        let effect = faults.decide(args, || self.next_random());
        self.faults = faults;
        effect
    }

    /// Runs one request under a fault; delays are the caller's business.
    pub(crate) fn handle_with_fault(&mut self, id: SessionId, args: &[Bytes], effect: Effect) {
        let before = self.sessions.get(&id).map_or(0, |session| session.out.len());
        match effect {
            Effect::Delay(_) => self.handle_request(id, args),
            Effect::Error(text) => {
                if let Some(multi) =
                    self.sessions.get_mut(&id).and_then(|session| session.multi.as_mut())
                {
                    multi.aborted = true;
                }
                self.stats.note_error(&text);
                self.serve_replied(id, &Reply::Error(text));
            }
            Effect::DropBefore => self.kill(id),
            Effect::ExecuteThenDrop => {
                self.handle_request(id, args);
                self.cut_output(id, before);
                self.kill(id);
            }
            Effect::ExecuteThenHang => {
                self.handle_request(id, args);
                self.cut_output(id, before);
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.hung = true;
                }
            }
            Effect::PartialReply(bytes) => {
                self.handle_request(id, args);
                self.cut_output(id, before + bytes);
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.closing = true;
                }
            }
            Effect::KillAll => {
                self.kill_all();
            }
            Effect::FlushScripts => {
                self.flush_scripts();
                self.handle_request(id, args);
            }
            Effect::FailOver(lost_writes) => {
                self.fail_over(lost_writes, false);
                self.kill_all();
            }
        }
    }

    fn cut_output(&mut self, id: SessionId, len: usize) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.out.truncate(len);
        }
    }

    /// Closes a connection at once.
    pub(crate) fn kill(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.killed = true;
            session.wake.notify_one();
        }
    }

    /// Closes every connection at once; returns how many there were.
    pub(crate) fn kill_all(&mut self) -> usize {
        let open = self.sessions.values_mut().filter(|session| !session.killed);
        open.map(|session| {
            session.killed = true;
            session.wake.notify_one();
        })
        .count()
    }

    /// Runs a command without a connection, as the all-powerful user, past strict checks of ACL.
    pub(crate) fn run_inside(&mut self, args: &[Bytes]) -> Reply {
        let id = self.open_session(
            Origin { peer: "inside:0".into(), local: "inside:0".into(), node: self.node_for(args) },
            &std::sync::Arc::default(),
        );
        if let Some(session) = self.sessions.get_mut(&id) {
            // RESP3 keeps the shapes apart; the user is one no ACL knows.
            session.user = Some(Bytes::new());
            session.resp3 = true;
        }
        self.tick();
        self.enter_node(id);
        self.begin_write_record();
        let reply = match self.decide_fault(args) {
            Some(Effect::Error(text)) => Reply::Error(text),
            Some(Effect::FlushScripts) => {
                self.flush_scripts();
                dispatch::reply_to(self, id, args)
            }
            _ => dispatch::reply_to(self, id, args),
        };
        self.serve_waiting();
        self.send_invalidations(id);
        let waited = self.unblock(id).map(|blocked| blocked.on_timeout);
        self.close_session(id);
        waited.unwrap_or(reply)
    }

    /// Empties the script cache.
    pub(crate) fn flush_scripts(&mut self) {
        let args = [Bytes::from_static(b"SCRIPT"), Bytes::from_static(b"FLUSH")];
        if let Ok(found) = dispatch::find(&args) {
            let id = self.open_session(
                Origin { peer: String::new(), local: String::new(), node: self.active_node },
                &std::sync::Arc::default(),
            );
            let _done = dispatch::run(self, id, found, &args, super::call::Origin::Client, None);
            self.close_session(id);
        }
    }

    /// Whether a new connection to a node is closed at once.
    pub(crate) fn refuses_node(&self, node: usize) -> bool {
        self.refuses || self.is_down(node)
    }
}
