//! CLIENT: the connections.

use bytes::Bytes;

use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Keys, flag};
use crate::fake_redis::dispatch;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::number::{integer, parse_i64};
use crate::fake_redis::reply::Reply;
use crate::fake_redis::session::{ReplyMode, Session, SessionId};

use super::{client_kill, help, tracking};
use flag::{ADMIN, LOADING, NOSCRIPT, STALE};

const OWN: u32 = NOSCRIPT | LOADING | STALE;
const ALL: u32 = ADMIN | OWN;

pub(crate) const CLIENT: &[Command] = &[
    Command::new("caching", 3, OWN, Keys::None, tracking::caching),
    Command::new("getname", 2, OWN, Keys::None, |call| {
        let name = &call.session().name;
        Ok(if name.is_empty() { Reply::Null } else { Reply::Bulk(name.clone()) })
    }),
    Command::new("getredir", 2, OWN, Keys::None, tracking::getredir),
    Command::new("help", 2, LOADING | STALE, Keys::None, |_| {
        Ok(help(
            "CLIENT",
            &[
                "CACHING (YES|NO)",
                "GETNAME",
                "GETREDIR",
                "ID",
                "INFO",
                "KILL <ip:port>",
                "KILL <option> <value> [<option> <value> [...]]",
                "LIST [options ...]",
                "NO-EVICT (ON|OFF)",
                "PAUSE <timeout> [WRITE|ALL]",
                "REPLY (ON|OFF|SKIP)",
                "SETNAME <name>",
                "TRACKING (ON|OFF) [...]",
                "TRACKINGINFO",
                "UNBLOCK <clientid> [TIMEOUT|ERROR]",
                "UNPAUSE",
            ],
        ))
    }),
    Command::new("id", 2, OWN, Keys::None, |call| Ok(id_reply(call.session_id))),
    Command::new("info", 2, OWN, Keys::None, |call| {
        Ok(Reply::Verbatim("txt", format!("{}\n", line(call, call.session())).into()))
    }),
    Command::new("kill", -3, ALL, Keys::None, client_kill::kill),
    Command::new("list", -2, ALL, Keys::None, list),
    Command::new("no-evict", 3, ALL, Keys::None, no_evict),
    Command::new("pause", -3, ALL, Keys::None, pause),
    Command::new("reply", 3, OWN, Keys::None, reply),
    Command::new("setname", 3, OWN, Keys::None, setname),
    Command::new("tracking", -3, OWN, Keys::None, tracking::tracking),
    Command::new("trackinginfo", 2, OWN, Keys::None, tracking::info),
    Command::new("unblock", -3, ALL, Keys::None, unblock),
    Command::new("unpause", 2, ALL, Keys::None, |call| {
        call.state.unpause();
        Ok(Reply::OK)
    }),
];

fn id_reply(id: SessionId) -> Reply {
    Reply::Integer(i64::try_from(id).unwrap_or(i64::MAX))
}

/// The error of a name that would break CLIENT LIST.
pub(crate) fn check_name(name: &[u8]) -> Result<(), Failure> {
    if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Ok(());
    }
    Err(Failure::fixed("ERR Client names cannot contain spaces, newlines or special characters."))
}

fn setname(call: &mut Call<'_>) -> Result<Reply, Failure> {
    check_name(call.arg(2))?;
    call.session_mut().name = call.arg(2).clone();
    Ok(Reply::OK)
}

/// Bytes a real server would hold in reserve for requests: a part of 16 KB at least, or the
/// largest request of late, until the connection has been idle for two seconds.
fn free_input(session: &Session, idle_s: u64) -> usize {
    const PART: usize = 16 * 1024;
    if idle_s > 2 && session.received == 0 {
        return 0;
    }
    session.most_received.max(PART).saturating_sub(session.received)
}

/// One line of CLIENT LIST.
fn line(call: &Call<'_>, session: &Session) -> String {
    client_line(call.now_us(), session)
}

/// A connection as CLIENT LIST shows it at a time, in microseconds since 1970.
pub(crate) fn client_line(now_us: u64, session: &Session) -> String {
    let seconds = |since: u64| now_us.saturating_sub(since) / 1_000_000;
    let mut flags = String::new();
    for (flag, on) in [
        ('S', session.is_replica),
        ('O', session.monitor),
        ('P', session.is_subscriber()),
        ('x', session.multi.is_some()),
        ('b', session.blocked.is_some()),
        ('t', session.tracking.is_some()),
        ('d', session.dirty),
        ('c', session.closing),
        ('r', session.readonly),
        ('e', session.no_evict),
    ] {
        if on {
            flags.push(flag);
        }
    }
    if flags.is_empty() {
        flags.push('N');
    }
    let queued =
        session.multi.as_ref().map_or(-1, |multi| i64::try_from(multi.queued.len()).unwrap_or(0));
    format!(
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={flags} db={} sub={} psub={} ssub={} multi={queued} qbuf={} qbuf-free={} argv-mem=0 multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0 tot-mem=2048 events=r cmd={} user={} redir={} resp={}",
        session.id,
        session.peer,
        session.local,
        session.id + 7,
        String::from_utf8_lossy(&session.name),
        seconds(session.created_us),
        seconds(session.used_us),
        session.db,
        session.channels.len(),
        session.patterns.len(),
        session.shard_channels.len(),
        session.received,
        free_input(session, seconds(session.used_us)),
        if session.last_command.is_empty() { "NULL" } else { &session.last_command },
        session.user.as_ref().map_or_else(
            || "(superuser)".into(),
            |user| String::from_utf8_lossy(user).into_owned()
        ),
        session
            .tracking
            .as_ref()
            .map_or(-1, |tracking| i64::try_from(tracking.redirect).unwrap_or(0)),
        if session.resp3 { 3 } else { 2 },
    )
}

