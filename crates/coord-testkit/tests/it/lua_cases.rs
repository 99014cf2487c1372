//! The recorded Lua cases: requests and the replies of Redis 7.0.15.

use std::fmt::Write as _;

/// One case: commands and, where it matters, their raw replies.
pub(crate) struct Case {
    pub(crate) line: usize,
    pub(crate) steps: Vec<Step>,
}

pub(crate) struct Step {
    pub(crate) request: Vec<Vec<u8>>,
    pub(crate) reply: Option<Vec<u8>>,
}

/// Reads the fixture.
pub(crate) fn recorded() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (number, line) in include_str!("fixtures/lua_redis_7_0.txt").lines().enumerate() {
        let current = cases.last_mut();
        if line == "case" {
            cases.push(Case { line: number + 1, steps: Vec::new() });
        } else if let (Some(text), Some(case)) = (line.strip_prefix("> "), current) {
            case.steps.push(Step { request: strings(text), reply: None });
        } else if let Some(text) = line.strip_prefix("< ") {
            let step = cases.last_mut().and_then(|case| case.steps.last_mut());
            step.expect("a reply follows its request").reply = strings(text).pop();
        }
    }
    cases
}

/// Splits a line of quoted strings.
fn strings(line: &str) -> Vec<Vec<u8>> {
    let mut out: Vec<Vec<u8>> = Vec::new();
    let mut open = false;
    let mut bytes = line.bytes();
    while let Some(byte) = bytes.next() {
        match (byte, open) {
            (b'"', false) => {
                open = true;
                out.push(Vec::new());
            }
            (b'"', true) => open = false,
            (_, false) => {}
            (b'\\', true) => {
                let plain = match bytes.next() {
                    Some(b'n') => b'\n',
                    Some(b'r') => b'\r',
                    Some(b't') => b'\t',
                    Some(b'x') => {
                        let hex = [bytes.next(), bytes.next()].map(|b| b.expect("two digits"));
                        let hex = std::str::from_utf8(&hex).expect("digits");
                        u8::from_str_radix(hex, 16).expect("a hexadecimal number")
                    }
                    other => other.expect("an escape has a letter"),
                };
                out.last_mut().expect("a string is open").push(plain);
            }
            (byte, true) => out.last_mut().expect("a string is open").push(byte),
        }
    }
    out
}

/// Bytes in a form to be read in a failure.
pub(crate) fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// A request in a form to be read in a failure.
pub(crate) fn shown_request(request: &[Vec<u8>]) -> String {
    request.iter().fold(String::new(), |mut out, arg| {
        let _infallible = write!(out, "\"{}\" ", arg.escape_ascii());
        out
    })
}
