//! Requests and replies byte for byte: both protocol versions, inline commands, broken requests.

use coord_testkit::FakeRedis;

use super::wire::Wire;

#[tokio::test]
async fn requests_may_come_in_pieces_and_in_heaps() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = Wire::to(&server);
    for piece in [&b"*2\r"[..], b"\n$4\r\nEC", b"HO\r\n$3\r\na\r", b"b\r\n"] {
        wire.send_raw(piece).await;
        tokio::task::yield_now().await;
    }
    wire.expect("$3|a\rb|").await;
    wire.send_raw(b"*1\r\n$4\r\nPING\r\nPING\r\n\r\n*0\r\nECHO \"a\\x41\\n\" \r\n").await;
    wire.expect("+PONG|+PONG|$3|aA\n|").await;
}

#[tokio::test]
async fn broken_requests_are_named_and_end_the_connection() {
    let server = FakeRedis::start().await.expect("starts");
    for (request, error) in [
        (&b"*a\r\n"[..], "invalid multibulk length"),
        (b"*2000000\r\n", "invalid multibulk length"),
        (b"*1\r\n:1\r\n", "expected '$', got ':'"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$536870913\r\n", "invalid bulk length"),
        (b"PING \"a\r\n", "unbalanced quotes in request"),
    ] {
        let mut wire = Wire::to(&server);
        wire.send_raw(request).await;
        wire.expect(&format!("-ERR Protocol error: {error}|")).await;
        wire.expect_end().await;
    }
}

#[tokio::test]
async fn both_protocol_versions() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = Wire::to(&server);
    for (kind, resp2, resp3) in [
        ("string", "$11|Hello World|", "$11|Hello World|"),
        ("integer", ":12345|", ":12345|"),
        ("double", "$5|3.141|", ",3.141|"),
        ("null", "$-1|", "_|"),
        ("array", "*3|:0|:1|:2|", "*3|:0|:1|:2|"),
        ("set", "*3|:0|:1|:2|", "~3|:0|:1|:2|"),
        ("map", "*6|:0|:0|:1|:1|:2|:0|", "%3|:0|#f|:1|#t|:2|#f|"),
        ("verbatim", "$25|This is a verbatim\nstring|", "=29|txt:This is a verbatim\nstring|"),
        ("true", ":1|", "#t|"),
        ("false", ":0|", "#f|"),
    ] {
        wire.ask("HELLO 2", "*14|").await;
        wire.expect("$6|server|$5|redis|$7|version|$6|7.0.15|$5|proto|:2|$2|id|:1|$4|mode|$10|standalone|$4|role|$6|master|$7|modules|*0|").await;
        wire.ask(&format!("DEBUG PROTOCOL {kind}"), resp2).await;
        wire.ask("HELLO 3", "%7|").await;
        wire.expect("$6|server|$5|redis|$7|version|$6|7.0.15|$5|proto|:3|$2|id|:1|$4|mode|$10|standalone|$4|role|$6|master|$7|modules|*0|").await;
        wire.ask(&format!("DEBUG PROTOCOL {kind}"), resp3).await;
    }
}

#[tokio::test]
async fn an_unknown_command_is_named() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = Wire::to(&server);
    wire.ask(
        "FROBNICATE a b",
        "-ERR unknown command 'FROBNICATE', with args beginning with: 'a' 'b' |",
    )
    .await;
    wire.ask("CLIENT FROB", "-ERR unknown subcommand 'FROB'. Try CLIENT HELP.|").await;
    wire.ask("GET", "-ERR wrong number of arguments for 'get' command|").await;
    wire.ask("CLIENT SETNAME", "-ERR wrong number of arguments for 'client||setname' command|")
        .await;
}

#[tokio::test]
async fn replies_can_be_switched_off_and_skipped() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = Wire::to(&server);
    wire.send_raw(b"CLIENT REPLY OFF\r\nPING\r\nPING\r\nCLIENT REPLY ON\r\n").await;
    wire.expect("+OK|").await;
    wire.send_raw(b"CLIENT REPLY SKIP\r\nECHO skipped\r\nECHO shown\r\n").await;
    wire.expect("$5|shown|").await;
}

#[tokio::test]
async fn quit_and_reset() {
    let server = FakeRedis::start().await.expect("starts");
    let mut wire = Wire::to(&server);
    wire.ask("CLIENT SETNAME me", "+OK|").await;
    wire.ask("SELECT 3", "+OK|").await;
    wire.ask("MULTI", "+OK|").await;
    wire.ask("RESET", "+RESET|").await;
    wire.ask("CLIENT GETNAME", "$-1|").await;
    wire.ask("DBSIZE", ":0|").await;
    wire.send_raw(b"QUIT\r\nPING\r\n").await;
    wire.expect("+OK|").await;
    wire.expect_end().await;
}
