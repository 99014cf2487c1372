//! Help, completions, manual.

use expect_test::expect_file;

use crate::harness::run;

#[test]
fn help_is_as_recorded() {
    let help = run(&["--help"]);
    assert_eq!((help.status, help.err.as_str()), (Some(0), ""));
    expect_file!["help.txt"].assert_eq(&help.out);
}

#[test]
fn every_command_has_help_and_the_version_is_that_of_the_crate() {
    for command in [
        &["send"][..],
        &["broadcast"],
        &["publish"],
        &["receive"],
        &["ack"],
        &["nack"],
        &["extend"],
        &["release"],
        &["recover"],
        &["reconcile"],
        &["queues"],
        &["peek"],
        &["why"],
        &["cancel"],
        &["note"],
        &["pause"],
        &["resume"],
        &["limit"],
        &["receipts"],
        &["forward"],
        &["dlq", "redrive"],
        &["dlq", "purge"],
        &["fake-redis"],
        &["demo"],
        &["dlq"],
        &["dlq", "list"],
        &["subscribe"],
        &["breaker"],
        &["breaker", "list"],
        &["breaker", "open"],
        &["pipe"],
        &["completions"],
        &["man"],
        &["migrate"],
        &["migrate", "check"],
        &["migrate", "drain"],
    ] {
        let help = run(&[command, &["--help"]].concat());
        assert_eq!(help.status, Some(0), "{command:?}");
        assert!(help.out.contains("Usage: coord "), "{command:?}: {}", help.out);
    }
    let version = format!("coord {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(&["--version"]).out, version);
}

#[test]
fn completions_know_the_commands_and_their_words() {
    for (shell, sign) in [
        ("bash", "complete -F _coord"),
        ("zsh", "#compdef coord"),
        ("fish", "complete -c coord"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion:arg-completer[coord]"),
    ] {
        let script = run(&["completions", shell]);
        assert_eq!(script.status, Some(0));
        for part in [sign, "visibility", "redis"] {
            assert!(script.out.contains(part), "{shell}: {part}");
        }
    }
}

#[test]
fn the_manual_is_one_page_or_one_for_each_command() {
    let page = run(&["man"]);
    assert_eq!(page.status, Some(0));
    assert!(page.out.contains(".TH coord 1"), "{}", page.out);
    let dir = tempfile::tempdir().unwrap();
    let ran = run(&["man", "--dir", dir.path().to_str().unwrap()]);
    assert_eq!((ran.status, ran.out.as_str()), (Some(0), ""));
    for name in ["coord.1", "coord-send.1", "coord-dlq-list.1"] {
        assert!(dir.path().join(name).exists(), "{name}");
    }
    let nowhere = dir.path().join("nowhere");
    let ran = run(&["man", "--dir", nowhere.to_str().unwrap()]);
    assert_eq!(ran.status, Some(1), "{}", ran.err);
}
