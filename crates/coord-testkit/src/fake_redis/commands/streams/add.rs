//! XADD, XTRIM, XDEL and XSETID.

use bytes::Bytes;

use super::{id_reply, parse_ids};
use crate::fake_redis::call::Call;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::number::integer;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::stream::id::{NewId, StreamId};
use crate::fake_redis::types::stream::trim::{Keep, Trim};
use crate::fake_redis::types::stream::{AddError, SetIdError};

/// What stands between the key and the fields.
struct Options {
    no_mkstream: bool,
    trim: Option<Trim>,
    /// The identifier and its place; only XADD has one.
    id: Option<(NewId, usize)>,
}

pub(super) fn xadd(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let options = Options::parse(call, true)?;
    let arity = || Failure::arity(&call.name());
    let Some((id, at)) = options.id else {
        return Err(arity());
    };
    let fields = &call.args[at + 1..];
    if fields.len() < 2 || fields.len() % 2 == 1 {
        return Err(arity());
    }
    if id == NewId::Exact(StreamId::MIN) {
        return Err(Failure::fixed("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let (key, fields, now) = (call.arg(1), fields.to_vec(), call.now_ms());
    let exists = call.stream_mut(key)?.is_some();
    if !exists && options.no_mkstream {
        return Ok(Reply::Null);
    }
    let stream = call.stream_or_create(key)?;
    if stream.is_exhausted() {
        return Err(exhausted());
    }
    let id = stream.add(id, now, fields).map_err(|error| match error {
        AddError::Exhausted => exhausted(),
        AddError::NotGreater => Failure::fixed(
            "ERR The ID specified in XADD is equal or smaller than the target stream top item",
        ),
    })?;
    call.changed(key, notify::STREAM, "xadd");
    if let Some(trim) = options.trim
        && let Some(stream) = call.stream_mut(key)?
        && stream.trim(trim) > 0
    {
        call.notify(notify::STREAM, "xtrim", key);
    }
    Ok(id_reply(id))
}

const fn exhausted() -> Failure {
    Failure::fixed("ERR The stream has exhausted the last possible ID, unable to add more items")
}

pub(super) fn xtrim(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let options = Options::parse(call, false)?;
    let key = call.arg(1);
    let removed = match (call.stream_mut(key)?, options.trim) {
        (Some(stream), Some(trim)) => stream.trim(trim),
        _ => 0,
    };
    if removed > 0 {
        call.notify(notify::STREAM, "xtrim", key);
        call.signal(key);
    }
    Ok(Reply::Integer(removed.cast_signed()))
}

pub(super) fn xdel(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let key = call.arg(1);
    if call.stream_mut(key)?.is_none() {
        return Ok(Reply::Integer(0));
    }
    let ids = parse_ids(&call.args[2..])?;
    let Some(stream) = call.stream_mut(key)? else {
        return Ok(Reply::Integer(0));
    };
    let removed = ids.into_iter().filter(|&id| stream.delete(id)).count();
    if removed > 0 {
        call.changed(key, notify::STREAM, "xdel");
    }
    Ok(Reply::len(removed))
}

pub(super) fn xsetid(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let key = call.arg(1);
    let id = StreamId::parse(call.arg(2), 0)?;
    let (mut added, mut max_deleted) = (None, None);
    for pair in call.args[3..].chunks(2) {
        match pair {
            [option, value] if option.eq_ignore_ascii_case(b"entriesadded") => {
                let value = integer(value)?;
                added = Some(
                    u64::try_from(value)
                        .map_err(|_| Failure::fixed("ERR entries_added must be positive"))?,
                );
            }
            [option, value] if option.eq_ignore_ascii_case(b"maxdeletedid") => {
                let value = StreamId::parse(value, 0)?;
                if id < value {
                    return Err(Failure::fixed(
                        "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                    ));
                }
                max_deleted = Some(value);
            }
            _ => return Err(Failure::syntax()),
        }
    }
    let stream = call.stream_mut(key)?.ok_or_else(Failure::no_such_key)?;
    stream.set_id(id, added, max_deleted).map_err(|error| {
        Failure::fixed(match error {
            SetIdError::BelowTop => {
                "ERR The ID specified in XSETID is smaller than the target stream top item"
            }
            SetIdError::AddedBelowLength => {
                "ERR The entries_added specified in XSETID is smaller than the target stream length"
            }
        })
    })?;
    call.state.dirty += 1;
    call.notify(notify::STREAM, "xsetid", key);
    Ok(Reply::OK)
}

impl Options {
    fn parse(call: &Call<'_>, adding: bool) -> Result<Self, Failure> {
        let args = call.args;
        let mut options = Self { no_mkstream: false, trim: None, id: None };
        let (mut keep, mut approximate, mut limit) = (None, false, None);
        let mut at = 2;
        while let Some(arg) = args.get(at) {
            let more = args.len() - 1 - at;
            let max_len = arg.eq_ignore_ascii_case(b"maxlen");
            if adding && arg == "*" {
                options.id = Some((NewId::Auto, at));
                break;
            } else if more > 0 && (max_len || arg.eq_ignore_ascii_case(b"minid")) {
                if keep.is_some() {
                    return Err(Failure::fixed(
                        "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
                    ));
                }
                let marked = more >= 2 && (args[at + 1] == "~" || args[at + 1] == "=");
                approximate = marked && args[at + 1] == "~";
                at += 1 + usize::from(marked);
                keep = Some(parse_keep(&args[at], max_len)?);
            } else if more > 0 && arg.eq_ignore_ascii_case(b"limit") {
                at += 1;
                limit = Some(
                    u64::try_from(integer(&args[at])?)
                        .map_err(|_| Failure::fixed("ERR The LIMIT argument must be >= 0."))?,
                );
            } else if adding && arg.eq_ignore_ascii_case(b"nomkstream") {
                options.no_mkstream = true;
            } else if adding {
                options.id = Some((NewId::parse(arg)?, at));
                break;
            } else {
                return Err(Failure::syntax());
            }
            at += 1;
        }
        let by_default = Trim::default_limit(call.state.config.limits.stream_entries);
        options.trim = parse_trim(keep, approximate, limit, by_default, adding)?;
        Ok(options)
    }
}

fn parse_keep(arg: &Bytes, max_len: bool) -> Result<Keep, Failure> {
    if !max_len {
        return Ok(Keep::MinId(StreamId::parse(arg, 0)?));
    }
    let most = u64::try_from(integer(arg)?)
        .map_err(|_| Failure::fixed("ERR The MAXLEN argument must be >= 0."))?;
    Ok(Keep::MaxLen(most))
}

fn parse_trim(
    keep: Option<Keep>,
    approximate: bool,
    limit: Option<u64>,
    by_default: u64,
    adding: bool,
) -> Result<Option<Trim>, Failure> {
    if keep.is_none() && limit.is_some_and(|limit| limit > 0) {
        return Err(Failure::fixed(
            "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
        ));
    }
    if keep.is_none() && !adding {
        return Err(Failure::fixed(
            "ERR syntax error, XTRIM must be called with a trimming strategy",
        ));
    }
    if limit.is_some() && !approximate {
        return Err(Failure::fixed(
            "ERR syntax error, LIMIT cannot be used without the special ~ option",
        ));
    }
    let Some(keep) = keep else {
        return Ok(None);
    };
    let by_default = if approximate { by_default } else { 0 };
    Ok(Some(Trim { keep, approximate, limit: limit.unwrap_or(by_default) }))
}
