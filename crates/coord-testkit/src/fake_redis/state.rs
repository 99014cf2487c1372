//! Everything the server knows, behind one lock.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::acl::Users;
use super::acl::log::AclLog;
use super::blocking::Waiting;
use super::clock::Clock;
use super::config::Config;
use super::dispatch::Found;
use super::fault::Faults;
use super::history::History;
use super::log::Log;
use super::pause::Pause;
use super::replication::Replication;
use super::scripts::Scripts;
use super::session::{Session, SessionId};
use super::slow::{Histogram, Slow};
use super::store::Db;
use super::topology::Topology;
use super::tracking::TrackingTable;

/// Databases of a server.
pub(crate) const DATABASES: usize = 16;

/// The whole server.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) dbs: Vec<Db>,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    pub(crate) clock: Clock,
    /// The frozen time of the current command, EXEC or script, in microseconds since 1970.
    pub(crate) now_us: u64,
    pub(crate) config: Config,
    pub(crate) scripts: Scripts,
    /// Sessions that watch a key, by database and key.
    pub(crate) watchers: HashMap<(usize, Bytes), Vec<SessionId>>,
    pub(crate) waiting: Waiting,
    pub(crate) stats: Stats,
    /// Undeclared keys in scripts and the like are errors.
    pub(crate) strict: bool,
    pub(crate) next_session: SessionId,
    /// State of the generator behind RANDOMKEY, SPOP and the like.
    pub(crate) random: u64,
    /// Writes since start; scripts and tests compare it.
    pub(crate) dirty: u64,
    /// False after DEBUG SET-ACTIVE-EXPIRE 0.
    pub(crate) active_expire: bool,
    pub(crate) started_us: u64,
    pub(crate) users: Users,
    pub(crate) paused: Option<Pause>,
    pub(crate) tracking: TrackingTable,
    /// Ports by node.
    pub(crate) ports: Vec<u16>,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    /// New connections are closed at once.
    pub(crate) refuses: bool,
    /// The server is gone: every connection ends.
    pub(crate) stopped: bool,
    /// The next expiry as the connections that are told know it.
    pub(crate) known_expiry: Option<u64>,
    pub(crate) acl_log: AclLog,
    pub(crate) slow: Slow,
    /// How long DEBUG SLEEP takes that has just run.
    pub(crate) slept: Duration,
    /// Scripts may call what they otherwise must not (DEBUG SET-DISABLE-DENY-SCRIPTS).
    pub(crate) scripts_may_all: bool,
    pub(crate) topology: Topology,
    pub(crate) history: History,
    pub(crate) replication: Replication,
    /// The node `scripts` belongs to.
    pub(crate) active_node: usize,
    /// The scripts of the other nodes, by node.
    pub(crate) other_scripts: Vec<Scripts>,
}

/// Counters of INFO.
#[derive(Debug, Default, Clone)]
pub(crate) struct Stats {
    pub(crate) connections: u64,
    pub(crate) commands: u64,
    pub(crate) expired: u64,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) evicted: u64,
    pub(crate) errors: BTreeMap<String, u64>,
    /// By container and name.
    pub(crate) calls: BTreeMap<(Option<&'static str>, &'static str), CallStats>,
    /// How long they took, by the same.
    pub(crate) times: BTreeMap<(Option<&'static str>, &'static str), Histogram>,
    /// Values that UNLINK and its like left to a background thread.
    pub(crate) freed_lazily: u64,
    /// Connections refused because there were too many.
    pub(crate) refused: u64,
    /// The latest error of a command that the running script has called; it is counted.
    pub(crate) script_error: Option<String>,
}

/// Counters of one command.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct CallStats {
    pub(crate) calls: u64,
    /// Not even run.
    pub(crate) rejected: u64,
    /// Answered with an error.
    pub(crate) failed: u64,
    /// Microseconds in all.
    pub(crate) usec: u64,
}

impl Stats {
    /// Counts an error reply by its code.
    pub(crate) fn note_error(&mut self, text: &str) {
        let code = text.split(' ').next().unwrap_or("ERR").to_owned();
        *self.errors.entry(code).or_default() += 1;
    }

    /// Counts an error reply of a command; one that a script only passes on is counted already.
    pub(crate) fn note_failed(&mut self, found: Found, text: &str) {
        self.of(found).failed += 1;
        let known = self.script_error.as_ref().is_some_and(|error| text.starts_with(&**error));
        if !(found.runs_script() && known) {
            self.note_error(text);
        }
    }

    pub(crate) fn of(&mut self, found: Found) -> &mut CallStats {
        self.calls.entry((found.parent, found.command.name)).or_default()
    }
}

impl State {
    pub(crate) fn new(clock: Clock, config: Config, strict: bool, seed: u64) -> Self {
        let now_us = clock.now_us();
        Self {
            dbs: vec![Db::default(); DATABASES],
            sessions: BTreeMap::new(),
            clock,
            now_us,
            config,
            scripts: Scripts::default(),
            watchers: HashMap::new(),
            waiting: Waiting::default(),
            stats: Stats::default(),
            strict,
            next_session: 1,
            random: seed,
            dirty: 0,
            active_expire: true,
            started_us: now_us,
            users: Users::default(),
            paused: None,
            tracking: TrackingTable::default(),
            ports: Vec::new(),
            faults: Faults::default(),
            log: Log::default(),
            refuses: false,
            stopped: false,
            known_expiry: None,
            acl_log: AclLog::default(),
            slow: Slow::default(),
            slept: Duration::ZERO,
            scripts_may_all: false,
            topology: Topology::Single,
            history: History::default(),
            replication: Replication::default(),
            active_node: 0,
            other_scripts: Vec::new(),
        }
    }

