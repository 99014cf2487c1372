//! Sets: SADD, SPOP and their relatives.

use bytes::Bytes;

use super::arguments::{ScanOptions, count, cursor, pick, random, scan_reply, symmetric};
use super::set_algebra::{sdiff, sdiffstore, sinter, sintercard, sinterstore, sunion, sunionstore};
use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::reply::Reply;

use flag::{DENYOOM, FAST, MOVABLE_KEYS, READONLY, WRITE};

const STORES: u32 = WRITE | DENYOOM;

pub(crate) static FAMILY: Family = Family {
    group: "set",
    commands: &[
        Command::new("sadd", -3, STORES | FAST, Keys::ONE, sadd),
        Command::new("scard", 2, READONLY | FAST, Keys::ONE, scard),
        Command::new("sdiff", -2, READONLY, Keys::ALL, sdiff),
        Command::new("sdiffstore", -3, STORES, Keys::ALL, sdiffstore),
        Command::new("sinter", -2, READONLY, Keys::ALL, sinter),
        Command::new("sintercard", -3, READONLY | MOVABLE_KEYS, Keys::Counted(1), sintercard),
        Command::new("sinterstore", -3, STORES, Keys::ALL, sinterstore),
        Command::new("sismember", 3, READONLY | FAST, Keys::ONE, sismember),
        Command::new("smembers", 2, READONLY, Keys::ONE, smembers),
        Command::new("smismember", -3, READONLY | FAST, Keys::ONE, smismember),
        Command::new("smove", 4, WRITE | FAST, Keys::TWO, smove),
        Command::new("spop", -2, WRITE | FAST, Keys::ONE, spop),
        Command::new("srandmember", -2, READONLY, Keys::ONE, srandmember),
        Command::new("srem", -3, WRITE | FAST, Keys::ONE, srem),
        Command::new("sscan", -3, READONLY, Keys::ONE, sscan),
        Command::new("sunion", -2, READONLY, Keys::ALL, sunion),
        Command::new("sunionstore", -3, STORES, Keys::ALL, sunionstore),
    ],
};

/// A share of this kind is so great that SPOP keeps the rest instead of removing the picked.
const REBUILD_FACTOR: usize = 5;

fn sadd(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (key, members) = (call.arg(1), &call.args[2..]);
    let set = call.set_or_create(key)?;
    let added = members.iter().filter(|member| set.insert((*member).clone())).count();
    if added > 0 {
        call.changed(key, notify::SET, "sadd");
    }
    Ok(Reply::len(added))
}

fn srem(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (key, members) = (call.arg(1), &call.args[2..]);
    let Some(set) = call.set_mut(key)? else { return Ok(Reply::Integer(0)) };
    let removed = members.iter().filter(|member| set.remove(member)).count();
    if removed > 0 {
        call.changed(key, notify::SET, "srem");
    }
    Ok(Reply::len(removed))
}

fn scard(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::len(call.set(call.arg(1))?.map_or(0, |set| set.len())))
}

fn smembers(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let members = call.set(call.arg(1))?.map(|set| set.members()).unwrap_or_default();
    Ok(Reply::Set(members.into_iter().map(Reply::Bulk).collect()))
}

fn sismember(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let member = call.arg(2);
    Ok(Reply::flag(call.set(call.arg(1))?.is_some_and(|set| set.contains(member))))
}

fn smismember(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let members = &call.args[2..];
    let set = call.set(call.arg(1))?;
    let flags = members.iter().map(|member| set.is_some_and(|set| set.contains(member)));
    Ok(Reply::Array(flags.map(Reply::flag).collect()))
}

fn smove(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (source, target, member) = (call.arg(1), call.arg(2), call.arg(3));
    let Some(set) = call.set_mut(source)? else { return Ok(Reply::Integer(0)) };
    let known = set.contains(member);
    call.set_mut(target)?;
    if source == target || !known {
        return Ok(Reply::flag(known));
    }
    if let Some(set) = call.set_mut(source)? {
        set.remove(member);
    }
    call.changed(source, notify::SET, "srem");
    if call.set_or_create(target)?.insert(member.clone()) {
        call.changed(target, notify::SET, "sadd");
    }
    Ok(Reply::Integer(1))
}

fn spop(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let key = call.arg(1);
    match call.args.len() {
        2 => {}
        3 => return spop_count(call),
        _ => return Err(Failure::syntax()),
    }
    let mut random = random(call);
    let Some(set) = call.set_mut(key)? else { return Ok(Reply::Null) };
    let Some(member) = set.sample(&mut random) else { return Ok(Reply::Null) };
    set.remove(&member);
    call.changed(key, notify::SET, "spop");
    Ok(Reply::Bulk(member))
}

fn spop_count(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let key = call.arg(1);
    let wanted = count(call.arg(2))?;
    let mut random = random(call);
    let Some(set) = call.set_mut(key)? else { return Ok(Reply::Set(Vec::new())) };
    if wanted == 0 {
        return Ok(Reply::Set(Vec::new()));
    }
    let popped = if wanted >= set.len() {
        std::mem::take(set).members()
    } else {
        let popped = pick(set.members(), wanted, &mut random);
        for member in &popped {
            set.remove(member);
        }
        if set.len() * REBUILD_FACTOR <= wanted {
            // Redis builds a new set here, which may be an intset again.
            *set = set.rebuilt();
        }
        popped
    };
    call.changed(key, notify::SET, "spop");
    Ok(Reply::Set(popped.into_iter().map(Reply::Bulk).collect()))
}

fn srandmember(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let key = call.arg(1);
    let mut random = random(call);
    let wanted = match call.args.len() {
        2 => {
            let member = call.set(key)?.and_then(|set| set.sample(&mut random));
            return Ok(member.map_or(Reply::Null, Reply::Bulk));
        }
        3 => symmetric(call.arg(2))?,
        _ => return Err(Failure::syntax()),
    };
    let Some(set) = call.set(key)? else { return Ok(Reply::Array(Vec::new())) };
    let limit = usize::try_from(wanted.unsigned_abs()).unwrap_or(usize::MAX);
    let members: Vec<Bytes> = if wanted < 0 {
        std::iter::from_fn(|| set.sample(&mut random)).take(limit).collect()
    } else if limit >= set.len() {
        set.members()
    } else {
        pick(set.members(), limit, &mut random)
    };
    Ok(Reply::Array(members.into_iter().map(Reply::Bulk).collect()))
}

fn sscan(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let cursor = cursor(call.arg(2))?;
    let args = call.args;
    let Some(set) = call.set(call.arg(1))? else { return Ok(scan_reply(0, Vec::new())) };
    let options = ScanOptions::parse(&args[3..])?;
    let (next, found) = set.scan(cursor, options.count);
    let found = found.into_iter().filter(|member| options.wants(member));
    Ok(scan_reply(next, found.map(Reply::Bulk).collect()))
}
