//! One command being executed: its arguments, its session and the data.

use bytes::Bytes;

use super::command::Command;
use super::failure::Failure;
use super::reply::Reply;
use super::session::{Blocked, Session, SessionId};
use super::state::State;
use super::store::{Db, Entry, FRESH, Form};
use super::types::{Hash, List, Set, SortedSet, Stream};
use super::value::{TypedValue, Value};

/// Who asked for a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A client, directly.
    Client,
    /// EXEC.
    Exec,
    /// `redis.call`.
    Script,
    /// A blocked client whose key has changed.
    Again,
}

/// One command being executed.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) session_id: SessionId,
    /// The row of the command, or of the subcommand.
    pub(crate) command: &'static Command,
    /// The container's name where `command` is a subcommand.
    pub(crate) parent: Option<&'static str>,
    /// The arguments with the name at 0.
    pub(crate) args: &'a [Bytes],
    /// Index of the current database.
    pub(crate) db: usize,
    /// Whether replies go out in RESP3.
    pub(crate) resp3: bool,
    pub(crate) origin: Origin,
}

impl<'a> Call<'a> {
    /// The frozen time in milliseconds since 1970.
    pub(crate) const fn now_ms(&self) -> u64 {
        self.state.now_ms()
    }
    /// The frozen time in microseconds since 1970.
    pub(crate) const fn now_us(&self) -> u64 {
        self.state.now_us
    }
    /// The name in errors: `get`, `client|kill`.
    pub(crate) fn name(&self) -> String {
        match self.parent {
            Some(parent) => format!("{parent}|{}", self.command.name),
            None => self.command.name.to_owned(),
        }
    }
    /// The argument at `at`; the arity must cover it.
    pub(crate) fn arg(&self, at: usize) -> &'a Bytes {
        &self.args[at]
    }
    /// True if the argument at `at` is `word`, in any case.
    pub(crate) fn is(&self, at: usize, word: &str) -> bool {
        self.args.get(at).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    }
    /// The session that asked.
    pub(crate) fn session(&self) -> &Session {
        self.state.sessions.get(&self.session_id).expect("a session outlives its commands")
    }
    pub(crate) fn session_mut(&mut self) -> &mut Session {
        self.state.sessions.get_mut(&self.session_id).expect("a session outlives its commands")
    }
    pub(crate) fn database(&self) -> &Db {
        &self.state.dbs[self.db]
    }

    /// The entry of a key; one whose time has passed is removed first.
    pub(crate) fn lookup(&mut self, key: &Bytes) -> Option<&Entry> {
        self.lookup_in(self.db, key)
    }
    /// [`Call::lookup`] in another database.
    pub(crate) fn lookup_in(&mut self, db: usize, key: &Bytes) -> Option<&Entry> {
        let now_ms = self.now_ms();
        let due = self.state.dbs[db].get(key)?.expire_at.is_some_and(|at| at < now_ms);
        if due {
            if !self.state.is_paused() {
                self.state.expire_key(db, key);
            }
            return None;
        }
        self.state.dbs[db].get(key)
    }
    /// [`Call::lookup`] for a reading command: counts hits and misses and notes the use.
    pub(crate) fn read(&mut self, key: &Bytes) -> Option<&Entry> {
        let now_ms = self.now_ms();
        self.look(key)?;
        let db = &mut self.state.dbs[self.db];
        db.touch(key, now_ms);
        db.get(key)
    }
    /// [`Call::read`] that does not count as a use.
    pub(crate) fn look(&mut self, key: &Bytes) -> Option<&Entry> {
        if self.lookup(key).is_none() {
            self.state.stats.misses += 1;
            self.state.notify_event(self.db, super::notify::KEY_MISS, "keymiss", key);
            return None;
        }
        self.state.stats.hits += 1;
        self.state.dbs[self.db].get(key)
    }
    pub(crate) fn exists(&mut self, key: &Bytes) -> bool {
        self.lookup(key).is_some()
    }

    /// The value of a key as `T`; `None` if there is no key, WRONGTYPE if it holds another type.
    pub(crate) fn get<T: TypedValue>(&mut self, key: &Bytes) -> Result<Option<&T>, Failure> {
        match self.read(key) {
            None => Ok(None),
            Some(entry) => T::of(&entry.value).map(Some).ok_or_else(Failure::wrong_type),
        }
    }
    /// [`Call::get`], to change in place. Call [`Call::changed`] after the change.
    pub(crate) fn get_mut<T: TypedValue>(
        &mut self,
        key: &Bytes,
    ) -> Result<Option<&mut T>, Failure> {
        let now_ms = self.now_ms();
        if self.lookup(key).is_none() {
            return Ok(None);
        }
        let db = &mut self.state.dbs[self.db];
        db.touch(key, now_ms);
        match db.value_mut(key) {
            None => Ok(None),
            Some(value) => T::of_mut(value).map(Some).ok_or_else(Failure::wrong_type),
        }
    }
    /// [`Call::get_mut`], creating an empty value where there is none.
    pub(crate) fn get_or_create<T: TypedValue>(&mut self, key: &Bytes) -> Result<&mut T, Failure> {
        if self.lookup(key).is_none() {
            self.put(key, T::default().into_value());
        }
        let limits = self.state.config.limits;
        let value =
            self.state.dbs[self.db].value_mut(key).expect("the key was just looked up or created");
        let typed = T::of_mut(value).ok_or_else(Failure::wrong_type)?;
        typed.adopt(limits);
        Ok(typed)
    }
    /// Stores a value without an expiry, whatever was there; tells nobody yet.
    pub(crate) fn put(&mut self, key: &Bytes, value: Value) {
        self.put_with(key, value, None);
    }
    /// [`Call::put`] with an expiry in milliseconds since 1970.
    pub(crate) fn put_with(&mut self, key: &Bytes, value: Value, expire_at: Option<u64>) {
        let entry =
            Entry { value, expire_at, used_at: self.now_ms(), form: Form::default(), freq: FRESH };
        if self.state.dbs[self.db].insert(key.clone(), entry).is_none() {
            self.state.notify_event(self.db, super::notify::NEW, "new", key);
        }
    }
    /// Replaces a value in place and keeps the expiry.
    pub(crate) fn put_keeping_expiry(&mut self, key: &Bytes, value: Value) {
        let expire_at = self.lookup(key).and_then(|entry| entry.expire_at);
        self.put_with(key, value, expire_at);
    }
    /// Stores the result of a `...STORE` command: an empty value deletes the key.
    /// Tells everyone: `event` of `class` if stored, `del` if it vanished.
    pub(crate) fn store_result(&mut self, key: &Bytes, value: Value, class: u32, event: &str) {
        if value.is_vanished() {
            self.delete(key, "del");
        } else {
            self.put(key, value);
            self.changed(key, class, event);
        }
    }
    /// Removes a key, tells everyone with `event` (`del`); false if there was none.
    pub(crate) fn delete(&mut self, key: &Bytes, event: &str) -> bool {
        if self.lookup(key).is_none() {
            return false;
        }
        self.state.dbs[self.db].remove(key);
        self.signal(key);
        self.notify(super::notify::GENERIC, event, key);
        true
    }
    /// To be called after each change of a key in place: tells WATCH, blocked clients and
    /// tracking, publishes `event` of `class`, and removes a collection that became empty
    /// (with its `del` event).
    pub(crate) fn changed(&mut self, key: &Bytes, class: u32, event: &str) {
        self.signal(key);
        self.notify(class, event, key);
        self.remove_if_empty(key);
    }
    /// Removes a collection that became empty, with its `del` event; true if it did.
    pub(crate) fn remove_if_empty(&mut self, key: &Bytes) -> bool {
        let gone = self.state.dbs[self.db].get(key).is_some_and(|entry| entry.value.is_vanished());
        if gone {
            self.state.dbs[self.db].remove(key);
            self.notify(super::notify::GENERIC, "del", key);
        }
        gone
    }
    /// Tells WATCH, blocked clients and tracking that a key has changed; counts one write.
    pub(crate) fn signal(&mut self, key: &Bytes) {
        self.state.dirty += 1;
        self.state.key_changed(self.db, key);
    }
    /// Publishes a keyspace event.
    pub(crate) fn notify(&mut self, class: u32, event: &str, key: &Bytes) {
        self.state.notify_event(self.db, class, event, key);
    }

    /// True where a blocking command must answer at once: inside EXEC or a script.
    pub(crate) const fn must_not_block(&self) -> bool {
        matches!(self.origin, Origin::Exec | Origin::Script)
    }
    /// Makes the session wait for one of `keys`; the command runs again when one changes.
    /// Inside EXEC or a script it answers `on_timeout` at once.
    /// `deadline_us`: see [`timeout_deadline`]; none waits for ever.
    pub(crate) fn block(
        &mut self,
        keys: Vec<Bytes>,
        deadline_us: Option<u64>,
        on_timeout: Reply,
    ) -> Reply {
        self.block_as(self.args.to_vec(), keys, deadline_us, on_timeout)
    }
    /// [`Call::block`] with other arguments for the command that runs again.
    pub(crate) fn block_as(
        &mut self,
        args: Vec<Bytes>,
        keys: Vec<Bytes>,
        deadline_us: Option<u64>,
        on_timeout: Reply,
    ) -> Reply {
        match self.origin {
            Origin::Exec | Origin::Script => on_timeout,
            // The old wait goes on, with its place in the queue and its deadline.
            Origin::Again => Reply::None,
            Origin::Client => {
                let blocked = Blocked { args, db: self.db, keys, deadline_us, on_timeout };
                self.state.block(self.session_id, blocked);
                Reply::None
            }
        }
    }
    /// Reads the time-out of a blocking command, in seconds with a fraction; 0 is for ever.
    pub(crate) fn timeout_deadline(&self, arg: &Bytes) -> Result<Option<u64>, Failure> {
        let seconds = super::number::parse_f64(arg)
            .ok_or(Failure::fixed("ERR timeout is not a float or out of range"))?;
        let ms = (seconds * 1000.0).ceil();
        if ms.is_nan() || ms >= 9_223_372_036_854_775_807.0 {
            // Redis casts to a 64-bit integer, which then is the least one.
            return Err(Failure::fixed("ERR timeout is negative"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "bounded just above")]
        self.deadline_from_ms(ms as i64)
    }
    /// [`Call::timeout_deadline`] for whole milliseconds (XREAD BLOCK).
    pub(crate) fn deadline_from_ms(&self, ms: i64) -> Result<Option<u64>, Failure> {
        let ms = u64::try_from(ms).map_err(|_| Failure::fixed("ERR timeout is negative"))?;
        if ms == 0 {
            return Ok(None);
        }
        let at = self.now_ms().checked_add(ms).filter(|at| i64::try_from(*at).is_ok());
        let at = at.ok_or(Failure::fixed("ERR timeout is out of range"))?;
        // What microseconds cannot hold lies in the year 294000: never.
        Ok(at.checked_mul(1000).filter(|at| i64::try_from(*at).is_ok()))
    }
}

