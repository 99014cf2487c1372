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
