//! Passwords and restricted users.

use coord_testkit::FakeRedis;
use coord_testkit::fake_redis::Reply;

use super::wire::Wire;

#[tokio::test]
async fn a_password_is_asked_for() {
    let server = FakeRedis::builder().password("secret").start().await.expect("starts");
    let mut wire = Wire::to(&server);
    wire.ask("GET a", "-NOAUTH Authentication required.|").await;
    wire.ask("AUTH wrong", "-WRONGPASS invalid username-password pair or user is disabled.|").await;
    wire.ask("AUTH secret", "+OK|").await;
    wire.ask("GET a", "$-1|").await;
    let client = redis::Client::open(server.url()).expect("a url");
    let mut connection = client.get_multiplexed_async_connection().await.expect("logs in");
    let () = redis::cmd("PING").query_async(&mut connection).await.expect("answers");
}

#[tokio::test]
async fn a_user_is_held_to_commands_keys_and_channels() {
    let server = FakeRedis::start().await.expect("starts");
    let rules = [
        "ACL",
        "SETUSER",
        "bob",
        "on",
        ">pw",
        "~app:*",
        "%R~ro:*",
        "&app:*",
        "+@read",
        "+set",
        "+publish",
        "-keys",
        "+client|id",
    ];
    assert_eq!(server.command(rules), Reply::OK);
    let mut wire = Wire::to(&server);
    wire.ask("AUTH bob pw", "+OK|").await;
    wire.ask("SET app:1 x", "+OK|").await;
    wire.ask("GET ro:1", "$-1|").await;
    let no_key =
        "-NOPERM this user has no permissions to access one of the keys used as arguments|";
    wire.ask("SET ro:1 x", no_key).await;
    wire.ask("GET other", no_key).await;
    wire.ask("KEYS *", "-NOPERM this user has no permissions to run the 'keys' command|").await;
    wire.ask("PUBLISH app:c x", ":0|").await;
    wire.ask(
        "PUBLISH c x",
        "-NOPERM this user has no permissions to access one of the channels used as arguments|",
    )
    .await;
    wire.send("CLIENT ID").await;
    wire.expect(":2|").await;
    assert_eq!(server.command(["ACL", "DRYRUN", "bob", "set", "app:1", "x"]), Reply::OK);
    assert_eq!(server.command(["ACL", "DELUSER", "bob"]), Reply::Integer(1));
    wire.expect_end().await;
}

#[tokio::test]
async fn refusals_are_logged_and_counted() {
    let server = FakeRedis::start().await.expect("starts");
    let rules = ["ACL", "SETUSER", "bob", "on", ">pw", "~own", "+get", "+multi", "+exec"];
    assert_eq!(server.command(rules), Reply::OK);
    let mut wire = Wire::to(&server);
    wire.ask("AUTH bob no", "-WRONGPASS invalid username-password pair or user is disabled.|")
        .await;
    wire.ask("AUTH bob pw", "+OK|").await;
    for _ in 0..2 {
        assert!(wire.line("GET other").await.starts_with("-NOPERM"));
    }
    wire.ask("MULTI", "+OK|").await;
    assert!(wire.line("SET own 1").await.starts_with("-NOPERM"));
    let Reply::Array(entries) = server.command(["ACL", "LOG"]) else { panic!("no array") };
    let texts: Vec<String> = entries
        .iter()
        .map(|entry| match entry {
            Reply::Map(fields) => fields[..5]
                .iter()
                .map(|(_, value)| match value {
                    Reply::Bulk(text) => String::from_utf8_lossy(text).into_owned(),
                    Reply::Integer(number) => number.to_string(),
                    other => panic!("{other:?}"),
                })
                .collect::<Vec<_>>()
                .join(" "),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        texts,
        ["1 command multi set bob", "2 key toplevel other bob", "1 auth toplevel AUTH bob"]
    );
    assert_eq!(server.command(["ACL", "LOG", "RESET"]), Reply::OK);
    assert_eq!(server.command(["ACL", "LOG"]), Reply::Array(Vec::new()));
}

#[tokio::test]
async fn listeners_are_cut_when_they_may_no_longer_listen() {
    let server = FakeRedis::start().await.expect("starts");
    let rules = ["ACL", "SETUSER", "bob", "on", "nopass", "&news", "+subscribe"];
    assert_eq!(server.command(rules), Reply::OK);
    let mut wire = Wire::to(&server);
    wire.ask("AUTH bob x", "+OK|").await;
    wire.ask("SUBSCRIBE news", "*3|$9|subscribe|$4|news|:1|").await;
    assert_eq!(server.command(["ACL", "SETUSER", "bob", "&more"]), Reply::OK);
    assert_eq!(server.command(["PUBLISH", "news", "x"]), Reply::Integer(1));
    wire.expect("*3|$7|message|$4|news|$1|x|").await;
    assert_eq!(server.command(["ACL", "SETUSER", "bob", "resetchannels"]), Reply::OK);
    wire.expect_end().await;
}

#[tokio::test]
async fn rules_are_checked_and_joined() {
    let server = FakeRedis::start().await.expect("starts");
    let refuses = |rule: &str, why: &str| {
        let reply = server.command(["ACL", "SETUSER", "bob", rule]);
        assert!(matches!(&reply, Reply::Error(text) if text.contains(why)), "{reply:?}");
    };
    refuses(&format!("#{}", "A".repeat(64)), "lowercase hexadecimal");
    refuses("+config|get|x", "first-arg of a subcommand");
    refuses("+nothing", "Unknown command");
    let rules = ["ACL", "SETUSER", "bob", "%R~a", "%W~a", "+memory|doctor", "+memory", "+select|0"];
    assert_eq!(server.command(rules), Reply::OK);
    let Reply::Map(fields) = server.command(["ACL", "GETUSER", "bob"]) else { panic!("no map") };
    assert_eq!(fields[2].1, Reply::bulk("-@all +memory +select|0"));
    assert_eq!(fields[3].1, Reply::bulk("~a"));
    let try_it = |db: &str| server.command(["ACL", "DRYRUN", "bob", "select", db]);
    assert_eq!(try_it("0"), Reply::OK);
    assert!(matches!(try_it("1"), Reply::Bulk(_)));
}
