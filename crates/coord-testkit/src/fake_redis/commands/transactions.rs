//! MULTI, EXEC, DISCARD, WATCH and UNWATCH.

use bytes::Bytes;

use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::dispatch;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::session::Multi;

use flag::{ALLOW_BUSY, FAST, LOADING, NOSCRIPT, STALE, UNQUEUED};

pub(crate) static FAMILY: Family = Family {
    group: "transaction",
    commands: &[
        Command::new(
            "multi",
            1,
            NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | UNQUEUED,
            Keys::None,
            multi,
        ),
        Command::new("exec", 1, NOSCRIPT | LOADING | STALE | UNQUEUED, Keys::None, exec),
        Command::new(
            "discard",
            1,
            NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | UNQUEUED,
            Keys::None,
            discard,
        ),
        Command::new(
            "watch",
            -2,
            NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | UNQUEUED,
            Keys::ALL,
            watch,
        ),
        Command::new(
            "unwatch",
            1,
            NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
            Keys::None,
            unwatch,
        ),
    ],
};

fn multi(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let session = call.session_mut();
    if session.multi.is_some() {
        return Err(Failure::fixed("ERR MULTI calls can not be nested"));
    }
    session.multi = Some(Multi::default());
    Ok(Reply::OK)
}

fn exec(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let Some(multi) = call.session_mut().multi.take() else {
        return Err(Failure::fixed("ERR EXEC without MULTI"));
    };
    let dirty = call.session().dirty || watched_key_expired(call);
    call.state.unwatch(call.session_id);
    if multi.aborted {
        return Err(Failure::fixed("EXECABORT Transaction discarded because of previous errors."));
    }
    if dirty {
        return Ok(Reply::NullArray);
    }
    Ok(dispatch::run_queued(call.state, call.session_id, &multi))
}

/// A watched key that has expired counts as changed, unless it was gone when WATCH saw it.
fn watched_key_expired(call: &mut Call<'_>) -> bool {
    let watched: Vec<(usize, Bytes, bool)> = call.session().watched.clone();
    watched.iter().any(|(db, key, was_due)| {
        let now_ms = call.now_ms();
        let due = |call: &Call<'_>| {
            call.state.dbs[*db]
                .get(key)
                .and_then(|entry| entry.expire_at)
                .is_some_and(|at| at < now_ms)
        };
        !was_due && due(call)
    })
}

fn discard(call: &mut Call<'_>) -> Result<Reply, Failure> {
    if call.session_mut().multi.take().is_none() {
        return Err(Failure::fixed("ERR DISCARD without MULTI"));
    }
    call.state.unwatch(call.session_id);
    Ok(Reply::OK)
}

fn watch(call: &mut Call<'_>) -> Result<Reply, Failure> {
    if call.session().multi.is_some() {
        return Err(Failure::fixed("ERR WATCH inside MULTI is not allowed"));
    }
    if call.session().dirty {
        return Ok(Reply::OK);
    }
    let (db, id, now_ms) = (call.db, call.session_id, call.now_ms());
    for key in &call.args[1..] {
        let session = call.session_mut();
        if session.watched.iter().any(|(other_db, other, _)| *other_db == db && other == key) {
            continue;
        }
        let due = call
            .database()
            .get(key)
            .and_then(|entry| entry.expire_at)
            .is_some_and(|at| at < now_ms);
        call.session_mut().watched.push((db, key.clone(), due));
        call.state.watchers.entry((db, key.clone())).or_default().push(id);
    }
    Ok(Reply::OK)
}

fn unwatch(call: &mut Call<'_>) -> Result<Reply, Failure> {
    call.state.unwatch(call.session_id);
    Ok(Reply::OK)
}
