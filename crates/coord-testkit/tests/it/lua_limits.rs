//! Scripts that would hurt a server, and what only the fake promises.

use coord_testkit::FakeRedis;

use crate::lua::{Raw, lenient};

async fn eval(connection: &mut Raw, script: &str) -> String {
    let reply = connection.ask(&["EVAL", script, "0"]).await;
    String::from_utf8_lossy(&reply).into_owned()
}

/// Whatever a script does, the next one finds a healthy server.
#[tokio::test]
async fn hostile_scripts_end_in_an_error() {
    let server = lenient().await;
    let mut connection = Raw::connect(server.address().port()).await;
    let cases = [
        ("local t={} t[1]=t return t", "reached lua stack limit"),
        ("local t={} t.map={} t.map[1]=t return t", "reached lua stack limit"),
        ("local function f() return 1+f() end return f()", "stack overflow"),
        ("local function f() return pcall(f) end return tostring(f())", "true"),
        ("return select('#', pcall(function() return unpack({},1,60) end))", ":61"),
        ("return select('#', xpcall(function() return unpack({},1,60) end, error))", ":61"),
        ("return unpack({1},1,60)", ":1"),
        (
            "return select('#', coroutine.resume(coroutine.create(function() return unpack({},1,60) end)))",
            ":61",
        ),
        ("return select('#', coroutine.wrap(function() return unpack({},1,60) end)())", ":60"),
        ("return select('#', pcall(error))", ":2"),
        ("local t=setmetatable({},{}) getmetatable(t).__index=t return t.x", "loop in gettable"),
        ("return #string.rep('x',2^30)", "not enough memory"),
        ("local t={} while true do t[#t+1]=string.rep('x',1e6)..#t end", "not enough memory"),
        ("error({a=1})", "-ERR unknown error"),
        ("error({})", "-ERR unknown error"),
        ("error(setmetatable({},{__tostring=function() error('x') end}))", "-ERR unknown error"),
        ("local t={} t[1]=t return cjson.encode(t)", "excessive nesting (1001)"),
        ("return cjson.decode(string.rep('[',1e6))", "too many nested data structures"),
        ("return cmsgpack.unpack(string.rep('\\145',1e6))", "stack overflow"),
        ("return #cmsgpack.unpack('\\221\\255\\255\\255\\255')", "Missing bytes"),
        ("return struct.unpack('c0','abc')", "needs a previous size"),
        ("return string.rep('(',1e5):find(string.rep('(',1e5))", "ERR"),
        ("return xpcall(function() error('a') end, function() error('b') end)", "$-1"),
        ("return coroutine.wrap(coroutine.wrap)()", "ERR"),
        ("return loadstring(string.rep('(',1e5)..'1')", "$-1"),
        ("return loadstring(string.rep('a=1 ',1e5))", "$-1"),
    ];
    for (script, expected) in cases {
        let reply = eval(&mut connection, script).await;
        assert!(reply.contains(expected), "{script}: {}", &reply[..reply.len().min(300)]);
        assert_eq!(eval(&mut connection, "return 'alive'").await, "$5\r\nalive\r\n", "{script}");
    }
}

#[tokio::test]
async fn strict_mode_names_the_undeclared_key() {
    let server = FakeRedis::start().await.expect("a loopback port");
    let mut connection = Raw::connect(server.address().port()).await;
    let reply = eval(&mut connection, "return redis.call('get','stray')").await;
    assert!(reply.starts_with("-ERR strict mode: the script uses the key 'stray'"), "{reply}");
    let sha = sha1_of("return redis.call('get','stray')");
    assert!(reply.contains(&format!("script: {sha}, on @user_script:1.")), "{reply}");
    let declared = ["EVAL", "return redis.call('get',KEYS[1])", "1", "mine"];
    assert_eq!(connection.ask(&declared).await, b"$-1\r\n");
}

fn sha1_of(script: &str) -> String {
    sha1_smol::Sha1::from(script).digest().to_string()
}

#[tokio::test]
async fn nothing_leaks_from_one_script_to_the_next() {
    let server = lenient().await;
    let mut connection = Raw::connect(server.address().port()).await;
    let steps = [
        ("pcall(function() foo=1 end) return rawget(_G,'foo')", "$-1\r\n"),
        ("table.insert(redis,'x') return 1", ":1\r\n"),
        ("return redis[1]", "$-1\r\n"),
        ("for k in pairs(_G) do if k=='x' then return 1 end end", "$-1\r\n"),
        ("redis.setresp(3) return 1", ":1\r\n"),
        ("return redis.call('get','nokey') == false", ":1\r\n"),
        ("local _,t=pairs(redis) t.call=nil return 1", ":1\r\n"),
        ("return type(redis.call)", "$8\r\nfunction\r\n"),
        (
            "local s=getmetatable('').__index local ok=pcall(function() s.upper=nil end) return ('a'):upper()",
            "$1\r\nA\r\n",
        ),
    ];
    for (script, expected) in steps {
        assert_eq!(eval(&mut connection, script).await, expected, "{script}");
    }
    let keys = ["EVAL", "KEYS[1]='changed' KEYS[3]='more' return #ARGV", "1", "k", "a"];
    assert_eq!(connection.ask(&keys).await, b":1\r\n");
    let keys = ["EVAL", "return {#KEYS,KEYS[1]}", "1", "k"];
    assert_eq!(connection.ask(&keys).await, b"*2\r\n:1\r\n$1\r\nk\r\n");
}

