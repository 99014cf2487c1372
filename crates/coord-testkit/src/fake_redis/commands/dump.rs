//! DUMP and RESTORE.

use crate::fake_redis::call::Call;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify::GENERIC;
use crate::fake_redis::number::integer;
use crate::fake_redis::rdb;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::store::{Entry, FRESH, Form};

pub(crate) fn dump(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let Some(entry) = call.read(call.arg(1)) else {
        return Ok(Reply::Null);
    };
    Ok(Reply::Bulk(rdb::dump(&entry.value)))
}

pub(crate) fn restore(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (mut replace, mut absolute, mut idle_s, mut freq) = (false, false, None, FRESH);
    let mut at = 4;
    while at < call.args.len() {
        let next = at + 1 < call.args.len();
        if call.is(at, "REPLACE") {
            replace = true;
        } else if call.is(at, "ABSTTL") {
            absolute = true;
        } else if call.is(at, "IDLETIME") && next {
            let idle = u64::try_from(integer(call.arg(at + 1))?)
                .map_err(|_| Failure::fixed("ERR Invalid IDLETIME value, must be >= 0"))?;
            idle_s = Some(idle);
            at += 1;
        } else if call.is(at, "FREQ") && next {
            freq = u8::try_from(integer(call.arg(at + 1))?)
                .map_err(|_| Failure::fixed("ERR Invalid FREQ value, must be >= 0 and <= 255"))?;
            at += 1;
        } else {
            return Err(Failure::syntax());
        }
        at += 1;
    }
    let key = call.arg(1);
    if !replace && call.exists(key) {
        return Err(Failure::fixed("BUSYKEY Target key name already exists."));
    }
    let ttl = integer(call.arg(2))?;
    let ttl =
        u64::try_from(ttl).map_err(|_| Failure::fixed("ERR Invalid TTL value, must be >= 0"))?;
    let mut payload = rdb::unseal(call.arg(3))
        .ok_or(Failure::fixed("ERR DUMP payload version or checksum are wrong"))?;
    let value = rdb::value(&mut payload, call.state.config.limits)
        .ok_or(Failure::fixed("ERR Bad data format"))?;
    let now_ms = call.now_ms();
    let expire_at = match ttl {
        0 => None,
        at if absolute => Some(at),
        ttl => Some(now_ms.saturating_add(ttl)),
    };
    if expire_at.is_some_and(|at| at <= now_ms) {
        call.delete(key, "del");
        return Ok(Reply::OK);
    }
    let used_at = now_ms.saturating_sub(idle_s.unwrap_or(0).saturating_mul(1000));
    call.state.dbs[call.db]
        .insert(key.clone(), Entry { value, expire_at, used_at, form: Form::default(), freq });
    call.changed(key, GENERIC, "restore");
    Ok(Reply::OK)
}
