//! What happens to a message between two steps of one operation.

use std::time::{Duration, Instant};

use coord_core::{CancelOutcome, MessageCoordinator, NoteOutcome};
use coord_redis::KeyLayout;
use coord_testkit::Clock;
use coord_testkit::fake_redis::{Fault, Reply};
use futures_util::future::join;

use crate::harness::{At, Fake, World};

const START: Duration = Duration::from_secs(1_767_225_600);

async fn still() -> (Fake, World) {
    let fake = Fake::start(Clock::manual(START));
    let world = World::new(At::from(&fake), KeyLayout::Tta).await;
    (fake, world)
}

/// Does something while the first script of an operation that names `key` is held up.
async fn held_up<T>(
    fake: &Fake,
    key: &str,
    operation: impl Future<Output = T>,
    meanwhile: impl Future<Output = ()>,
) -> T {
    let second = Duration::from_secs(1);
    let rule = Fault::delay(second).command("EVALSHA").key(key).times(1);
    let rule = fake.server.inject(rule);
    let between = async {
        let began = Instant::now();
        while fake.server.fired(rule) == 0 {
            assert!(began.elapsed() < Duration::from_secs(30), "no script names {key}");
            tokio::task::yield_now().await;
        }
        meanwhile.await;
        fake.server.advance(second);
    };
    join(operation, between).await.0
}

/// The step that finds a message tells the next one where: by then it is settled.
#[tokio::test]
async fn tta_what_was_settled_meanwhile_is_not_there() {
    let (fake, world) = still().await;
    let other = world.another().await;
    let notes = world.key("notes");
    for verb in ["cancel", "note", "why"] {
        let id = world.send("{}").await;
        let token = world.receive().await.token;
        let settle = async { other.ack(&world.to, &token).await.expect("it is reserved") };
        let (mail, to) = (&world.mail, &world.to);
        match verb {
            "cancel" => {
                let found = held_up(&fake, &notes, mail.cancel(to, &id), settle).await;
                assert_eq!(found.expect("it works"), CancelOutcome::NotFound);
            }
            "note" => {
                let found = held_up(&fake, &notes, mail.note(to, &id, "hurry"), settle).await;
                assert_eq!(found.expect("it works"), NoteOutcome::NotFound);
            }
            _ => {
                let found = held_up(&fake, &notes, mail.why(to, &id), settle).await;
                assert!(found.expect("it works").is_none());
            }
        }
        assert_eq!(fake.server.command(["EXISTS", &notes]), Reply::Integer(0), "{verb}");
    }
}

/// What settled holders were told goes when there is much of it, what the living are told does not.
#[tokio::test]
async fn tta_notes_are_bounded() {
    let (fake, world) = still().await;
    let (notes, reserved) = (world.key("notes"), world.key("reserved"));
    let tokens: Vec<String> = (0..1_000).map(|number| format!("res_{number:016}")).collect();
    let fill = |key: &str| {
        let mut add = vec!["HSET", key];
        add.extend(tokens.iter().flat_map(|token| [token.as_str(), "-1:x"]));
        assert_eq!(fake.server.command(add), Reply::Integer(1_000));
    };
    let id = world.send("{}").await;
    world.receive().await;
    let note = async || world.mail.note(&world.to, &id, "hurry").await.expect("it works");
    fill(&notes);
    assert_eq!(note().await, NoteOutcome::HolderIsTold);
    assert_eq!(fake.server.command(["HLEN", &notes]), Reply::Integer(1), "only the living");
    assert_eq!(fake.server.command(["DEL", &notes]), Reply::Integer(1));
    fill(&notes);
    fill(&reserved);
    assert_eq!(note().await, NoteOutcome::TooMany);
    assert_eq!(fake.server.command(["HLEN", &notes]), Reply::Integer(1_000));
}
