//! Random command sequences over few keys and members.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Mode, Pair, split};

/// Commands per family and protocol version, unless `COORD_TEST_STEPS` says otherwise.
const STEPS: usize = 800;
/// Commands between two comparisons of all data.
const AUDIT_EVERY: usize = 100;

/// Placeholders: K key of the family, A any key, F field or member, V value, I integer,
/// N number, S score bound, L lexical bound, E end of a list, M end of scores, W aggregate,
/// O and P longitude and latitude, R radius, U unit.
const HASHES: &str = "HSET K F V|HSET K F V F V F V|HSET K F I|HGET K F|HMGET K F F|HDEL K F|\
    HDEL K F F F|HGETALL K|HKEYS K|HVALS K|HLEN K|HEXISTS K F|HSTRLEN K F|HSETNX K F V|\
    HINCRBY K F I|HINCRBYFLOAT K F N|HMSET K F V|HSCAN K 0 COUNT 1000|HSCAN K 0 MATCH [a-c]* COUNT 1000|\
    HRANDFIELD K 1000|HRANDFIELD K 1000 WITHVALUES|HRANDFIELD K 0|DEL K";
const LISTS: &str = "LPUSH K V|RPUSH K V V V|LPUSHX K V|RPUSHX K V|LPOP K|RPOP K|LPOP K I|\
    RPOP K I|LRANGE K I I|LRANGE K 0 -1|LLEN K|LINDEX K I|LSET K I V|LREM K I V|LTRIM K I I|\
    LINSERT K BEFORE V V|LINSERT K AFTER V V|LPOS K V|LPOS K V RANK I|LPOS K V COUNT I|\
    LPOS K V COUNT I RANK I MAXLEN I|LMOVE K A E E|RPOPLPUSH K A|LMPOP 2 K A E|\
    LMPOP 2 K A E COUNT I|BLPOP K A 0.001|BRPOP K 0.001|BLMOVE K A E E 0.001|\
    BLMPOP 0.001 2 K A E COUNT I|BRPOPLPUSH K A 0.001|RPUSH K V V|LPUSH K V V|DEL K";
const SETS: &str = "SADD K F|SADD K I I I|SADD K F F F|SREM K F|SREM K I I|SCARD K|SMEMBERS K|\
    SISMEMBER K F|SMISMEMBER K F I|SMOVE K A F|SMOVE K A I|SPOP K 1000|SRANDMEMBER K 1000|\
    SRANDMEMBER K 0|SINTER K A|SUNION K A|SDIFF K A|SINTER K A A|SINTERSTORE A K A|\
    SUNIONSTORE A K A|SDIFFSTORE A K A|SINTERCARD 2 K A|SINTERCARD 2 K A LIMIT I|SSCAN K 0 COUNT 1000|\
    SSCAN K 0 MATCH ? COUNT 1000|SADD K I I|DEL K";
const SORTED_SETS: &str = "ZADD K N F|ZADD K N F N F N F|ZADD K NX N F|ZADD K XX N F|\
    ZADD K GT CH N F|ZADD K LT CH N F N F|ZADD K INCR N F|ZADD K GT INCR N F|ZREM K F|ZREM K F F|\
    ZSCORE K F|ZMSCORE K F F|ZCARD K|ZCOUNT K S S|ZINCRBY K N F|ZRANK K F|ZREVRANK K F|\
    ZRANGE K I I|ZRANGE K I I WITHSCORES|ZRANGE K I I REV|ZRANGE K S S BYSCORE|\
    ZRANGE K S S BYSCORE WITHSCORES LIMIT I I|ZRANGE K S S BYSCORE REV LIMIT I I|\
    ZREVRANGE K I I WITHSCORES|ZRANGEBYSCORE K S S|ZRANGEBYSCORE K S S WITHSCORES LIMIT I I|\
    ZREVRANGEBYSCORE K S S|ZRANGE K 0 -1 WITHSCORES|ZRANGESTORE A K I I|\
    ZRANGESTORE A K S S BYSCORE LIMIT I I|ZREMRANGEBYRANK K I I|ZREMRANGEBYSCORE K S S|ZPOPMIN K|\
    ZPOPMAX K|ZPOPMIN K I|ZPOPMAX K I|ZMPOP 2 K A M|ZMPOP 2 K A M COUNT I|BZPOPMIN K A 0.001|\
    BZPOPMAX K 0.001|BZMPOP 0.001 2 K A M|ZUNION 2 K A WITHSCORES|\
    ZUNION 2 K A WEIGHTS N N WITHSCORES|ZUNION 3 K A A AGGREGATE W WITHSCORES|\
    ZINTER 2 K A WITHSCORES|ZINTER 2 K A WEIGHTS N N AGGREGATE W WITHSCORES|ZDIFF 2 K A|\
    ZDIFF 2 K A WITHSCORES|ZINTERCARD 2 K A LIMIT I|ZUNIONSTORE A 2 K A|ZINTERSTORE A 2 K A|\
    ZDIFFSTORE A 2 K A|ZUNIONSTORE A 2 K A WEIGHTS N N AGGREGATE W|ZRANDMEMBER K 1000|\
    ZRANDMEMBER K 1000 WITHSCORES|ZSCAN K 0 COUNT 1000|ZADD K N F N F|ZADD K N F|SADD A F|DEL K";
