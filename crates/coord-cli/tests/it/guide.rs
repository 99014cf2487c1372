//! The commands of the guide for moving over from TTA run as they stand there.

use coord_testkit::FakeRedis;

use crate::harness::{Running, bare, ran};

const GUIDE: &str = include_str!("../../../../docs/migrating-from-tta.md");

/// Everything between backticks that begins with `coord `, as words; in order, each once.
fn commands() -> Vec<Vec<String>> {
    let quoted = GUIDE.split('`').skip(1).step_by(2);
    let mut commands: Vec<Vec<String>> = Vec::new();
    for text in quoted.filter_map(|text| text.strip_prefix("coord ")) {
        let words = text.split_whitespace().map(|word| match word {
            "AGENT" => "world_builder:w1".to_owned(),
            "NAME" => "text_analysis".to_owned(),
            word => word.trim_matches('\'').to_owned(),
        });
        let words: Vec<String> = words.collect();
        if !commands.contains(&words) {
            commands.push(words);
        }
    }
    commands
}

#[test]
fn every_command_runs() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fake = runtime.block_on(FakeRedis::start()).unwrap();
    let command = |words: &[&str]| {
        let mut command = bare();
        command.env("COORD_LAYOUT", "tta").env("COORD_REDIS_URL", fake.url()).args(words);
        command
    };
    let run = |words: &[&str]| ran(command(words).output().unwrap());
    let capability = ["--capability", "text_analysis@1.0.0"];
    let register = [&["register", "world_builder:w1"][..], &capability[..]].concat();
    assert_eq!(run(&register).status, Some(0));
    let send = ["send", "world_builder:w1", "--from", "input_processor"];
    assert_eq!(run(&send).status, Some(0));

    let commands = commands();
    for wanted in ["migrate check", "migrate drain", "reconcile", "recover", "queues", "peek"] {
        let is_there = commands.iter().any(|words| words.join(" ").starts_with(wanted));
        assert!(is_there, "the guide does not name `coord {wanted}`");
    }
    for words in &commands {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words.contains(&"--watch") {
            let mut watching = Running::start(&mut command(&words));
            while !watching.line().contains("world_builder:w1") {}
            watching.interrupt();
            assert_eq!(watching.end().status, Some(0), "{words:?}");
            continue;
        }
        if words.starts_with(&["migrate", "drain"]) && !words.contains(&"unreserved") {
            while run(&["receive", "world_builder:w1", "--visibility", "0ms"]).status == Some(0) {
                // Attempts run out; then the messages are dead and the mailbox is empty.
            }
        }
        let ended = run(&words);
        // An empty mailbox and an empty dead-letter queue are nothing wrong.
        let is_fine = matches!(ended.status, Some(0 | 4));
        assert!(is_fine, "`coord {}`: {ended:?}", words.join(" "));
    }
}
