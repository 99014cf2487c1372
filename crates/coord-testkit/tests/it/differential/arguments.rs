//! Random arguments by kind, and the mutations that make commands invalid.

use std::time::{SystemTime, UNIX_EPOCH};

use super::random::Random;

/// A sorted set whose members all have the score 0, as lexical ranges want it.
pub(crate) const LEXICAL: &str = "{a}y1";

/// A sorted set that holds places only, as other scores are none.
pub(crate) const PLACES: &str = "{a}p1";

/// Every other key a case may use, grouped by the type it usually holds.
pub(crate) const KEYS: [&str; 16] = [
    "{a}s1", "{a}s2", "{a}s3", "{a}h1", "{a}h2", "{a}l1", "{a}l2", "{a}t1", "{a}t2", "{a}t3",
    "{a}z1", "{a}z2", "{a}z3", "{a}x1", "{a}x2", "{a}k1",
];

const MEMBERS: [&str; 14] =
    ["a", "b", "c", "d", "e", "1", "2", "3", "-7", "10", "", "é", "a b", "\0\r\n"];
const INTEGERS: [&str; 15] = [
    "0",
    "1",
    "2",
    "3",
    "5",
    "10",
    "-1",
    "-2",
    "-3",
    "100",
    "-100",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "4294967296",
];
const FLOATS: [&str; 20] = [
    "0",
    "1",
    "1.5",
    "-2.25",
    "0.1",
    "3.0e3",
    "1e20",
    "-1e-7",
    "inf",
    "-inf",
    "nan",
    "1e400",
    "0x10",
    "1.",
    ".5",
    "5e-324",
    "17179869184.25",
    "+3",
    "-0",
    "123456789.123456789",
];
const VALUES: [&str; 16] = [
    "",
    "v",
    "hello",
    "10",
    "-5",
    "0",
    "3.5",
    "9223372036854775807",
    "007",
    " 1",
    "1e3",
    "foobar",
    "ohmytext",
    "mynewtext",
    "é\u{1f600}",
    "\0\x01",
];
const IDS: [&str; 14] = [
    "1-1", "1-2", "2-0", "2", "3-3", "4-*", "5-1", "6-0", "7", "8-5", "9-9", "10-1", "0-1", "20-0",
];
const BOUNDS: [&str; 12] =
    ["-inf", "+inf", "0", "1", "(1", "2", "(3", "-5", "1.5", "(1.5", "1e3", "(inf"];
const LEX: [&str; 9] = ["-", "+", "[a", "(a", "[c", "(d", "[", "[zz", "(b"];
const PATTERNS: [&str; 12] =
    ["*", "{a}*", "{a}s?", "*[1-2]", "a*", "[^a]", "?", "\\*", "*1*", "{a}[hl]1", "", "[b-"];
const JUNK: [&str; 30] = [
    "",
    "x",
    "-1",
    "0",
    "1e5",
    "inf",
    "nan",
    "9223372036854775808",
    "NX",
    "XX",
    "GET",
    "COUNT",
    "LIMIT",
    "WITHSCORES",
    "$",
    ">",
    "-",
    "+",
    "(",
    "[a",
    "~",
    "=",
    "MAXLEN",
    "BYTE",
    "KEEPTTL",
    "STREAMS",
    "0-0",
    "1.5",
    "-0",
    "99999999999",
];

