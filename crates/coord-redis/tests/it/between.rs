//! What happens to a message between two steps of one operation.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use coord_core::{CancelOutcome, MessageCoordinator, NoteOutcome};
use coord_redis::KeyLayout;
use futures_util::future::join;

use crate::both::{Server, on_both};
use crate::harness::{At, World, connect};
use crate::proxy::{self, Command};

on_both! { still: tta_what_was_settled_meanwhile_is_not_there, tta_notes_are_bounded }

/// Holds up the first script that names a key, until it is told to go on.
struct Gate {
    at: At,
    /// Who is held up says so by a way to let it go on.
    held: Receiver<Sender<()>>,
}

impl Gate {
    fn new(server: &At, key: &str) -> Self {
        let (says, held) = channel();
        let (key, says) = (key.as_bytes().to_vec(), Mutex::new(Some(says)));
        let filter = move |command: Command| {
            if command[0] == b"EVALSHA" && command.contains(&key) {
                let first: Option<Sender<Sender<()>>> = says.lock().expect("no panic").take();
                if let Some(first) = first {
                    let (go_on, waits) = channel();
                    first.send(go_on).expect("somebody wants to know");
                    waits.recv().expect("somebody lets it go on");
                }
            }
            command
        };
        let port = proxy::start(server.port, filter);
        let own = format!(":{}", server.port);
        Self { at: At { url: server.url.replace(&own, &format!(":{port}")), port }, held }
    }

    /// Does something while an operation is held up, which goes through this gate.
    async fn during<T>(
        self,
        operation: impl Future<Output = T>,
        meanwhile: impl Future<Output = ()>,
    ) -> T {
        let between = async {
            let held = tokio::task::spawn_blocking(move || self.held.recv());
            let go_on = held.await.expect("no panic").expect("a script names the key");
            meanwhile.await;
            go_on.send(()).expect("it waits");
        };
        join(operation, between).await.0
    }
}

/// The step that finds a message tells the next one where: by then it is settled.
async fn tta_what_was_settled_meanwhile_is_not_there(server: &Server) {
    let world = World::new(server, KeyLayout::Tta).await;
    let notes = world.key("notes");
    for verb in ["cancel", "note", "why"] {
        let id = world.send("{}").await;
        let token = world.receive().await.token;
        let settle = async { world.mail.ack(&world.to, &token).await.expect("it is reserved") };
        let gate = Gate::new(&world.at, &notes);
        let policy = world.mail.policy();
        let (url, to) = (gate.at.url.clone(), &world.to);
        let mail = connect(&url, world.layout, &world.prefix, policy).await;
        match verb {
            "cancel" => {
                let found = gate.during(mail.cancel(to, &id), settle).await;
                assert_eq!(found.expect("it works"), CancelOutcome::NotFound);
            }
            "note" => {
                let found = gate.during(mail.note(to, &id, "hurry"), settle).await;
                assert_eq!(found.expect("it works"), NoteOutcome::NotFound);
            }
            _ => {
                let found = gate.during(mail.why(to, &id), settle).await;
                assert!(found.expect("it works").is_none());
            }
        }
        assert_eq!(world.at.number(&["EXISTS", &notes]), 0, "{verb}");
    }
}

/// What settled holders were told goes when there is much of it, what the living are told does not.
async fn tta_notes_are_bounded(server: &Server) {
    let world = World::new(server, KeyLayout::Tta).await;
    let (notes, reserved) = (world.key("notes"), world.key("reserved"));
    let tokens: Vec<String> = (0..1_000).map(|number| format!("res_{number:016}")).collect();
    let fill = |key: &str| {
        let mut add = vec!["HSET", key];
        add.extend(tokens.iter().flat_map(|token| [token.as_str(), "-1:x"]));
        assert_eq!(world.at.number(&add), 1_000);
    };
    let id = world.send("{}").await;
    world.receive().await;
    let note = async || world.mail.note(&world.to, &id, "hurry").await.expect("it works");
    fill(&notes);
    assert_eq!(note().await, NoteOutcome::HolderIsTold);
    assert_eq!(world.at.number(&["HLEN", &notes]), 1, "only the living");
    assert_eq!(world.at.number(&["DEL", &notes]), 1);
    fill(&notes);
    fill(&reserved);
    assert_eq!(note().await, NoteOutcome::TooMany);
    assert_eq!(world.at.number(&["HLEN", &notes]), 1_000);
}
