//! Two and five processes on one real server: one trip opens all, probes are exact in the whole
//! fleet, and nothing that happens to a prober or to the server leaves anybody stuck.

use std::time::{Duration, Instant};

use coord_redis::{KeyLayout, RedisBreakerStore};
use coord_resilience::breaker::{BreakerName, BreakerStore, ControlOrder};
use coord_testkit::server::RealServer;

use crate::breaker::store;
use crate::breaker_processes::{Member, Role};
use crate::harness::{At, LAYOUTS, fresh_prefix, private, server_time_passes};

const HOUR: Duration = Duration::from_secs(3600);
const NAME: &str = "workflow:dep";

struct Fleet {
    members: Vec<Member>,
    store: RedisBreakerStore,
    role: Role,
}

impl Fleet {
    fn start(server: &RealServer, size: u32, change: impl FnOnce(Role) -> Role) -> Self {
        let role = change(Role {
            url: At::from(server).url,
            layout: KeyLayout::Compact,
            prefix: fresh_prefix(),
            name: NAME.to_owned(),
            timeout: Duration::from_secs(2),
            max_calls: 2,
            lease: Duration::from_secs(50),
            // Longer than any test: what arrives earlier was pushed.
            poll: Duration::from_secs(600),
            budget: Duration::from_secs(30),
        });
        let members = (0..size).map(|at| Member::start(&role, HOUR * at)).collect();
        let store = store(&role.url, role.layout, &role.prefix);
        Self { members, store, role }
    }

    async fn close(&mut self) {
        let name = BreakerName::parse(NAME).unwrap();
        self.store.control(&name, &ControlOrder::Close).await.unwrap();
    }

    fn all_wait_for(&mut self, word: &str) -> Vec<u128> {
        let said = self.members.iter_mut().map(|member| member.wait_for(word));
        said.map(|it| it.parse().expect("a time")).collect()
    }

    fn forget_lines(&mut self) {
        self.members.iter_mut().for_each(Member::forget_lines);
    }

    fn tell_all(&mut self, order: &str) {
        self.members.iter_mut().for_each(|member| member.tell(order));
    }

    /// Each member calls until a call passes, and then all are closed.
    async fn all_pass(&mut self) {
        self.until(|member| member.ask("call") == "passed").await;
        self.until(|member| {
            // While another member's probe is under way, a call may be what closes it.
            member.ask("call");
            member.ask("state") == "Closed Coordinated"
        })
        .await;
    }

