//! What a start refuses, and what it says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use coord_core::{BackendError, BackendErrorKind, MailboxPolicy, MessageCoordinator};
use coord_redis::{ConnectError, KeyLayout, RedisConfig, RedisMessageCoordinator, ServerWarning};
use coord_testkit::server::RealServer;

use crate::harness::{At, LAYOUTS, World, agent, config, connect, fresh_prefix, private, shared};

async fn refusal(config: RedisConfig) -> BackendError {
    match RedisMessageCoordinator::connect(config).await {
        Err(ConnectError::Backend(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused() {
    for version in ["6.0.16", "5.0.14", "2.8.24", "nonsense"] {
        let at = stub(Some(version));
        let error = refusal(config(&at.url, KeyLayout::Compact, "p")).await;
        assert_eq!(error.kind(), BackendErrorKind::Unsupported);
        let text = error.to_string();
        assert!(text.contains(version) && text.contains("6.2"), "{text}");
    }
    // The stub is no Redis, but of an age that would do.
    for version in ["6.2.0", "7.0.15", "10.0.0"] {
        let at = stub(Some(version));
        connect(&at.url, KeyLayout::Tta, "p", MailboxPolicy::new()).await;
    }
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = refusal(config(&format!("redis://127.0.0.1:{port}"), KeyLayout::Tta, "p")).await;
    assert_eq!(error.kind(), BackendErrorKind::Unreachable);
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
}

#[tokio::test]
async fn a_silent_server_does_not_hang_the_start() {
    let at = stub(None);
    let short = Duration::from_millis(50);
    let config = config(&at.url, KeyLayout::Compact, "p");
    let error = refusal(config.with_connect_timeout(short).with_response_timeout(short)).await;
    let kind = error.kind();
    assert!(
        matches!(kind, BackendErrorKind::Unreachable | BackendErrorKind::OutcomeUnknown),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_wrong_password_is_denied_and_never_shown() {
    let Some(server) = RealServer::builder().password("sesame").start_or_ignore("wrong_password")
    else {
        return;
    };
    let port = server.port();
    for url in [format!("redis://:guessed@127.0.0.1:{port}"), format!("redis://127.0.0.1:{port}")] {
        let config = config(&url, KeyLayout::Compact, "p");
        assert!(!format!("{config:?}").contains("guessed"));
        let error = refusal(config).await;
        assert_eq!(error.kind(), BackendErrorKind::Denied, "{error:?}");
        assert!(!format!("{error:?} {error}").contains("guessed"), "{error:?}");
    }
    cycle(&server.url()).await;
}

#[tokio::test]
async fn user_and_password_work() {
    let Some(server) = private("user_and_password_work") else { return };
    let user = ["ACL", "SETUSER", "bob", "on", ">p4ss", "~*", "&*", "+@all"];
    server.command(&user).unwrap();
    let port = server.port();
    cycle(&format!("redis://bob:p4ss@127.0.0.1:{port}")).await;
    let url = format!("redis://bob:wrong@127.0.0.1:{port}");
    let error = refusal(config(&url, KeyLayout::Tta, "p")).await;
    assert_eq!(error.kind(), BackendErrorKind::Denied);
    // A user who may not run scripts starts, and is told at the first operation.
    server.command(&["ACL", "SETUSER", "bob", "-@scripting"]).unwrap();
    let url = format!("redis://bob:p4ss@127.0.0.1:{port}");
    let mail = connect(&url, KeyLayout::Tta, "p", MailboxPolicy::new()).await;
    let received = mail.receive(&agent("writer"), Duration::from_secs(1)).await;
    let Err(coord_core::ReceiveError::Backend(error)) = received else { panic!("{received:?}") };
    assert_eq!(error.kind(), BackendErrorKind::Denied, "{error}");
    assert!(error.to_string().contains("evalsha"), "{error}");
}

#[tokio::test]
async fn a_unix_socket_works() {
    let Some(server) = RealServer::builder().unix_socket().start_or_ignore("unix_socket") else {
        return;
    };
    let path = server.unix_socket().unwrap();
    for scheme in ["redis+unix", "unix"] {
        cycle(&format!("{scheme}://{}", path.display())).await;
    }
}

#[test]
fn bad_urls_are_named_without_their_password() {
    for url in ["", "localhost", "http://:s3cret@host", "redis://:s3cret@host:port", "redis://"] {
        match RedisConfig::from_url(url) {
            Ok(config) => assert_eq!(url, "redis://", "{config:?}"),
            Err(error) => {
                assert_eq!(error.field(), "url");
                assert!(!format!("{error:?} {error}").contains("s3cret"), "{error}");
                assert!(error.to_string().contains("redis://"), "{error}");
            }
        }
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn tls_without_the_feature_is_refused_and_the_feature_named() {
    let error = RedisConfig::from_url("rediss://localhost").unwrap_err();
    assert_eq!(error.field(), "url");
    assert!(error.to_string().contains("`tls`"), "{error}");
}

#[tokio::test]
async fn an_evicting_server_gives_a_warning() {
    for (policy, warns) in [
        ("allkeys-lru", true),
        ("allkeys-random", true),
        ("volatile-lru", false),
        ("noeviction", false),
    ] {
        let builder = RealServer::builder().arg("--maxmemory-policy").arg(policy);
        let Some(server) = builder.start_or_ignore("an_evicting_server") else { return };
        let config = config(&server.url(), KeyLayout::Compact, "p");
        let mail = RedisMessageCoordinator::connect(config).await.unwrap();
        match mail.warnings() {
            [] => assert!(!warns, "{policy}"),
            [warning @ ServerWarning::Evicts { policy: named }] => {
                assert!(warns, "{policy}");
                assert_eq!(named, policy);
                let text = warning.to_string();
                assert!(text.contains("maxmemory-policy") && text.contains("noeviction"), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_prefix_holds_one_layout() {
    let Some(server) = shared("a_prefix_holds_one_layout") else { return };
    for (there, asked) in [(LAYOUTS[0], LAYOUTS[1]), (LAYOUTS[1], LAYOUTS[0])] {
        let world = World::new(&*server, there).await;
        // Every kind of key counts, not only waiting messages.
        world.send("{}").await;
        let received = world.receive().await;
        let error = refusal(config(&server.url(), asked, &world.prefix)).await;
        assert_eq!(error.kind(), BackendErrorKind::Incompatible);
        let text = error.to_string();
        assert!(text.contains(there.as_str()) && text.contains(asked.as_str()), "{text}");
        assert!(text.contains(&world.prefix), "{text}");
        world.mail.ack(&world.to, &received.token).await.unwrap();
        // The one that lives there still may.
        world.another().await;
    }
}

#[tokio::test]
async fn another_data_model_version_is_refused() {
    let Some(server) = shared("another_data_model_version") else { return };
    for asked in LAYOUTS {
        let prefix = fresh_prefix();
        server.command(&["SET", &format!("{prefix}:layout"), "compact:2"]).unwrap();
        let error = refusal(config(&server.url(), asked, &prefix)).await;
        assert_eq!(error.kind(), BackendErrorKind::Incompatible);
        assert!(error.to_string().contains("version 2"), "{error}");
    }
}

/// A key of the right name and the wrong type is told, and stays as it is.
#[tokio::test]
async fn keys_of_a_wrong_type_are_incompatible() {
    let Some(server) = shared("keys_of_a_wrong_type") else { return };
    for (layout, part) in [(KeyLayout::Compact, "messages"), (KeyLayout::Tta, "queue")] {
        let world = World::new(&*server, layout).await;
        world.at.command(&["SET", &world.key(part), "mine"]);
        let sent = world.mail.send_message(&world.from, &world.to, world.message("{}")).await;
        let Err(coord_core::SendError::Backend(error)) = sent else { panic!("{sent:?}") };
        assert_eq!(error.kind(), BackendErrorKind::Incompatible, "{error}");
        assert!(world.maybe_receive().await.is_none(), "nothing was half-sent");
    }
}

async fn cycle(url: &str) {
    for layout in LAYOUTS {
        let prefix = fresh_prefix();
        let mail = connect(url, layout, &prefix, MailboxPolicy::new()).await;
        let (from, to) = (agent("planner"), agent("writer"));
        let message = coord_core::AgentMessage::new(
            mail.new_message_id(),
            from.clone(),
            to.clone(),
            coord_core::MessageType::Event,
        );
        assert!(mail.send_message(&from, &to, message).await.unwrap().delivered());
        let received = mail.receive(&to, Duration::from_secs(60)).await.unwrap().unwrap();
        mail.ack(&to, &received.token).await.unwrap();
    }
}

/// A listener that answers INFO with a version and everything else with OK; or, without a
/// version, nothing at all. It lives as long as the test process.
fn stub(version: Option<&'static str>) -> At {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(stream, version));
        }
    });
    At { url: format!("redis://127.0.0.1:{port}"), port }
}

/// Ends when the client goes.
fn answer(stream: std::net::TcpStream, version: Option<&str>) -> Option<()> {
    let mut output = stream.try_clone().ok()?;
    let mut input = BufReader::new(stream);
    loop {
        let parts = length(&mut input)?;
        let mut verb = Vec::new();
        for part in 0..parts {
            let mut body = vec![0; length(&mut input)? + 2];
            input.read_exact(&mut body).ok()?;
            if part == 0 {
                verb = body;
            }
        }
        let Some(version) = version else { continue };
        let reply = match verb.to_ascii_uppercase().as_slice() {
            b"INFO\r\n" => {
                let info = format!("# Server\r\nredis_version:{version}\r\n");
                format!("${}\r\n{info}\r\n", info.len())
            }
            b"GET\r\n" => "$-1\r\n".to_owned(),
            _ => "+OK\r\n".to_owned(),
        };
        output.write_all(reply.as_bytes()).ok()?;
    }
}

fn length(input: &mut impl BufRead) -> Option<usize> {
    let mut line = String::new();
    input.read_line(&mut line).ok()?;
    line.trim_end().get(1..)?.parse().ok()
}

/// A server out of memory takes nothing more, whether anybody waits or not, and keeps who waits.
#[tokio::test]
async fn without_memory_nothing_is_taken() {
    let Some(server) = private("without_memory_nothing_is_taken") else { return };
    for layout in LAYOUTS {
        for is_waited in [false, true] {
            let world = World::new(&server, layout).await;
            let waiters = world.key("waiters");
            // The first message makes what a mailbox needs once.
            world.send("{}").await;
            let first = world.receive().await.token;
            world.mail.ack(&world.to, &first).await.expect("it is reserved");
            if is_waited {
                let entry = format!("res_0000000000000001 1000000 0 @{}:wake", world.prefix);
                world.at.command(&["ZADD", &waiters, "9000000000000000", &entry]);
            }
            world.at.command(&["CONFIG", "SET", "maxmemory", "1"]);
            let sent = world.mail.send_message(&world.from, &world.to, world.message("{}")).await;
            assert!(sent.is_err(), "{layout}: {sent:?}");
            world.at.command(&["CONFIG", "SET", "maxmemory", "0"]);
            assert_eq!(world.stats().await.depth, 0, "{layout}");
            assert_eq!(world.at.number(&["ZCARD", &waiters]), i64::from(is_waited), "{layout}");
        }
    }
}
