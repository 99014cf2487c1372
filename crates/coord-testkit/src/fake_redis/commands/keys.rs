//! Keys, whatever they hold.

use bytes::Bytes;

use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify::GENERIC;
use crate::fake_redis::number::integer;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::state::DATABASES;
use crate::fake_redis::store::Entry;

use super::{dump, object, scan, sort};
use flag::{DENYOOM, FAST, MOVABLE_KEYS, READONLY, WRITE};

pub(crate) static FAMILY: Family = Family {
    group: "keyspace",
    commands: &[
        Command::new("del", -2, WRITE, Keys::ALL, del),
        Command::new("unlink", -2, WRITE | FAST, Keys::ALL, unlink),
        Command::new("exists", -2, READONLY | FAST, Keys::ALL, exists),
        Command::new("touch", -2, READONLY | FAST, Keys::ALL, touch),
        Command::new("type", 2, READONLY | FAST, Keys::ONE, type_of),
        Command::new("rename", 3, WRITE, Keys::TWO, rename),
        Command::new("renamenx", 3, WRITE | FAST, Keys::TWO, renamenx),
        Command::new("copy", -3, WRITE | DENYOOM, Keys::TWO, copy),
        Command::new("move", 3, WRITE | FAST, Keys::ONE, move_to),
        Command::new("dbsize", 1, READONLY | FAST, Keys::None, scan::dbsize),
        Command::new("keys", 2, READONLY | flag::DANGEROUS, Keys::None, scan::keys),
        Command::new("randomkey", 1, READONLY, Keys::None, scan::randomkey),
        Command::new("scan", -2, READONLY, Keys::None, scan::scan),
        Command::container("object", object::OBJECT),
        Command::new("dump", 2, READONLY, Keys::ONE, dump::dump),
        Command::new("restore", -4, WRITE | DENYOOM | flag::DANGEROUS, Keys::ONE, dump::restore),
        Command::new(
            "restore-asking",
            -4,
            WRITE | DENYOOM | flag::DANGEROUS,
            Keys::ONE,
            dump::restore,
        ),
        Command::new(
            "sort",
            -2,
            WRITE | DENYOOM | MOVABLE_KEYS | flag::DANGEROUS,
            Keys::Custom(sort::keys),
            sort::sort,
        ),
        Command::new(
            "sort_ro",
            -2,
            READONLY | MOVABLE_KEYS | flag::DANGEROUS,
            Keys::ONE,
            sort::sort,
        ),
    ],
};

fn del(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let count = call.args[1..].iter().filter(|key| call.delete(key, "del")).count();
    Ok(Reply::len(count))
}

fn unlink(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let large = call.args[1..].iter().filter(|key| {
        call.state.dbs[call.db].get(key).is_some_and(|entry| entry.value.parts() > LAZY_PARTS)
    });
    call.state.stats.freed_lazily += large.count() as u64;
    del(call)
}

/// Values of more parts are freed in the background by a real server.
const LAZY_PARTS: usize = 64;

fn exists(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::len(call.args[1..].iter().filter(|key| call.look(key).is_some()).count()))
}

fn touch(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::len(call.args[1..].iter().filter(|key| call.read(key).is_some()).count()))
}

fn type_of(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let entry = call.lookup(call.arg(1));
    Ok(Reply::simple(entry.map_or("none", |entry| entry.value.type_name())))
}

fn rename(call: &mut Call<'_>) -> Result<Reply, Failure> {
    renamed(call, true).map(|_| Reply::OK)
}

fn renamenx(call: &mut Call<'_>) -> Result<Reply, Failure> {
    renamed(call, false).map(Reply::flag)
}

fn renamed(call: &mut Call<'_>, replace: bool) -> Result<bool, Failure> {
    let (from, to) = (call.arg(1), call.arg(2));
    if call.lookup(from).is_none() {
        return Err(Failure::no_such_key());
    }
    if from == to {
        return Ok(replace);
    }
    if call.exists(to) {
        if !replace {
            return Ok(false);
        }
        call.state.dbs[call.db].remove(to);
    }
    if let Some(entry) = call.state.dbs[call.db].remove(from) {
        call.state.dbs[call.db].insert(to.clone(), entry);
    }
    call.signal(from);
    call.signal(to);
    call.notify(GENERIC, "rename_from", from);
    call.notify(GENERIC, "rename_to", to);
    Ok(true)
}

/// Refuses a number that does not fit in 32 bits, as SELECT, MOVE and COPY do before they look at
/// their databases.
pub(crate) fn in_32_bits(bytes: &[u8]) -> Result<(), Failure> {
    match i32::try_from(integer(bytes)?) {
        Ok(_) => Ok(()),
        Err(_) => Err(Failure::fixed(
            "ERR value is out of range, value must between -2147483648 and 2147483647",
        )),
    }
}

/// A database index, or the error.
pub(crate) fn db_index(bytes: &[u8]) -> Result<usize, Failure> {
    let index = integer(bytes)?;
    let index = usize::try_from(index).ok().filter(|index| *index < DATABASES);
    index.ok_or(Failure::fixed("ERR DB index is out of range"))
}

const SAME: Failure = Failure::fixed("ERR source and destination objects are the same");

fn copy(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (mut to_db, mut replace) = (call.db, false);
    let mut at = 3;
    while at < call.args.len() {
        if call.is(at, "REPLACE") {
            replace = true;
        } else if call.is(at, "DB") && at + 1 < call.args.len() {
            in_32_bits(call.arg(at + 1))?;
            to_db = db_index(call.arg(at + 1))?;
            at += 1;
        } else {
            return Err(Failure::syntax());
        }
        at += 1;
    }
    let (from, to) = (call.arg(1), call.arg(2));
    if to_db == call.db && from == to {
        return Err(SAME);
    }
    let Some(entry) = call.read(from).cloned() else {
        return Ok(Reply::Integer(0));
    };
    Ok(Reply::flag(in_db(call, to_db, |call| {
        if call.exists(to) && !replace {
            return false;
        }
        put_entry(call, to, entry);
        call.notify(GENERIC, "copy_to", to);
        true
    })))
}

fn move_to(call: &mut Call<'_>) -> Result<Reply, Failure> {
    in_32_bits(call.arg(2))?;
    let to_db = db_index(call.arg(2))?;
    let key = call.arg(1);
    if to_db == call.db {
        return Err(SAME);
    }
    let Some(entry) = call.lookup(key).cloned() else {
        return Ok(Reply::Integer(0));
    };
    if call.lookup_in(to_db, key).is_some() {
        return Ok(Reply::Integer(0));
    }
    call.state.dbs[call.db].remove(key);
    call.signal(key);
    call.notify(GENERIC, "move_from", key);
    in_db(call, to_db, |call| {
        put_entry(call, key, entry);
        call.notify(GENERIC, "move_to", key);
    });
    Ok(Reply::Integer(1))
}

fn put_entry(call: &mut Call<'_>, key: &Bytes, entry: Entry) {
    call.state.dbs[call.db].insert(key.clone(), entry);
    call.signal(key);
}

/// Works in another database for a moment.
fn in_db<T>(call: &mut Call<'_>, db: usize, work: impl FnOnce(&mut Call<'_>) -> T) -> T {
    let home = std::mem::replace(&mut call.db, db);
    let result = work(call);
    call.db = home;
    result
}