    async fn until(&mut self, done: impl Fn(&mut Member) -> bool) {
        for member in &mut self.members {
            let give_up = Instant::now() + Duration::from_secs(60);
            while !done(member) {
                assert!(Instant::now() < give_up, "a process is stuck: {}", member.ask("state"));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// The polls are ten minutes apart here, so only a push opens them; each also has a clock that is
/// hours off.
async fn one_trip_opens_all(size: u32, name: &str) {
    let Some(server) = private(name) else { return };
    for layout in LAYOUTS {
        let mut fleet = Fleet::start(&server, size, |role| Role { layout, ..role });
        let mut fastest = u128::MAX;
        for round in 0..5_usize {
            let tripper = round % fleet.members.len();
            let began: u128 = fleet.members[tripper].ask("trip").parse().unwrap();
            let opened = fleet.all_wait_for("Open");
            fastest = fastest.min(opened.iter().max().unwrap() - began);
            fleet.close().await;
            fleet.all_wait_for("Closed");
        }
        report(&format!("{name}, {layout}: all {size} open after {fastest} us at best"));
        assert!(fastest < 100_000, "one trip opens all within 100 ms: {fastest} us");
    }
}

#[expect(clippy::print_stderr, reason = "a measurement, shown with --nocapture")]
fn report(text: &str) {
    eprintln!("{text}");
}

#[tokio::test]
async fn one_trip_opens_two() {
    one_trip_opens_all(2, "one_trip_opens_two").await;
}

#[tokio::test]
async fn one_trip_opens_five() {
    one_trip_opens_all(5, "one_trip_opens_five").await;
}

#[tokio::test]
async fn probes_are_exact_in_the_whole_fleet() {
    let Some(server) = private("probes_are_exact_in_the_whole_fleet") else { return };
    for size in [2, 5] {
        let mut fleet = Fleet::start(&server, size, |role| role);
        fleet.members[0].ask("trip");
        fleet.all_wait_for("Open");
        server_time_passes(&At::from(&server), fleet.role.timeout + Duration::from_millis(50))
            .await;
        fleet.tell_all("burst 20");
        let (mut admitted, mut rejected) = (0, 0);
        for member in &mut fleet.members {
            let said = member.wait_for("burst");
            let (passed, refused) = said.split_once(' ').unwrap();
            admitted += passed.parse::<u32>().unwrap();
            rejected += refused.parse::<u32>().unwrap();
        }
        assert_eq!((admitted, rejected), (2, size * 20 - 2), "the configured number of probes");
        fleet.tell_all("finish");
        fleet.all_wait_for("Closed");
    }
}

#[tokio::test]
async fn a_killed_prober_blocks_for_one_lease_only() {
    let Some(server) = private("a_killed_prober") else { return };
    let lease = Duration::from_secs(3);
    let mut fleet = Fleet::start(&server, 3, |role| Role { max_calls: 1, lease, ..role });
    fleet.members[1].ask("trip");
    fleet.all_wait_for("Open");
    let at = At::from(&server);
    server_time_passes(&at, fleet.role.timeout + Duration::from_millis(50)).await;
    assert_eq!(fleet.members[0].burst(1), (1, 0), "it probes");
    assert_eq!(fleet.members[1].burst(1), (0, 1), "only one probes");
    fleet.members[0].kill();
    let name = BreakerName::parse(NAME).unwrap();
    assert_eq!(fleet.store.observe(&name).await.unwrap().probes, 1, "its permit is out");
    fleet.members.remove(0);
    server_time_passes(&at, lease).await;
    assert_eq!(fleet.members[1].burst(1), (1, 0), "the next one probes");
    fleet.tell_all("finish");
    fleet.all_wait_for("Closed");
    fleet.all_pass().await;
}

/// A short poll and the ordinary time budgets: what runs in production.
fn ordinary(role: Role) -> Role {
    Role { poll: Duration::from_millis(200), budget: Duration::from_millis(250), ..role }
}

#[tokio::test]
async fn a_flushed_server_leaves_nobody_stuck() {
    let Some(server) = private("a_flushed_server_leaves_nobody_stuck") else { return };
    let mut fleet = Fleet::start(&server, 3, ordinary);
    fleet.members[0].ask("trip");
    fleet.all_wait_for("Open");
    server.command(&["FLUSHALL"]).unwrap();
    fleet.all_pass().await;
    fleet.forget_lines();
    server.command(&["FLUSHALL"]).unwrap();
    fleet.members[1].ask("trip");
    fleet.all_wait_for("Open");
}

#[tokio::test]
async fn a_restarted_server_leaves_nobody_stuck() {
    let Some(mut server) = private("a_restarted_server_leaves_nobody_stuck") else { return };
    let mut fleet = Fleet::start(&server, 3, ordinary);
    fleet.members[0].ask("trip");
    fleet.all_wait_for("Open");
    server.restart().unwrap();
    fleet.all_pass().await;
    fleet.forget_lines();
    fleet.members[1].ask("trip");
    fleet.all_wait_for("Open");
}

/// A failover that loses the last writes: the record is put back to what it was before the trip,
/// and its generations are used again for something else.
#[tokio::test]
async fn a_record_that_goes_back_leaves_nobody_stuck() {
    let Some(server) = private("a_record_that_goes_back") else { return };
    let mut fleet = Fleet::start(&server, 3, ordinary);
    fleet.close().await;
    let key = format!("{}:cb:fleet:{{{NAME}}}", fleet.role.prefix);
    server.command(&["COPY", &key, "backup", "REPLACE"]).unwrap();
    fleet.members[0].ask("trip");
    fleet.all_wait_for("Open");
    server.command(&["COPY", "backup", &key, "REPLACE"]).unwrap();
    fleet.all_pass().await;
    fleet.forget_lines();
    // They are one fleet again: a trip of any opens all.
    fleet.members[2].ask("trip");
    fleet.all_wait_for("Open");
    server.command(&["COPY", "backup", &key, "REPLACE"]).unwrap();
    fleet.close().await;
    fleet.all_pass().await;
}

#[tokio::test]
async fn a_silent_server_fails_no_call() {
    let Some(mut server) = private("a_silent_server_fails_no_call") else { return };
    let mut fleet = Fleet::start(&server, 3, ordinary);
    fleet.members.iter_mut().for_each(|member| drop(member.ask("load")));
    server.pause().unwrap();
    fleet.members.iter_mut().for_each(|member| drop(member.ask("report")));
    // Longer than the store's connections are trusted to be silent.
    tokio::time::sleep(Duration::from_secs(3)).await;
    for member in &mut fleet.members {
        let said = member.ask("report");
        let numbers: Vec<u64> = said.split(' ').map(|word| word.parse().unwrap()).collect();
        assert!(numbers[0] > 20 && numbers[1] == 0, "calls go on, none is rejected: {said}");
        assert_eq!(member.ask("state"), "Closed Degraded");
    }
    // Alone, the local breaker does everything: it opens.
    fleet.members[0].ask("trip");
    fleet.members[0].wait_for("Open");
    assert_eq!(fleet.members[1].ask("state"), "Closed Degraded");
    server.resume().unwrap();
    // Its opening is a vote now, unless it has closed again meanwhile; then another trip is.
    fleet.forget_lines();
    fleet.all_pass().await;
    fleet.forget_lines();
    fleet.members[2].ask("trip");
    fleet.all_wait_for("Open");
    fleet.all_pass().await;
}