#[tokio::test]
async fn time_stands_still_inside_a_script() {
    let server = lenient().await;
    let mut connection = Raw::connect(server.address().port()).await;
    let script = "local a=redis.call('time') for i=1,3e5 do end local b=redis.call('time') return {a[1]==b[1],a[2]==b[2]}";
    assert_eq!(eval(&mut connection, script).await, "*2\r\n:1\r\n:1\r\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_script_is_one_step_for_everyone_else() {
    let server = lenient().await;
    let port = server.address().port();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn(async move {
                let mut connection = Raw::connect(port).await;
                for _ in 0..200 {
                    let script =
                        "local n=tonumber(redis.call('get','n') or '0') redis.call('set','n',n+1)";
                    connection.ask(&["EVAL", script, "0"]).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("the task ends");
    }
    let mut connection = Raw::connect(port).await;
    assert_eq!(connection.ask(&["GET", "n"]).await, b"$4\r\n1600\r\n");
}

/// A payload that Redis 7.0.15 wrote, with its compression.
#[tokio::test]
async fn restores_functions_a_real_server_dumped() {
    let code = "#!lua name=lib\nredis.register_function('first', function() return 'aaaaaaaaaaaaaaaaaaaa' end)\nredis.register_function('second', function() return 'aaaaaaaaaaaaaaaaaaaa' end)";
    let server = FakeRedis::start().await.expect("a loopback port");
    let mut connection = Raw::connect(server.address().port()).await;
    let payload = DUMPED;
    let restore = [&b"FUNCTION"[..], b"RESTORE", payload];
    assert_eq!(connection.ask(&restore).await, b"+OK\r\n");
    let listed = connection.ask(&["FUNCTION", "LIST", "WITHCODE"]).await;
    assert!(String::from_utf8_lossy(&listed).contains(code));
    assert_eq!(connection.ask(&["FCALL", "second", "0"]).await, b"$20\r\naaaaaaaaaaaaaaaaaaaa\r\n");
    let mut broken = payload.to_vec();
    broken[5] ^= 1;
    let refused = connection.ask(&[&b"FUNCTION"[..], b"RESTORE", &broken]).await;
    assert_eq!(refused, b"-ERR DUMP payload version or checksum are wrong\r\n");
    let collision = connection.ask(&restore).await;
    assert_eq!(collision, b"-ERR Library lib already exists\r\n");
    let replace = [&b"FUNCTION"[..], b"RESTORE", payload, b"REPLACE"];
    assert_eq!(connection.ask(&replace).await, b"+OK\r\n");
    let dump = connection.ask(&["FUNCTION", "DUMP"]).await;
    let start = dump.iter().position(|b| *b == b'\n').expect("a bulk reply") + 1;
    let own = &dump[start..dump.len() - 2];
    let flush = [&b"FUNCTION"[..], b"RESTORE", own, b"FLUSH"];
    assert_eq!(connection.ask(&flush).await, b"+OK\r\n");
    assert_eq!(connection.ask(&["FCALL", "first", "0"]).await, b"$20\r\naaaaaaaaaaaaaaaaaaaa\r\n");
}

const DUMPED: &[u8] = b"\xf5\xc3@[@\xad\x1f#!lua name=lib\x0aredis.register_fu\x0fnction('first', \xe0\x00\x11\x0a) return 'a\xe0\x0a\x00\x05' end)\xe0\x11N\x05second\xe0%O\x01d)\x0a\x00g\xaa\x877\xc4\xf8\xe1u";

/// Asks until the server says what is expected; the script under test ends by itself
/// if it never does.
async fn until(connection: &mut Raw, request: &[&str], expected: &str) -> String {
    loop {
        let reply = String::from_utf8_lossy(&connection.ask(request).await).into_owned();
        if reply.starts_with(expected) {
            return reply;
        }
        assert!(reply.starts_with("+PONG") || reply.starts_with("-NOTBUSY"), "{reply}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_long_script_makes_the_server_busy_until_it_is_killed() {
    const SCRIPT: &str = "SCRIPT KILL or SHUTDOWN NOSAVE.\r\n";
    let server = lenient().await;
    let port = server.address().port();
    let mut other = Raw::connect(port).await;
    let mut runner = Raw::connect(port).await;
    assert_eq!(other.ask(&["CONFIG", "SET", "busy-reply-threshold", "1"]).await, b"+OK\r\n");
    // Nothing the script does may catch the end.
    let hostile = [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "while true do xpcall(function() while true do end end, function() end) end",
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
        "local f=coroutine.wrap(function() while true do end end) while true do pcall(f) end",
        "while true do redis.pcall('get','x') end",
        "while true do xpcall(error, function() while true do end end) end",
        "while true do load(function() while true do end end) end",
    ];
    for script in hostile {
        runner.send(&["EVAL", script, "0"]).await;
        let busy = until(&mut other, &["PING"], "-BUSY Redis is busy running a script.").await;
        assert!(busy.ends_with(SCRIPT), "{busy}");

        let wrong = other.ask(&["FUNCTION", "KILL"]).await;
        assert!(wrong.starts_with(b"-BUSY"), "{script}");
        // A connection that comes now is answered too.
        let mut late = Raw::connect(port).await;
        assert_eq!(late.ask(&["SCRIPT", "KILL"]).await, b"+OK\r\n", "{script}");
        let reply = String::from_utf8_lossy(&runner.reply().await).into_owned();
        assert!(
            reply.starts_with("-ERR Script killed by user with SCRIPT KILL. script: "),
            "{reply}"
        );
        assert!(reply.ends_with(", on @user_script:1.\r\n"), "{reply}");
        until(&mut late, &["SCRIPT", "KILL"], "-NOTBUSY").await;
        assert_eq!(other.ask(&["PING"]).await, b"+PONG\r\n");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_script_that_wrote_cannot_be_killed_and_ends_at_its_budget() {
    let server = lenient().await;
    server.limit_script_instructions(200_000_000);
    let port = server.address().port();
    let mut other = Raw::connect(port).await;
    let mut runner = Raw::connect(port).await;
    assert_eq!(other.ask(&["CONFIG", "SET", "busy-reply-threshold", "1"]).await, b"+OK\r\n");
    let code = "#!lua name=l\nredis.register_function('f', function() redis.call('set','a','1') while true do end end)";
    assert_eq!(other.ask(&["FUNCTION", "LOAD", code]).await, b"$1\r\nl\r\n");
    runner.send(&["FCALL", "f", "0"]).await;
    let busy = until(&mut other, &["PING"], "-BUSY").await;
    assert!(busy.contains("FUNCTION KILL or SHUTDOWN"), "{busy}");
    let refused = other.ask(&["FUNCTION", "KILL"]).await;
    assert!(refused.starts_with(b"-UNKILLABLE"), "{}", String::from_utf8_lossy(&refused));
    let reply = String::from_utf8_lossy(&runner.reply().await).into_owned();
    assert!(
        reply.starts_with("-ERR the fake server stops scripts after 200000000 instructions"),
        "{reply}"
    );
    assert_eq!(Raw::connect(port).await.ask(&["GET", "a"]).await, b"$1\r\n1\r\n");
}

#[tokio::test]
async fn a_script_can_be_killed_on_a_runtime_with_one_thread() {
    let server = lenient().await;
    let port = server.address().port();
    let mut other = Raw::connect(port).await;
    let mut runner = Raw::connect(port).await;
    assert_eq!(other.ask(&["CONFIG", "SET", "busy-reply-threshold", "1"]).await, b"+OK\r\n");
    runner.send(&["EVAL", "while true do end", "0"]).await;
    until(&mut other, &["PING"], "-BUSY").await;
    assert_eq!(other.ask(&["SCRIPT", "KILL"]).await, b"+OK\r\n");
    let reply = String::from_utf8_lossy(&runner.reply().await).into_owned();
    assert!(reply.starts_with("-ERR Script killed by user with SCRIPT KILL."), "{reply}");
    assert_eq!(other.ask(&["PING"]).await, b"+PONG\r\n");
}

/// Nobody kills it: it must end by itself.
#[tokio::test]
async fn an_endless_script_ends_on_a_runtime_with_one_thread() {
    let server = lenient().await;
    server.limit_script_instructions(1_000_000);
    let mut connection = Raw::connect(server.address().port()).await;
    for script in ["while true do end", "while true do pcall(error) end"] {
        let reply = eval(&mut connection, script).await;
        assert!(reply.contains("stops scripts after 1000000 instructions"), "{reply}");
        assert_eq!(eval(&mut connection, "return 1").await, ":1\r\n");
    }
}
