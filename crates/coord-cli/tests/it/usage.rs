//! Command lines that are refused: status 2, one line that names the field and its limit.

use crate::harness::{bare, ran, run};

#[test]
fn bad_input_is_one_line_and_status_2() {
    let long = "x".repeat(129);
    for (args, err) in [
        (&["send", "a:b:c", "--from", "x"][..], "invalid agent instance: ':' in \"b:c\""),
        (&["send", "", "--from", "x"], "invalid agent type: it is empty"),
        (&["send", &long, "--from", "x"], "129 bytes long, at most 128 are allowed"),
        (&["send", "a"], "required arguments were not provided: --from <AGENT>; see --help"),
        (
            &["send", "a", "--from", "x", "--delay", "5"],
            "invalid duration: \"5\" is not a whole number and one of ms, s, m, h, d",
        ),
        (
            &["send", "a", "--from", "x", "--id", "short"],
            "invalid message id: \"short\" has 5 characters, at least 6 are needed",
        ),
        (
            &["send", "a", "--from", "x", "--type", "note"],
            "[possible values: request, response, event]",
        ),
        (&["send", "a", "--from", "x", "--priority", "5"], "[possible values: low, normal, high]"),
        (
            &["send", "a", "--from", "x", "--payload", "[1]"],
            "invalid payload: [1] is no JSON object",
        ),
        (&["send", "a", "--from", "x", "--payload", "{"], "invalid payload: no JSON"),
        (
            &["send", "a", "--from", "x", "--payload", "@"],
            "invalid payload: `@` needs the path of a file",
        ),
        (&["send", "a", "--from", "x", "--header", "k"], "invalid header: \"k\" is not NAME=VALUE"),
        (&["send", "a", "--form", "x"], "tip: a similar argument exists: '--from'"),
        (&["receive", "a", "--max", "0"], "0 is not in 1..=1000"),
        (
            &["ack", "a", "res_1"],
            "invalid token: \"res_1\" is not `res_` and 16 lower-case hex digits",
        ),
        (
            &["nack", "a", "res_0000000000000000", "--failure", "odd"],
            "[possible values: transient, permanent, timeout]",
        ),
        (&["subscribe", "a"], "required arguments were not provided: <TYPE>"),
        (&["broadcast", "--from", "x"], "required arguments were not provided: <TO>..."),
        (&["recieve", "a"], "tip: some similar subcommands exist: "),
        (&["--layout", "odd", "queues"], "[possible values: compact, tta]"),
        (&["--output", "yaml", "queues"], "[possible values: human, json]"),
        (&["--timeout", "0s", "queues"], "invalid timeout: it must be at least 1ms"),
        (&["--prefix", "", "queues"], "invalid prefix: it is empty"),
        (&["--prefix", "a{b", "queues"], "invalid prefix: braces are not allowed"),
        (&["--redis", "http://x", "queues"], "invalid url: "),
        (&["--redis", "redis://u:hunter2@", "queues"], "invalid url: "),
        (&["queues", "redis://u:hunter2@h"], "redis://***@h"),
        (&["completions", "cmd"], "[possible values: bash, elvish, fish, powershell, zsh]"),
        (&["dlq"], "a command is missing: coord dlq [OPTIONS] <COMMAND>; see --help"),
        (&[], "a command is missing: coord [OPTIONS] <COMMAND>; see --help"),
    ] {
        let ran = run(args);
        assert_eq!((ran.status, ran.out.as_str()), (Some(2), ""), "{args:?}: {}", ran.err);
        assert!(ran.err.starts_with("coord: ") && ran.err.ends_with('\n'), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(err), "{args:?}: {}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{args:?}: {}", ran.err);
        assert!(!ran.err.contains("hunter2"), "{args:?}: {}", ran.err);
    }
}

#[test]
fn the_environment_is_the_default() {
    for (name, value, args, err) in [
        ("COORD_REDIS_URL", "http://:hunter2@x", &["queues"][..], "invalid url: "),
        ("COORD_LAYOUT", "odd", &["queues"], "[possible values: compact, tta]"),
    ] {
        let ran = ran(bare().env(name, value).args(args).output().unwrap());
        assert_eq!(ran.status, Some(2));
        assert!(ran.err.contains(err) && !ran.err.contains("hunter2"), "{}", ran.err);
    }
    let url = "redis://:hunter2@127.0.0.1:1";
    let help = ran(bare().env("COORD_REDIS_URL", url).arg("--help").output().unwrap());
    assert!(!help.out.contains("hunter2"), "{}", help.out);
}
