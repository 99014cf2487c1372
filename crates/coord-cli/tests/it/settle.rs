//! ack, nack, extend, release, recover.

use crate::harness::{Place, Ran, everywhere};

const OK: &str = "{\"ok\":true}\n";

#[test]
fn settling_answers_ok_once_and_lost_afterwards() {
    everywhere("settling_answers_ok_once_and_lost_afterwards", |place| {
        for settle in ["ack", "nack", "release"] {
            place.json(&["send", "w", "--from", "p"]);
            let token = place.receive("w");
            assert_eq!(place.json(&[settle, "w", &token]), OK);
            lost(&place.run(&[settle, "w", &token]), &token);
            lost(&place.run(&["extend", "w", &token, "1m"]), &token);
        }
    });
}

fn lost(ran: &Ran, token: &str) {
    assert_eq!((ran.status, ran.out.as_str()), (Some(3), ""));
    let err = format!(
        "coord: reservation lost: {token} holds no message of w; it was settled before or expired \
         and was taken back; receive it again\n"
    );
    assert_eq!(ran.err, err);
}

#[test]
fn a_permanent_failure_is_a_dead_letter() {
    everywhere("a_permanent_failure_is_a_dead_letter", |place| {
        place.json(&["send", "w", "--from", "p", "--id", "msg-000001"]);
        let token = place.receive("w");
        let nack = ["nack", "w", &token, "--failure", "permanent", "--error", "no\nway"];
        let out = format!("gave back {token}: failed 1 times, now a dead letter\n");
        assert_eq!(place.run(&nack), Ran { status: Some(0), out, err: String::new() });
        let line = place.json(&["dlq", "list", "w"]);
        assert!(line.contains(r#""delivery_attempts": 1, "last_error": "no\nway""#), "{line}");
        assert_eq!(line.lines().count(), 1);
    });
}

#[test]
fn the_policy_of_a_nack_is_that_of_its_options() {
    everywhere("the_policy_of_a_nack_is_that_of_its_options", |place| {
        let backoff = ["--backoff-base", "2m", "--backoff-factor", "3", "--backoff-max", "5m"];
        place.json(&["send", "w", "--from", "p"]);
        let token = place.receive("w");
        let ran = place.run(&[&["nack", "w", &token], &backoff[..]].concat());
        assert_eq!(ran.out, format!("gave back {token}: failed 1 times, due again in 2m\n"));

        place.json(&["send", "v", "--from", "p"]);
        let token = place.receive("v");
        let ran = place.run(&["nack", "v", &token, "--retry-attempts", "0"]);
        assert!(ran.out.ends_with("failed 1 times, now a dead letter\n"), "{ran:?}");

        let ran = place.run(&["nack", "v", &token, "--backoff-factor", "0.5"]);
        let err = "coord: invalid backoff_factor: 0.5, must be at least 1 and finite\n";
        assert_eq!(ran, Ran { status: Some(2), out: String::new(), err: err.into() });
    });
}

#[test]
fn an_extended_reservation_lives_on() {
    everywhere("an_extended_reservation_lives_on", |place| {
        place.json(&["send", "w", "--from", "p"]);
        let token = place.receive("w");
        for by in ["2h", "0s"] {
            let line = place.json(&["extend", "w", &token, by]);
            assert!(line.starts_with(r#"{"ok":true,"visibility_deadline":"2"#), "{line}");
            assert!(line.ends_with("\"cancelled\":false,\"notes\":[]}\n"), "{line}");
        }
        recovered(place, &["recover", "w"], 1);
        lost(&place.run(&["ack", "w", &token]), &token);
    });
}

#[test]
fn a_released_message_comes_back_without_an_attempt() {
    everywhere("a_released_message_comes_back_without_an_attempt", |place| {
        place.json(&["send", "w", "--from", "p"]);
        let token = place.receive("w");
        assert_eq!(place.json(&["release", "w", &token]), OK);
        assert!(place.json(&["receive", "w"]).contains(r#""delivery_attempts": 0,"#));
    });
}

#[test]
fn recover_counts_what_it_took_back() {
    everywhere("recover_counts_what_it_took_back", |place| {
        for agent in ["v", "w", "w"] {
            place.json(&["send", agent, "--from", "p"]);
        }
        recovered(place, &["recover"], 0);
        place.json(&["receive", "v", "--visibility", "0s"]);
        place.json(&["receive", "w", "--visibility", "0s"]);
        recovered(place, &["recover"], 2);
        assert!(place.json(&["peek", "v"]).contains("visibility timeout expired"));
    });
}

fn recovered(place: &Place, args: &[&str], count: u32) {
    assert_eq!(place.json(args), format!("{{\"recovered\":{count}}}\n"));
}