/// All scores 0, as lexical ranges want it.
const LEXICAL: &str = "ZADD K 0 F|ZADD K 0 F 0 F 0 F|ZREM K F|ZRANGEBYLEX K L L|\
    ZREVRANGEBYLEX K L L|ZRANGEBYLEX K L L LIMIT I I|ZREVRANGEBYLEX K L L LIMIT I I|\
    ZRANGE K L L BYLEX|ZRANGE K L L BYLEX REV LIMIT I I|ZLEXCOUNT K L L|ZREMRANGEBYLEX K L L|\
    ZRANGESTORE A K L L BYLEX|ZPOPMIN K|ZADD K 0 F 0 F";

const PLACES: &str = "GEOADD K O P F|GEOADD K O P F O P F O P F|GEOADD K NX O P F|\
    GEOADD K XX CH O P F|GEODIST K F F|GEODIST K F F U|GEOHASH K F F|GEOPOS K F|\
    GEOSEARCH K FROMLONLAT O P BYRADIUS R U|GEOSEARCH K FROMLONLAT O P BYBOX R R U|\
    GEOSEARCH K FROMMEMBER F BYRADIUS R U ASC WITHDIST WITHHASH|\
    GEOSEARCH K FROMMEMBER F BYBOX R R U DESC COUNT I|GEORADIUS K O P R U WITHDIST|\
    GEOSEARCH K FROMLONLAT O P BYRADIUS R U COUNT 2 ANY|GEORADIUSBYMEMBER K F R U|\
    GEOSEARCHSTORE A K FROMLONLAT O P BYRADIUS R U|GEORADIUS K O P R U STORE A|\
    GEOSEARCHSTORE A K FROMLONLAT O P BYBOX R R U STOREDIST|GEORADIUS_RO K O P R U ASC|\
    GEOADD K O P F O P F O P F";

const FAMILIES: [(&str, &str); 6] =
    [("g", PLACES), ("h", HASHES), ("l", LISTS), ("s", SETS), ("z", SORTED_SETS), ("x", LEXICAL)];

