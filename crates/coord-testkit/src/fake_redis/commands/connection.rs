//! Commands about the connection itself.

use crate::fake_redis::call::Call;
use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::state::DATABASES;

use flag::{FAST, IN_SUBSCRIBER, LOADING, STALE};

pub(crate) static FAMILY: Family = Family {
    group: "connection",
    commands: &[
        Command::new("ping", -1, FAST | IN_SUBSCRIBER, Keys::None, ping),
        Command::new("echo", 2, FAST | LOADING | STALE, Keys::None, echo),
        Command::new("select", 2, FAST | LOADING | STALE, Keys::None, select),
    ],
};

fn ping(call: &mut Call<'_>) -> Result<Reply, Failure> {
    if call.args.len() > 2 {
        return Err(Failure::arity("ping"));
    }
    let message = call.args.get(1);
    if !call.resp3 && call.session().is_subscriber() {
        return Ok(Reply::Array(vec![
            Reply::bulk("pong"),
            Reply::bulk(message.map_or(&b""[..], |text| text)),
        ]));
    }
    Ok(message.map_or(Reply::simple("PONG"), |text| Reply::Bulk(text.clone())))
}

fn echo(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::Bulk(call.arg(1).clone()))
}

fn select(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let index = super::super::number::integer(call.arg(1))?;
    let db = usize::try_from(index).ok().filter(|db| *db < DATABASES);
    let db = db.ok_or(Failure::fixed("ERR DB index is out of range"))?;
    call.session_mut().db = db;
    Ok(Reply::OK)
}
