//! CLIENT PAUSE and DEBUG SLEEP.

use bytes::Bytes;

use super::command::flag;
use super::dispatch;
use super::session::SessionId;
use super::state::State;

/// Commands are held back until then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pause {
    /// Microseconds since 1970.
    pub(crate) until_us: u64,
    pub(crate) writes_only: bool,
}

impl State {
    /// Holds back commands; a pause already there is never shortened, and the stricter one wins.
    pub(crate) fn pause(&mut self, until_us: u64, writes_only: bool) {
        let old = self.paused.filter(|pause| pause.until_us > self.now_us);
        self.paused = Some(Pause {
            until_us: old.map_or(until_us, |old| old.until_us.max(until_us)),
            writes_only: writes_only && old.is_none_or(|old| old.writes_only),
        });
    }

    /// True during a pause: keys then expire for the eye only.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.is_some_and(|pause| pause.until_us > self.now_us)
    }

    /// Lets everyone go on.
    pub(crate) fn unpause(&mut self) {
        self.paused = None;
        self.wake_all();
    }

    pub(crate) fn wake_all(&self) {
        for session in self.sessions.values() {
            session.wake.notify_one();
        }
    }

    /// When a request may run, if not now.
    pub(crate) fn held_until(&self, id: SessionId, args: &[Bytes]) -> Option<u64> {
        let pause = self.paused.filter(|pause| pause.until_us > self.now_us)?;
        let writes = |args: &[Bytes]| {
            dispatch::find(args).is_ok_and(|found| {
                found.command.has(flag::WRITE | flag::MAY_REPLICATE)
                    && !self.scripts.only_reads(found.command.name, args)
            })
        };
        let queued = self.sessions.get(&id).and_then(|session| session.multi.as_ref());
        let exec = args.first().is_some_and(|name| name.eq_ignore_ascii_case(b"EXEC"));
        let held = !pause.writes_only
            || (queued.is_none() && writes(args))
            || (exec && queued.is_some_and(|multi| multi.queued.iter().any(|args| writes(args))));
        held.then_some(pause.until_us)
    }
}