const FIELDS: &[&str] = &["a", "b", "c", "d", "aa", "ab", "b ", "1", "2", "10", "-3", "007", ""];
const VALUES: &[&str] = &["x", "y", "z", "1", "2.5", "-7", "abc", "", "9223372036854775806"];
const INTEGERS: &[&str] =
    &["0", "1", "2", "3", "4", "5", "7", "12", "100", "-1", "-2", "-3", "-5", "-100"];
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "-1",
    "0.1",
    "0.2",
    "-0.5",
    "1.5",
    "3.0",
    "1e3",
    "1e17",
    "1e-7",
    "inf",
    "-inf",
    "-0",
    "123456789.123",
    "0x10",
];
const BOUNDS: &[&str] = &["-inf", "+inf", "0", "1", "(1", "2", "(2", "-1", "(0.1", "1e3", "(-0.5"];
const LEXICAL_BOUNDS: &[&str] = &["-", "+", "[a", "(a", "[b", "(b", "[aa", "(c", "[", "(1"];
const LONGITUDES: &[&str] = &["0", "13.361389", "15.087269", "-122.4", "179.9", "-180", "2.35"];
const LATITUDES: &[&str] = &["0", "38.115556", "37.502669", "-33.9", "85", "-85", "48.85", "70"];
const RADII: &[&str] = &["0", "1", "100", "250", "5000", "20000", "1000000", "1e7"];
const JUNK: &[&str] = &["", "x", "-1", "0", "1.5", "nan", "COUNT", "LIMIT", "WITHSCORES", "REV"];

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % bound
    }

    fn of(&mut self, pool: &[&'static str]) -> &'static str {
        pool[self.below(pool.len())]
    }

    fn key(&mut self, family: &str) -> String {
        format!("{family}{}", 1 + self.below(3))
    }

    /// A command of the family, now and then with a fault.
    fn command(&mut self, family: &str, templates: &str) -> Vec<Vec<u8>> {
        let templates: Vec<&str> = templates.split('|').map(str::trim).collect();
        let template = templates[self.below(templates.len())];
        let mut args: Vec<Vec<u8>> = Vec::new();
        for word in template.split(' ') {
            let text = match word {
                "K" | "A" if self.below(25) == 0 => {
                    self.of(&["str", "h1", "l1", "s1", "z1", "none"]).to_owned()
                }
                "K" | "A" => self.key(family),
                "F" => self.of(FIELDS).to_owned(),
                "V" => self.of(VALUES).to_owned(),
                "I" => self.of(INTEGERS).to_owned(),
                "N" => self.of(NUMBERS).to_owned(),
                "S" => self.of(BOUNDS).to_owned(),
                "L" => self.of(LEXICAL_BOUNDS).to_owned(),
                "E" => self.of(&["LEFT", "RIGHT"]).to_owned(),
                "M" => self.of(&["MIN", "MAX"]).to_owned(),
                "O" => self.of(LONGITUDES).to_owned(),
                "P" => self.of(LATITUDES).to_owned(),
                "R" => self.of(RADII).to_owned(),
                "U" => self.of(&["m", "km", "ft", "mi"]).to_owned(),
                "W" => self.of(&["SUM", "MIN", "MAX"]).to_owned(),
                word => word.to_owned(),
            };
            args.push(text.into_bytes());
        }
        match self.below(60) {
            0 if args.len() > 1 => drop(args.pop()),
            1 => args.push(self.of(JUNK).as_bytes().to_vec()),
            // Not among lexical commands: other scores would leave their results undefined.
            2 if args.len() > 2 && family != "x" => {
                let at = 2 + self.below(args.len() - 2);
                args[at] = self.of(JUNK).as_bytes().to_vec();
            }
            _ => {}
        }
        args
    }
}

/// Whether a command could wait for ever, picks at random, or goes on from a cursor: where that
/// leads is each server's own affair.
fn is_unfit(args: &[Vec<u8>]) -> bool {
    let name = args[0].to_ascii_lowercase();
    if name.ends_with(b"scan") && args.get(2).is_some_and(|cursor| cursor != b"0") {
        return true;
    }
    let waits = name.starts_with(b"b") && args.iter().any(|arg| arg == b"0" || arg.is_empty());
    let picks = name.starts_with(b"spop") || name.ends_with(b"randmember") || name == b"hrandfield";
    let all = args.get(2).is_some_and(|count| count == b"1000" || count == b"0");
    waits || (picks && !all)
}

fn mode(args: &[Vec<u8>]) -> Mode {
    let with = |word: &str| args.iter().any(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
    match args[0].to_ascii_lowercase().as_slice() {
        b"hgetall" | b"hscan" | b"zscan" => Mode::Sorted(2),
        b"hrandfield" => Mode::Sorted(if with("WITHVALUES") { 2 } else { 1 }),
        b"zrandmember" => Mode::Sorted(if with("WITHSCORES") { 2 } else { 1 }),
        b"hkeys" | b"hvals" | b"smembers" | b"sinter" | b"sunion" | b"sdiff" | b"spop"
        | b"srandmember" | b"sscan" => Mode::Sorted(1),
        b"geopos" => Mode::Numbers,
        _ => Mode::Exact,
    }
}

fn show(args: &[Vec<u8>]) -> String {
    args.iter().map(|arg| format!("{:?} ", String::from_utf8_lossy(arg))).collect()
}

/// A number from the environment.
fn given(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The same on every run, so that a red one is red again; `COORD_TEST_SEED=random` explores.
fn seed() -> u64 {
    match std::env::var("COORD_TEST_SEED").as_deref() {
        Ok("random") => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            u64::try_from(now.as_micros()).unwrap()
        }
        Ok(seed) => seed.parse().expect("COORD_TEST_SEED is a number or `random`"),
        Err(_) => 0x5eed,
    }
}

#[expect(clippy::print_stdout, reason = "a random test says its seed")]
fn compare(resp3: bool) {
    let seed = seed();
    let steps = given("COORD_TEST_STEPS").map_or(STEPS, |steps| usize::try_from(steps).unwrap());
    println!("COORD_TEST_SEED={seed}");
    for (family, templates) in FAMILIES {
        let Some(mut pair) = Pair::start("random commands", resp3) else { return };
        let mut random = Random(seed | 1);
        pair.both(Mode::Exact, &split("SET str x"));
        let mut history = Vec::new();
        for step in 0..steps {
            let args = random.command(family, templates);
            if is_unfit(&args) {
                continue;
            }
            history.push(show(&args));
            let (fake, real) = pair.both(mode(&args), &args);
            let tail = || history[history.len().saturating_sub(25)..].join("\n");
            assert_eq!(
                fake,
                real,
                "left: fake, right: real; COORD_TEST_SEED={seed}, RESP3: {resp3}\n{}",
                tail()
            );
            if step % AUDIT_EVERY == 0 {
                audit(&mut pair, family, &tail);
            }
        }
    }
}

/// Compares all data.
fn audit(pair: &mut Pair, family: &str, history: &dyn Fn() -> String) {
    let dump = match family {
        "h" => "HGETALL",
        "l" => "LRANGE",
        "s" => "SMEMBERS",
        _ => "ZRANGE",
    };
    for number in 1..=3 {
        let key = format!("{family}{number}");
        let range = if dump.ends_with("RANGE") { " 0 -1" } else { "" };
        for line in [
            format!("TYPE {key}"),
            format!("OBJECT ENCODING {key}"),
            format!("PTTL {key}"),
            format!("{dump} {key}{range}"),
        ] {
            let args = split(&line);
            let (fake, real) = pair.both(mode(&args), &args);
            assert_eq!(fake, real, "{line}\n{}", history());
        }
    }
}

#[test]
fn random_commands_resp2() {
    compare(false);
}

#[test]
fn random_commands_resp3() {
    compare(true);
}
