//! One verb, one file name: in the machine, the adapter, both sets of scripts and the suite.

use super::finding::Finding;
use super::tree::Tree;

/// The layers: a short name, the directory, and the extension of its files. A directory that does
/// not exist asks for nothing, so the scripts may stand in either of two places.
const LAYERS: [(&str, &str, &str); 7] = [
    ("core", "crates/coord-core/src/mailbox/", "rs"),
    ("redis", "crates/coord-redis/src/operations/", "rs"),
    ("tta", "crates/coord-redis/scripts/tta/", "lua"),
    ("compact", "crates/coord-redis/scripts/compact/", "lua"),
    ("tta", "crates/coord-redis/src/scripts/tta/", "lua"),
    ("compact", "crates/coord-redis/src/scripts/compact/", "lua"),
    ("conformance", "crates/coord-testkit/src/conformance/", "rs"),
];

/// Every verb of the mailbox. A file of this name in one layer has its twin in every other.
pub(super) const VERBS: &[&str] = &[
    "ack",
    "ack_and_receive",
    "ack_batch",
    "broadcast",
    "bury",
    "cancel",
    "configure",
    "dead_letters",
    "extend",
    "find",
    "forward",
    "nack",
    "pause",
    "peek",
    "publish",
    "purge",
    "receipts",
    "receive",
    "receive_batch",
    "reconcile",
    "recover",
    "redrive",
    "release",
    "resume",
    "send",
    "send_batch",
    "stats",
    "subscribe",
    "unsubscribe",
    "unwait",
    "wait",
    "why",
];

/// A verb that a layer does without, and the reason: (verb, layer, reason).
pub(super) type Exception = (&'static str, &'static str, &'static str);

const EXCEPTIONS: &[Exception] = &[
    ("broadcast", "core", "many sends; the machine is one mailbox"),
    ("broadcast", "redis", "many sends, pipelined in coordinator.rs"),
    ("broadcast", "tta", "runs the script of send"),
    ("broadcast", "compact", "runs the script of send"),
    ("bury", "core", "the machine holds decoded messages, so none that cannot be read"),
    ("bury", "tta", "runs the script of nack"),
    ("bury", "conformance", "shown as poison"),
    ("dead_letters", "tta", "the original's list is read by LRANGE"),
    ("publish", "core", "many sends; the machine is one mailbox"),
    ("publish", "tta", "the same keys and the same script as on the compact layout"),
    ("reconcile", "core", "the machine does each step whole: there is nothing to repair"),
    ("find", "core", "the walk of cancel and why, which the machine need not do in steps"),
    ("find", "tta", "the same script as on the compact layout"),
    ("find", "conformance", "shown as cancel and why"),
    ("receipts", "tta", "the original's layout has no place for them"),
    ("stats", "conformance", "looked at together with peek"),
    ("subscribe", "core", "a set of types beside the mailbox, not part of it"),
    ("subscribe", "tta", "the same set and the same script as on the compact layout"),
    ("unsubscribe", "core", "see subscribe"),
    ("unsubscribe", "redis", "the end of subscribe, in subscribe.rs"),
    ("unsubscribe", "tta", "the same script as on the compact layout"),
    ("unsubscribe", "conformance", "shown as subscribe"),
    ("unwait", "core", "see wait"),
    ("unwait", "redis", "the end of wait, in wait.rs"),
    ("unwait", "tta", "the same script as on the compact layout"),
    ("unwait", "conformance", "shown as wait"),
    ("wait", "core", "many receives; who waits is no part of a mailbox's state"),
];

const WHY: &str = "who knows the verb knows the file, in every layer, at the first try";

/// Every verb without its twin in a layer that exists, and every script that is no verb.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = unknown_scripts(tree);
    findings.extend(missing_twins(tree, EXCEPTIONS));
    findings
}

/// Scripts that are named after no verb: the one layer where every file has to be.
fn unknown_scripts(tree: &Tree) -> Vec<Finding> {
    tree.with_extension("lua")
        .filter(|file| LAYERS.iter().any(|(_, directory, _)| file.path.starts_with(directory)))
        .filter(|file| !VERBS.contains(&file.stem()))
        .map(|file| {
            Finding::new(
                file.path.as_str(),
                format!("`{}` is no verb of the mailbox", file.stem()),
                WHY,
                "move what scripts share to scripts/lib/, or add the verb to VERBS of \
                 xtask/src/tidy/verbs.rs",
            )
        })
        .collect()
}

/// As [`check`], with these exceptions.
pub(super) fn missing_twins(tree: &Tree, exceptions: &[Exception]) -> Vec<Finding> {
    let layers: Vec<_> = LAYERS
        .iter()
        .filter(|(_, directory, _)| tree.files.iter().any(|file| file.path.starts_with(directory)))
        .collect();
    let mut findings = Vec::new();
    for verb in VERBS {
        let at = |(_, directory, extension): &(&str, &str, &str)| {
            format!("{directory}{verb}.{extension}")
        };
        let there: Vec<String> =
            layers.iter().map(|layer| at(layer)).filter(|path| tree.file(path).is_some()).collect();
        let Some(twin) = there.first() else { continue };
        for layer in &layers {
            let path = at(layer);
            let excused = exceptions.iter().any(|(name, of, _)| name == verb && *of == layer.0);
            if !there.contains(&path) && !excused {
                findings.push(Finding::new(
                    path,
                    format!("is missing, but {twin} is there"),
                    WHY,
                    "name the file of this verb so, or give the reason in EXCEPTIONS of \
                     xtask/src/tidy/verbs.rs",
                ));
            }
        }
    }
    findings
}
