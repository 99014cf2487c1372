//! Commands about the connection itself.

use bytes::Bytes;

use crate::fake_redis::call::{Call, Origin};
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::number::parse_i64;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::session::{ReplyMode, Session};

use super::client;
use super::keys::{db_index, in_32_bits};
use flag::{ALLOW_BUSY, FAST, IN_SUBSCRIBER, LOADING, NO_AUTH, NOSCRIPT, STALE, UNQUEUED};

const OPEN: u32 = NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY;

pub(crate) static FAMILY: Family = Family {
    group: "connection",
    commands: &[
        Command::new("auth", -2, OPEN, Keys::None, auth),
        Command::new("hello", -1, OPEN, Keys::None, hello),
        Command::new("ping", -1, FAST | IN_SUBSCRIBER, Keys::None, ping),
        Command::new("echo", 2, FAST | LOADING | STALE, Keys::None, echo),
        Command::new("select", 2, FAST | LOADING | STALE, Keys::None, select),
        Command::new("quit", -1, OPEN | IN_SUBSCRIBER | UNQUEUED, Keys::None, quit),
        Command::new("reset", 1, OPEN | IN_SUBSCRIBER | UNQUEUED, Keys::None, reset),
        Command::container("client", client::CLIENT),
    ],
};

fn ping(call: &mut Call<'_>) -> Result<Reply, Failure> {
    if call.args.len() > 2 {
        return Err(Failure::arity("ping"));
    }
    let message = call.args.get(1);
    if !call.resp3 && call.session().is_subscriber() {
        let text = message.map_or_else(Bytes::new, Clone::clone);
        return Ok(Reply::Array(vec![Reply::bulk("pong"), Reply::Bulk(text)]));
    }
    Ok(message.map_or(Reply::simple("PONG"), |text| Reply::Bulk(text.clone())))
}

fn echo(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::Bulk(call.arg(1).clone()))
}

fn select(call: &mut Call<'_>) -> Result<Reply, Failure> {
    in_32_bits(call.arg(1))?;
    let db = db_index(call.arg(1))?;
    if db != 0 && call.state.is_cluster() {
        return Err(Failure::fixed("ERR SELECT is not allowed in cluster mode"));
    }
    if call.state.is_cluster() {
        return Ok(Reply::OK);
    }
    call.session_mut().db = db;
    call.db = db;
    Ok(Reply::OK)
}

fn quit(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let session = call.session_mut();
    session.closing = true;
    Ok(Reply::OK)
}

fn reset(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let id = call.session_id;
    call.state.unwatch(id);
    let open = call.state.users.default_is_open();
    let home = call.state.home_db(call.session().node);
    let session = call.session_mut();
    let mut fresh =
        Session::new(id, session.peer.clone(), session.local.clone(), session.created_us);
    fresh.wake = std::sync::Arc::clone(&session.wake);
    fresh.out = std::mem::take(&mut session.out);
    fresh.node = session.node;
    fresh.db = home;
    fresh.used_us = session.used_us;
    fresh.user = open.then(|| Bytes::from_static(b"default"));
    fresh.reply_mode = ReplyMode::On;
    *session = fresh;
    Ok(Reply::simple("RESET"))
}

fn log_in(call: &mut Call<'_>, user: &Bytes, password: &[u8]) -> Result<(), Failure> {
    if !call.state.users.get(user).is_some_and(|known| known.accepts(password)) {
        let context = if call.origin == Origin::Exec { "multi" } else { "toplevel" };
        let object = call.arg(0).clone();
        call.state.log_denied(call.session_id, context, "auth", object, user.clone());
        return Err(Failure::fixed(
            "WRONGPASS invalid username-password pair or user is disabled.",
        ));
    }
    call.session_mut().user = Some(user.clone());
    Ok(())
}

fn auth(call: &mut Call<'_>) -> Result<Reply, Failure> {
    match call.args.len() {
        2 => {
            if call.state.users.get(b"default").is_some_and(|user| user.nopass) {
                return Err(Failure::fixed(
                    "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
                ));
            }
            log_in(call, &Bytes::from_static(b"default"), call.arg(1))?;
        }
        3 => log_in(call, call.arg(1), call.arg(2))?,
        _ => return Err(Failure::syntax()),
    }
    Ok(Reply::OK)
}

fn hello(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let mut version = None;
    if let Some(given) = call.args.get(1) {
        let given = parse_i64(given)
            .ok_or(Failure::fixed("ERR Protocol version is not an integer or out of range"))?;
        if !(2..=3).contains(&given) {
            return Err(Failure::fixed("NOPROTO unsupported protocol version"));
        }
        version = Some(given == 3);
    }
    let mut name = None;
    let mut at = 2;
    while at < call.args.len() {
        let left = call.args.len() - at - 1;
        if call.is(at, "AUTH") && left >= 2 {
            log_in(call, call.arg(at + 1), call.arg(at + 2))?;
            at += 3;
        } else if call.is(at, "SETNAME") && left >= 1 {
            client::check_name(call.arg(at + 1))?;
            name = Some(call.arg(at + 1).clone());
            at += 2;
        } else {
            let option = String::from_utf8_lossy(call.arg(at)).into_owned();
            return Err(Failure::new(format!("ERR Syntax error in HELLO option '{option}'")));
        }
    }
    if call.session().user.is_none() {
        return Err(Failure::fixed(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
        ));
    }
    let session = call.session_mut();
    if let Some(name) = name {
        session.name = name;
    }
    if let Some(resp3) = version {
        session.resp3 = resp3;
    }
    let (id, resp3, node) = (session.id, session.resp3, session.node);
    let mode = if call.state.is_cluster() { "cluster" } else { "standalone" };
    let role = call.state.role_name(node);
    let pair = |name: &str, value: Reply| (Reply::bulk(name), value);
    Ok(Reply::Map(vec![
        pair("server", Reply::bulk("redis")),
        pair("version", Reply::bulk("7.0.15")),
        pair("proto", Reply::Integer(if resp3 { 3 } else { 2 })),
        pair("id", Reply::Integer(i64::try_from(id).unwrap_or(0))),
        pair("mode", Reply::bulk(mode)),
        pair("role", Reply::bulk(if role == "slave" { "replica" } else { role })),
        pair("modules", Reply::Array(Vec::new())),
    ]))
}
