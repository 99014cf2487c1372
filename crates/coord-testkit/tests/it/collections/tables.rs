//! Fixed lines of commands, valid and invalid, per family and protocol version.

use super::{Mode, Pair, split};

const TABLES: [(&str, &str); 7] = [
    ("places", include_str!("geo.txt")),
    ("HyperLogLogs", include_str!("hyperloglogs.txt")),
    ("encodings", include_str!("encodings.txt")),
    ("hashes", include_str!("hashes.txt")),
    ("lists", include_str!("lists.txt")),
    ("sets", include_str!("sets.txt")),
    ("sorted sets", include_str!("sorted_sets.txt")),
];

/// Runs all tables; every line that differs is shown.
fn compare(resp3: bool) {
    let mut faults = Vec::new();
    let mut lines = 0;
    for (name, table) in TABLES {
        let Some(mut pair) = Pair::start(name, resp3) else { return };
        for (number, line) in table.lines().enumerate() {
            if line.starts_with('#') {
                continue;
            }
            let (mode, command) = match line.split_at(1) {
                ("~", rest) => (Mode::Sorted(width(rest)), rest),
                ("?", rest) => (Mode::Shape, rest),
                ("^", rest) => (Mode::Numbers, rest),
                _ => (Mode::Exact, line),
            };
            let (fake, real) = pair.both(mode, &split(command));
            if fake != real {
                let number = number + 1;
                faults.push(format!("{name}:{number}: {line}\n  fake {fake:?}\n  real {real:?}"));
            }
            lines += 1;
        }
    }
    assert!(lines > 800, "the tables are complete");
    assert!(faults.is_empty(), "{} of {lines} lines differ\n{}", faults.len(), faults.join("\n"));
}

/// Elements that belong together in a flat reply.
fn width(command: &str) -> usize {
    let command = command.to_lowercase();
    let pairs = ["withvalues", "withscores", "hscan", "zscan", "hgetall"];
    if pairs.iter().any(|word| command.contains(word)) { 2 } else { 1 }
}

#[test]
fn resp2_replies_are_those_of_redis() {
    compare(false);
}

#[test]
fn resp3_replies_are_those_of_redis() {
    compare(true);
}