/// An argument of one kind; sometimes one of another kind.
pub(crate) fn argument(kind: &str, random: &mut Random) -> Vec<u8> {
    let text = match kind {
        "s" | "h" | "l" | "t" | "z" | "x" | "k" => return key(kind, random).into(),
        "y" => LEXICAL,
        "place" => PLACES,
        "v" => return value(random),
        "m" => random.pick(&MEMBERS),
        "i" if random.chance(80) => random.pick(&INTEGERS[..10]),
        "i" => random.pick(&INTEGERS),
        "n" => random.pick(&["0", "1", "2", "3", "-1", "-2", "-3", "5", "-100", "100"]),
        "count" => random.pick(&["0", "1", "2", "3", "10", "100", "-1", "-3"]),
        "some" => random.pick(&["1", "2", "3", "10"]),
        "off" => random.pick(&["0", "1", "3", "7", "8", "20", "100", "-1", "4294967296"]),
        "bit" => random.pick(&["0", "1", "1", "0", "2"]),
        "f" => random.pick(&FLOATS),
        "score" => random.pick(&["0", "1", "2", "3", "1.5", "-5", "1e3", "inf", "-inf", "2"]),
        "bound" => random.pick(&BOUNDS),
        "lex" => random.pick(&LEX),
        "p" => random.pick(&PATTERNS),
        "id" => random.pick(&IDS),
        "range" => random.pick(&["-", "+", "0", "2-0", "(2-0", "5", "(5-1", "9", "(-", "+"]),
        "idle" => random.pick(&["0", "0", "100000", "3000000"]),
        "g" => random.pick(&["g1", "g1", "g2"]),
        "c" => random.pick(&["alice", "bob"]),
        "ttl" => random.pick(&["100", "1000", "100000", "0", "-1", "9223372036854775807"]),
        "pttl" => random.pick(&["100000", "3000000", "99999999", "0", "-1", "9223372036854775807"]),
        "at" => return now_plus(random, 1).into(),
        "pat" => return now_plus(random, 1000).into(),
        "type" => random.pick(&["u8", "i8", "u4", "i5", "u63", "i64", "u64", "i1", "x8", "u16"]),
        "lon" => random.pick(&["13.361389", "15.087269", "-0.1", "179.99", "180.1", "x"]),
        "lat" => random.pick(&["38.115556", "37.502669", "51.5", "-85", "90", "0"]),
        "db" => random.pick(&["0", "1", "2", "15", "16", "-1"]),
        other => panic!("no such kind of argument: {other}"),
    };
    text.as_bytes().to_vec()
}

fn key(kind: &str, random: &mut Random) -> &'static str {
    let own: Vec<_> = KEYS.into_iter().filter(|key| key[3..].starts_with(kind)).collect();
    if kind == "k" || random.chance(4) { random.pick(&KEYS) } else { random.pick(&own) }
}

fn value(random: &mut Random) -> Vec<u8> {
    match random.below(40) {
        // Past the sizes at which encodings change.
        0 => vec![b'x'; 45 + random.below(40)],
        1 => vec![b'y'; 5000],
        _ => random.pick(&VALUES).as_bytes().to_vec(),
    }
}

/// A second (or millisecond) far ahead, sometimes in the past.
fn now_plus(random: &mut Random, per_second: u64) -> String {
    if random.chance(10) {
        return random.pick(&["1", "0", "-1", "9223372036854775807"]).to_owned();
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    ((now + 10_000) * per_second).to_string()
}

/// Makes a command odd: an argument less, one more, or another one.
pub(crate) fn mutate(args: &mut Vec<Vec<u8>>, random: &mut Random) {
    let before = args.clone();
    let at = 1 + random.below(args.len());
    let junk = random.pick(&JUNK).as_bytes().to_vec();
    match random.below(6) {
        0 if at < args.len() => {
            args.remove(at);
        }
        1 if at < args.len() => args[at] = junk,
        2 if at < args.len() => {
            let other = 1 + random.below(args.len() - 1);
            args.swap(at, other);
        }
        3 => args[0].make_ascii_lowercase(),
        4 => args.iter_mut().skip(1).for_each(|arg| arg.make_ascii_lowercase()),
        _ => args.insert(at.min(args.len()), junk),
    }
    if depends_on_time(args) {
        *args = before;
    }
}

/// Whether the outcome depends on how many milliseconds a case takes.
fn depends_on_time(args: &[Vec<u8>]) -> bool {
    let is = |at: usize, word: &str| {
        args.get(at).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    };
    let has = |word: &str| (1..args.len()).any(|at| is(at, word));
    let soon = args.iter().any(|arg| {
        let number = std::str::from_utf8(arg).ok().and_then(|text| text.parse::<i64>().ok());
        number.is_some_and(|number| (1..60_000).contains(&number))
    });
    let timed = ["PSETEX", "PEXPIRE", "XCLAIM", "XAUTOCLAIM", "XPENDING"];
    let timed = timed.iter().any(|name| is(0, name)) || has("PX") || has("BLOCK") || has("IDLE");
    let seconds = ["SETEX", "EXPIRE"].iter().any(|name| is(0, name)) || has("EX");
    (is(0, "ZADD") && has(LEXICAL))
        || (timed && soon)
        || (seconds && args.iter().any(|arg| arg == b"1" || arg == b"2" || arg == b"3"))
        || (is(0, "XADD") && has("*"))
        || args[0].first().is_some_and(|first| first.eq_ignore_ascii_case(&b'b') && soon)
}