/// Whether a session is of the type CLIENT LIST TYPE or KILL TYPE names; none for an unknown type.
pub(crate) fn is_of_type(session: &Session, kind: &[u8]) -> Option<bool> {
    match kind.to_ascii_lowercase().as_slice() {
        b"normal" => Some(!session.is_subscriber() && !session.is_replica),
        b"pubsub" => Some(session.is_subscriber()),
        b"slave" | b"replica" => Some(session.is_replica),
        b"master" => Some(false),
        _ => None,
    }
}

fn list(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let mut ids: Option<Vec<SessionId>> = None;
    let mut kind: Option<&Bytes> = None;
    match call.args.len() {
        2 => {}
        4 if call.is(2, "TYPE") => {
            if is_of_type(call.session(), call.arg(3)).is_none() {
                return Err(Failure::new(format!(
                    "ERR Unknown client type '{}'",
                    String::from_utf8_lossy(call.arg(3))
                )));
            }
            kind = Some(call.arg(3));
        }
        4.. if call.is(2, "ID") => {
            let given =
                call.args[3..].iter().map(|id| parse_i64(id).and_then(|id| u64::try_from(id).ok()));
            let given: Option<Vec<SessionId>> = given.collect();
            ids = Some(given.ok_or(Failure::fixed("ERR Invalid client ID"))?);
        }
        _ => return Err(Failure::syntax()),
    }
    let mut text = String::new();
    for session in call.state.sessions.values() {
        let wanted = ids.as_ref().is_none_or(|ids| ids.contains(&session.id));
        if wanted && kind.is_none_or(|kind| is_of_type(session, kind) == Some(true)) {
            text.push_str(&line(call, session));
            text.push('\n');
        }
    }
    Ok(Reply::Verbatim("txt", text.into()))
}

fn on_off(call: &Call<'_>, at: usize) -> Result<bool, Failure> {
    match (call.is(at, "ON"), call.is(at, "OFF")) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(Failure::syntax()),
    }
}

fn no_evict(call: &mut Call<'_>) -> Result<Reply, Failure> {
    call.session_mut().no_evict = on_off(call, 2)?;
    Ok(Reply::OK)
}

fn reply(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (args, session) = (call.args, call.session_mut());
    if args[2].eq_ignore_ascii_case(b"ON") {
        session.reply_mode = ReplyMode::On;
        return Ok(Reply::OK);
    }
    if args[2].eq_ignore_ascii_case(b"OFF") {
        session.reply_mode = ReplyMode::Off;
        return Ok(Reply::None);
    }
    if args[2].eq_ignore_ascii_case(b"SKIP") {
        if session.reply_mode != ReplyMode::Off {
            session.reply_mode = ReplyMode::SkipNext;
        }
        return Ok(Reply::None);
    }
    Err(Failure::syntax())
}

fn pause(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let writes_only = match call.args.len() {
        3 => false,
        4 if call.is(3, "WRITE") => true,
        4 if call.is(3, "ALL") => false,
        4 => return Err(Failure::fixed("ERR CLIENT PAUSE mode must be WRITE or ALL")),
        _ => return Err(Failure::arity("client|pause")),
    };
    let ms = integer(call.arg(2))
        .map_err(|_| Failure::fixed("ERR timeout is not an integer or out of range"))?;
    let ms = u64::try_from(ms).map_err(|_| Failure::fixed("ERR timeout is negative"))?;
    let until = call.now_us().saturating_add(ms.saturating_mul(1000));
    call.state.pause(until, writes_only);
    Ok(Reply::OK)
}

fn unblock(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let with_error = match call.args.len() {
        3 => false,
        4 if call.is(3, "TIMEOUT") => false,
        4 if call.is(3, "ERROR") => true,
        _ => return Err(Failure::fixed("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
    };
    let id = integer(call.arg(2))?;
    let Ok(id) = SessionId::try_from(id) else {
        return Ok(Reply::Integer(0));
    };
    let error = Reply::Error("UNBLOCKED client unblocked via CLIENT UNBLOCK".into());
    // A client that waits for time alone (WAIT 0 aside) has no keys and is not woken by this.
    let waits = call.state.sessions.get(&id).is_some_and(|session| session.blocked.is_some());
    if waits && with_error {
        let blocked = call.state.sessions.get(&id).and_then(|session| session.blocked.as_ref());
        if let Some(found) = blocked.and_then(|blocked| dispatch::find(&blocked.args).ok()) {
            call.state.stats.note_failed(found, "UNBLOCKED");
        }
    }
    Ok(Reply::flag(waits && call.state.unblock_with(id, with_error.then_some(error))))
}