    pub(crate) const fn now_ms(&self) -> u64 {
        self.now_us / 1000
    }

    /// Reads the clock; the value then stays for the whole command.
    pub(crate) fn freeze(&mut self) {
        self.now_us = self.clock.now_us();
    }

    /// The next number of a fixed sequence (splitmix64).
    pub(crate) fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.random;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// Removes every key whose time has passed.
    pub(crate) fn expire_due(&mut self) {
        if !self.active_expire || self.is_paused() {
            return;
        }
        let now_ms = self.now_ms();
        let start = self.dbs.iter().any(|db| db.is_due(now_ms)).then(Instant::now);
        for db in 0..self.dbs.len() {
            while let Some(key) = self.dbs[db].first_due(now_ms) {
                self.expire_key(db, &key);
            }
        }
        self.send_pending(true);
        if let Some(start) = start {
            self.note_latency("expire-cycle", start.elapsed());
        }
    }

    pub(crate) fn expire_key(&mut self, db: usize, key: &Bytes) {
        self.dbs[db].remove(key);
        self.stats.expired += 1;
        self.propagate_removal(db, key);
        self.key_changed(db, key);
        self.notify_event(db, super::notify::EXPIRED, "expired", key);
    }

    /// Tells WATCH, blocked clients and tracking that a key has changed.
    pub(crate) fn key_changed(&mut self, db: usize, key: &Bytes) {
        if let Some(ids) = self.watchers.get(&(db, key.clone())) {
            let gone = !self.dbs[db].contains(key);
            for id in ids {
                let Some(session) = self.sessions.get_mut(id) else { continue };
                let watched =
                    session.watched.iter_mut().find(|(at, other, _)| *at == db && other == key);
                // A key that was past its time already when it was watched is removed at last:
                // that is no change.
                match watched {
                    Some((_, _, was_due)) if *was_due && gone => *was_due = false,
                    _ => session.dirty = true,
                }
            }
        }
        self.waiting.signal(db, key);
        self.track_change(key);
    }

    /// Empties a database.
    pub(crate) fn flush_db(&mut self, db: usize) {
        let keys: Vec<Bytes> = self.dbs[db].keys().cloned().collect();
        self.dirty += 1;
        self.dbs[db].clear();
        for key in &keys {
            self.key_changed(db, key);
        }
        self.track_flush();
    }

    /// Exchanges two databases: watched keys of both count as changed, waiting clients look again.
    pub(crate) fn swap_dbs(&mut self, first: usize, second: usize) {
        if first == second {
            return;
        }
        self.dbs.swap(first, second);
        self.dirty += 1;
        for (into, from) in [(first, second), (second, first)] {
            self.touch_swapped(into, from);
        }
        let waiting: Vec<(usize, Bytes)> = self.waiting.keys().cloned().collect();
        for (db, key) in waiting {
            if (db == first || db == second) && self.dbs[db].contains(&key) {
                self.waiting.signal(db, &key);
            }
        }
    }

    /// Tells those who watch keys of a database that another one has taken its place; the former
    /// content is in `former` now. A key that was past its time and is so again has not changed.
    fn touch_swapped(&mut self, db: usize, former: usize) {
        let now_ms = self.now_ms();
        let is_stale = |entry: &super::store::Entry| entry.expire_at.is_some_and(|at| at < now_ms);
        let watched: Vec<Bytes> =
            self.watchers.keys().filter(|(at, _)| *at == db).map(|(_, key)| key.clone()).collect();
        for key in watched {
            let (before, now) = (self.dbs[former].get(&key), self.dbs[db].get(&key));
            let (existed, exists) = (before.is_some(), now.is_some());
            let stale = now.is_some_and(is_stale);
            if !existed && !exists {
                continue;
            }
            for id in self.watchers.get(&(db, key.clone())).cloned().unwrap_or_default() {
                let Some(session) = self.sessions.get_mut(&id) else { continue };
                let own = session.watched.iter_mut().find(|(at, own, _)| *at == db && *own == key);
                match own {
                    Some((.., was_due)) if *was_due && !exists => *was_due = false,
                    Some((.., was_due)) if *was_due && stale => {}
                    Some((.., was_due)) if !existed && stale => *was_due = true,
                    _ => session.dirty = true,
                }
            }
        }
    }

    /// Forgets a connection.
    pub(crate) fn close_session(&mut self, id: SessionId) {
        self.unblock(id);
        self.unwatch(id);
        self.unfollow(id);
        self.sessions.remove(&id);
    }

    /// Forgets the keys a session watches.
    pub(crate) fn unwatch(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.dirty = false;
        for (db, key, _) in std::mem::take(&mut session.watched) {
            if let Some(ids) = self.watchers.get_mut(&(db, key.clone())) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    self.watchers.remove(&(db, key));
                }
            }
        }
    }
}
