//! CLIENT KILL.

use crate::fake_redis::call::Call;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::number::parse_i64;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::session::{Session, SessionId};

use super::client::is_of_type;

type Filter = Box<dyn Fn(&Session) -> bool>;

pub(crate) fn kill(call: &mut Call<'_>) -> Result<Reply, Failure> {
    if call.args.len() == 3 {
        let address = String::from_utf8_lossy(call.arg(2)).into_owned();
        let killed = kill_all(call, &[Box::new(move |session| session.peer == address)], false);
        if killed == 0 {
            return Err(Failure::fixed("ERR No such client"));
        }
        return Ok(Reply::OK);
    }
    if !call.args.len().is_multiple_of(2) {
        return Err(Failure::syntax());
    }
    let mut filters: Vec<Filter> = Vec::new();
    let mut skip_me = true;
    for at in (2..call.args.len()).step_by(2) {
        let value = call.arg(at + 1);
        let text = String::from_utf8_lossy(value).into_owned();
        if call.is(at, "ID") {
            let id =
                parse_i64(value).filter(|id| *id > 0).and_then(|id| SessionId::try_from(id).ok());
            let id = id.ok_or(Failure::fixed("ERR client-id should be greater than 0"))?;
            filters.push(Box::new(move |session| session.id == id));
        } else if call.is(at, "TYPE") {
            if is_of_type(call.session(), value).is_none() {
                return Err(Failure::new(format!("ERR Unknown client type '{text}'")));
            }
            let kind = value.clone();
            filters.push(Box::new(move |session| is_of_type(session, &kind) == Some(true)));
        } else if call.is(at, "ADDR") {
            filters.push(Box::new(move |session| session.peer == text));
        } else if call.is(at, "LADDR") {
            filters.push(Box::new(move |session| session.local == text));
        } else if call.is(at, "USER") {
            if call.state.users.get(value).is_none() {
                return Err(Failure::new(format!("ERR No such user '{text}'")));
            }
            let user = value.clone();
            filters.push(Box::new(move |session| session.user.as_ref() == Some(&user)));
        } else if call.is(at, "SKIPME") {
            skip_me = match text.to_ascii_lowercase().as_str() {
                "yes" => true,
                "no" => false,
                _ => return Err(Failure::syntax()),
            };
        } else {
            return Err(Failure::syntax());
        }
    }
    Ok(Reply::Integer(kill_all(call, &filters, skip_me)))
}

/// Cuts the connections all filters fit; one's own only after the reply.
fn kill_all(call: &mut Call<'_>, filters: &[Filter], skip_me: bool) -> i64 {
    let own = call.session_id;
    let mut count = 0;
    for session in call.state.sessions.values_mut() {
        if (skip_me && session.id == own)
            || session.killed
            || !filters.iter().all(|filter| filter(session))
        {
            continue;
        }
        if session.id == own {
            session.closing = true;
        } else {
            session.killed = true;
        }
        session.wake.notify_one();
        count += 1;
    }
    count
}
