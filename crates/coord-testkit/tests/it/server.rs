//! The launcher of real servers.

use coord_testkit::server::{Frame, RealCluster, RealSentinel, RealServer, ServerError};

#[test]
fn keeps_port_and_data_over_a_crash_with_an_append_only_file() {
    let Some(mut server) = RealServer::builder()
        .append_only()
        .password("sesame")
        .unix_socket()
        .start_or_ignore("append only")
    else {
        return;
    };
    let (port, pid) = (server.port(), server.pid());
    assert_eq!(server.url(), format!("redis://:sesame@127.0.0.1:{port}"));
    assert!(server.unix_socket().is_some_and(|socket| socket.exists()));
    server.command(&["SET", "k", "v"]).unwrap();
    server.kill().unwrap();
    assert!(server.command(&["PING"]).is_err());
    server.restart().unwrap();
    assert_eq!(server.port(), port);
    assert_ne!(server.pid(), pid);
    assert_eq!(server.command(&["GET", "k"]).unwrap(), Frame::Bulk(b"v".to_vec()));
}

#[test]
fn a_paused_server_answers_only_after_resume() {
    let Some(mut server) = RealServer::builder().private().start_or_ignore("pause") else {
        return;
    };
    let mut client = server.client().unwrap();
    client.read_timeout(std::time::Duration::from_millis(50)).unwrap();
    client.checked(&["PING"]).unwrap();
    server.pause().unwrap();
    client.send(&["PING"]).unwrap();
    assert!(matches!(client.read(), Err(ServerError::Io(_))));
    server.resume().unwrap();
    client.read_timeout(std::time::Duration::from_secs(60)).unwrap();
    assert_eq!(client.read().unwrap(), Frame::Simple("PONG".to_owned()));
}

#[test]
fn nothing_is_left_after_a_panic() {
    let Some(server) = RealServer::builder().private().start_or_ignore("panic") else {
        return;
    };
    let dir = server.dir().unwrap().to_owned();
    let mut client = server.client().unwrap();
    let panicked = std::thread::spawn(move || {
        let _server = server;
        panic!("as a failing test does");
    });
    assert!(panicked.join().is_err());
    assert!(client.call(&["PING"]).is_err());
    assert!(!dir.exists());
}

#[test]
fn a_server_that_cannot_start_shows_its_log() {
    let started = RealServer::builder().arg("--no-such-option").arg("1").start();
    match started {
        Err(ServerError::NotReady { log, .. }) => assert!(log.contains("no-such-option"), "{log}"),
        Err(ServerError::NotFound) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_cluster_moves_a_slot_with_its_keys() {
    let Some(cluster) = RealCluster::start_or_ignore("cluster", 3) else {
        return;
    };
    // The slot of `k`, which the middle node owns at the start.
    let slot = 7629;
    let ask = |node: usize| cluster.nodes()[node].command(&["GET", "k"]);
    assert_eq!(cluster.owner(slot).unwrap(), 1);
    cluster.nodes()[1].command(&["SET", "k", "v"]).unwrap();
    cluster.begin_migration(slot, 1, 2).unwrap();
    assert_eq!(ask(1).unwrap(), Frame::Bulk(b"v".to_vec()));
    cluster.move_keys(slot, 1, 2).unwrap();
    let asked = format!("ASK {slot} 127.0.0.1:{}", cluster.nodes()[2].port());
    assert!(matches!(ask(1), Err(ServerError::Reply { message }) if message == asked));
    cluster.end_migration(slot, 2).unwrap();
    assert_eq!(ask(2).unwrap(), Frame::Bulk(b"v".to_vec()));
    let moved = format!("MOVED {slot} 127.0.0.1:{}", cluster.nodes()[2].port());
    assert!(matches!(ask(1), Err(ServerError::Reply { message }) if message == moved));
    cluster.migrate(slot, 0).unwrap();
    assert_eq!(ask(0).unwrap(), Frame::Bulk(b"v".to_vec()));
    cluster.await_ok().unwrap();
}

#[test]
fn sentinels_promote_the_replica() {
    let Some(sentinel) = RealSentinel::start_or_ignore("sentinel") else {
        return;
    };
    assert_eq!(sentinel.master().unwrap(), 0);
    assert_eq!(sentinel.failover().unwrap(), 1);
    sentinel.servers()[1].command(&["SET", "k", "v"]).unwrap();
    assert_eq!(sentinel.servers()[1].command(&["GET", "k"]).unwrap(), Frame::Bulk(b"v".to_vec()));
}