macro_rules! typed_access {
    ($get:ident, $get_mut:ident, $create:ident, $type:ty) => {
        impl Call<'_> {
            /// [`Call::get`] for this type.
            pub(crate) fn $get(&mut self, key: &Bytes) -> Result<Option<&$type>, Failure> {
                self.get(key)
            }
            /// [`Call::get_mut`] for this type.
            pub(crate) fn $get_mut(&mut self, key: &Bytes) -> Result<Option<&mut $type>, Failure> {
                self.get_mut(key)
            }
            /// [`Call::get_or_create`] for this type.
            pub(crate) fn $create(&mut self, key: &Bytes) -> Result<&mut $type, Failure> {
                self.get_or_create(key)
            }
        }
    };
}

impl Call<'_> {
    /// [`Call::get`] for strings.
    pub(crate) fn string(&mut self, key: &Bytes) -> Result<Option<&Vec<u8>>, Failure> {
        self.get(key)
    }
    /// [`Call::get_or_create`] for strings.
    pub(crate) fn string_or_create(&mut self, key: &Bytes) -> Result<&mut Vec<u8>, Failure> {
        self.get_or_create(key)
    }
}

typed_access!(list, list_mut, list_or_create, List);
typed_access!(hash, hash_mut, hash_or_create, Hash);
typed_access!(set, set_mut, set_or_create, Set);
typed_access!(sorted_set, sorted_set_mut, sorted_set_or_create, SortedSet);
typed_access!(stream, stream_mut, stream_or_create, Stream);
