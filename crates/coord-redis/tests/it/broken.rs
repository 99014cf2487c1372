//! Scripts broken on purpose, as `cargo xtask mutate` asks for it.
//!
//! `COORD_BROKEN_SCRIPT` names a part of the shipped scripts and a file with its broken text,
//! `COORD_BROKEN_ON` where it is broken: on the `fake`, which does so itself, or on `real` servers.
//! Those are spoken to through a proxy then: whoever sends a script with the part in it sends the
//! broken text, and whoever names a script by its digest names the broken one, so that the tests
//! see nothing of it but what the script does. What the server answers passes untouched.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use coord_testkit::FakeRedis;
use coord_testkit::server::{Frame, RawClient};

use crate::harness::shared;
use crate::proxy::{self, Command};

/// The whole text of a part, and what stands in its place.
struct Edit {
    whole: Vec<u8>,
    broken: Vec<u8>,
}

/// What is to be broken on servers of this kind.
fn asked(on: &str) -> Option<Edit> {
    let files = std::env::var("COORD_BROKEN_SCRIPT").ok()?;
    let (whole, broken) = files.split_once(':').expect("two files");
    let read = |file: &str| std::fs::read(file).expect("a readable script");
    let is_meant = std::env::var("COORD_BROKEN_ON").is_ok_and(|kind| kind == on);
    is_meant.then(|| Edit { whole: read(whole), broken: read(broken) })
}

/// Breaks a script of the fake where that is asked for.
pub(crate) fn break_scripts(server: &FakeRedis) {
    if let Some(Edit { whole, broken }) = asked("fake") {
        server.replace_in_scripts(whole, broken);
    }
}

/// Where to speak to the real server at a port: there, or at the proxy that breaks its scripts.
pub(crate) fn port_of_real(server: u16) -> u16 {
    /// The proxies by the port of their server; as many as a run of the tests starts servers.
    static PROXIES: Mutex<Option<HashMap<u16, u16>>> = Mutex::new(None);
    static EDIT: OnceLock<Option<Edit>> = OnceLock::new();
    let Some(edit) = EDIT.get_or_init(|| asked("real")) else { return server };
    let mut proxies = PROXIES.lock().unwrap_or_else(PoisonError::into_inner);
    let start = || proxy::start(server, |command| broken(command, edit));
    *proxies.get_or_insert_default().entry(server).or_insert_with(start)
}

/// The command with the broken script in it, if it sends or names one.
fn broken(mut command: Command, edit: &Edit) -> Command {
    /// Digests of broken scripts by those of the whole ones; as many as there are scripts.
    static DIGESTS: Mutex<Option<HashMap<Vec<u8>, Vec<u8>>>> = Mutex::new(None);
    let mut digests = DIGESTS.lock().unwrap_or_else(PoisonError::into_inner);
    let digests = digests.get_or_insert_default();
    let is = |at: usize, word: &str| {
        command.get(at).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    };
    let source = match () {
        () if is(0, "EVAL") => 1,
        () if is(0, "SCRIPT") && is(1, "LOAD") => 2,
        () if is(0, "EVALSHA") => {
            if let Some(digest) = command.get(1).and_then(|whole| digests.get(whole)) {
                command[1].clone_from(digest);
            }
            return command;
        }
        () => return command,
    };
    let Some(script) = command.get_mut(source) else { return command };
    let found = script.windows(edit.whole.len()).position(|text| text == edit.whole);
    if let Some(at) = found {
        let digest =
            |script: &[u8]| sha1_smol::Sha1::from(script).digest().to_string().into_bytes();
        let whole = digest(script);
        script.splice(at..at + edit.whole.len(), edit.broken.iter().copied());
        digests.insert(whole, digest(script));
    }
    command
}

/// Whoever sends or names a script with the part in it runs the broken one, and sees its answer.
#[test]
fn a_real_server_runs_what_is_broken() {
    let Some(server) = shared("a_real_server_runs_what_is_broken") else { return };
    let edit = Edit { whole: b"'whole'".to_vec(), broken: b"'broken'".to_vec() };
    let port = proxy::start(server.port(), move |command| broken(command, &edit));
    let mut client = RawClient::connect(port).expect("the proxy listens");
    let mut says = |args: &[&str]| match client.checked(args).expect("the script runs") {
        Frame::Bulk(text) => String::from_utf8(text).expect("text"),
        other => panic!("{args:?} gave {other:?}"),
    };
    let (one, other) = ("return 'whole' .. KEYS[1]", "return KEYS[1] .. 'whole'");
    assert_eq!(says(&["EVAL", one, "1", "-a"]), "broken-a");
    let digest = sha1_smol::Sha1::from(one).digest().to_string();
    assert_eq!(says(&["EVALSHA", &digest, "1", "-b"]), "broken-b");
    let loaded = says(&["script", "load", other]);
    let digest = sha1_smol::Sha1::from(other).digest().to_string();
    assert_ne!(loaded, digest, "the server knows the broken one");
    assert_eq!(says(&["EVALSHA", &digest, "1", "c-"]), "c-broken");
    assert_eq!(says(&["EVAL", "return 'hole'", "0"]), "hole");
}
