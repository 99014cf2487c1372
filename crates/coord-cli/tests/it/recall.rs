//! why, cancel, note; pause, resume, limit; receipts; and what a send may ask for besides.

use crate::harness::{Place, everywhere, stable};

/// The refusal of a command: status and error line.
fn refused(place: &Place, args: &[&str]) -> (Option<i32>, String) {
    let ran = place.run(args);
    assert_eq!(ran.out, "", "{args:?}");
    (ran.status, ran.err)
}

#[test]
fn a_message_is_found_wherever_it_is() {
    everywhere("a_message_is_found_wherever_it_is", |place| {
        let why = || stable(&place.json(&["why", "w", "msg-000001"]));
        assert_eq!(
            refused(place, &["why", "w", "msg-000001"]),
            (
                Some(4),
                "coord: no message msg-000001 in the mailbox of w, nor among its dead letters; \
                 it was settled, expired, or never was there\n"
                    .into()
            )
        );
        place.json(&["send", "w", "--from", "p", "--id", "msg-000001"]);
        let ready = r#"{"place":"ready","since":"TIME","expires_at":null,"#;
        assert!(why().starts_with(ready), "{}", why());
        place.json(&["pause", "w"]);
        let told = place.run(&["why", "w", "msg-000001"]).out;
        assert!(told.contains("but the mailbox is paused"), "{told}");
        place.json(&["resume", "w"]);
        let token = place.receive("w");
        let held = r#"{"place":"reserved","deadline":"TIME","token":"TOKEN","cancelled":false,"#;
        assert!(why().starts_with(held), "{}", why());
        place.json(&["nack", "w", &token, "--error", "boom", "--backoff-base", "1h"]);
        assert!(why().starts_with(r#"{"place":"delayed","due":"TIME","#));
        let told = place.run(&["why", "w", "msg-000001"]).out;
        assert!(told.starts_with("place       due in "), "{told}");
        assert!(told.contains("last error  boom"), "{told}");
    });
}

#[test]
fn what_waits_is_cancelled_and_holders_are_told() {
    everywhere("what_waits_is_cancelled_and_holders_are_told", |place| {
        for id in ["msg-000001", "msg-000002"] {
            place.json(&["send", "w", "--from", "p", "--id", id]);
        }
        let (status, err) = refused(place, &["note", "w", "msg-000002", "soon"]);
        assert_eq!(status, Some(3), "{err}");
        assert!(err.starts_with("coord: nobody holds msg-000002: "), "{err}");
        let line = place.json(&["cancel", "w", "msg-000001"]);
        assert_eq!(line, "{\"outcome\":\"cancelled\"}\n");
        let token = place.receive("w");
        let told = "{\"outcome\":\"holder_is_told\"}\n";
        assert_eq!(place.json(&["note", "w", "msg-000002", "the \"plan\" changed"]), told);
        let extended = |place: &Place| stable(&place.json(&["extend", "w", &token, "1m"]));
        assert_eq!(
            extended(place),
            "{\"ok\":true,\"visibility_deadline\":\"TIME\",\"cancelled\":false,\
             \"notes\":[\"the \\\"plan\\\" changed\"]}\n"
        );
        assert_eq!(place.json(&["cancel", "w", "msg-000002"]), told);
        assert!(extended(place).contains(r#""cancelled":true"#));
        let ran = place.run(&["nack", "w", &token]);
        assert_eq!(ran.out, format!("gave back {token}: it was cancelled, it is gone\n"));
        let (status, err) = refused(place, &["cancel", "w", "msg-000002"]);
        assert_eq!(status, Some(4), "{err}");
    });
}

#[test]
fn a_mailbox_is_paused_and_limited() {
    everywhere("a_mailbox_is_paused_and_limited", |place| {
        for _ in 0..3 {
            place.json(&["send", "w", "--from", "p"]);
        }
        assert_eq!(place.json(&["pause", "w"]), "{\"paused\":true,\"changed\":true}\n");
        assert_eq!(place.json(&["pause", "w"]), "{\"paused\":true,\"changed\":false}\n");
        assert_eq!(place.run(&["receive", "w"]).status, Some(4));
        let queues = place.run(&["queues", "w"]).out;
        assert!(queues.contains("paused"), "{queues}");
        assert!(place.json(&["queues", "w"]).contains(r#""paused":true,"rate":null}"#));
        assert_eq!(place.json(&["resume", "w"]), "{\"paused\":false,\"changed\":true}\n");
        let ran = place.run(&["limit", "w", "1/h", "--burst", "2"]);
        assert_eq!(ran.out, "w: one every 60m, 2 at once\n");
        let two = place.json(&["receive", "w", "--max", "10"]);
        assert_eq!(two.lines().count(), 2);
        let line = place.json(&["queues", "w"]);
        let rate = r#""paused":false,"rate":{"interval_seconds":3600,"burst":2}}"#;
        assert!(line.trim_end().ends_with(rate), "{line}");
        assert_eq!(place.run(&["limit", "w", "off"]).out, "w: open\n");
        place.receive("w");
        let (status, err) = refused(place, &["limit", "w", "ten"]);
        assert_eq!(status, Some(2));
        assert!(err.contains("none of N/s, N/m, N/h, N/d, off"), "{err}");
    });
}

#[test]
fn receipts_are_followed() {
    everywhere("receipts_are_followed", |place| {
        let broadcast = ["broadcast", "w", "v", "--from", "p", "--receipt"];
        if place.layout == "tta" {
            assert_eq!(place.run(&broadcast).status, Some(2));
            return;
        }
        let lines = place.json(&broadcast);
        let ticket = |line: &str| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            value["ticket"].as_str().unwrap().to_owned()
        };
        let tickets: Vec<String> = lines.lines().map(ticket).collect();
        assert!(tickets[0].ends_with("@w") && tickets[1].ends_with("@v"), "{tickets:?}");
        let token = place.receive("w");
        place.json(&["ack", "w", &token]);
        let both = [&["receipts"][..], &[&tickets[0], &tickets[1]]].concat();
        let lines = stable(&place.json(&both));
        let [settled, pending] = lines.lines().collect::<Vec<_>>()[..] else { panic!("{lines}") };
        assert!(settled.ends_with(r#""receipt":"settled","at":"TIME"}"#), "{settled}");
        assert!(pending.ends_with(r#""receipt":"pending","at":null}"#), "{pending}");
        let waited = place.run(&[&both[..], &["--quorum", "1", "--wait", "1m"]].concat());
        assert_eq!(waited.status, Some(0), "{waited:?}");
        assert!(waited.out.ends_with("1 of 2 settled\n"), "{waited:?}");
        let missed = place.run(&[&both[..], &["--wait", "10ms"]].concat());
        assert_eq!(missed.status, Some(3));
        assert_eq!(
            missed.err,
            "coord: no quorum: 1 of 2 wanted are settled; 1 pending, 0 dead, 0 gone\n"
        );
    });
}

#[test]
fn a_send_names_its_limits() {
    everywhere("a_send_names_its_limits", |place| {
        let send = |options: &[&str]| place.run(&[&["send", "w", "--from", "p"], options].concat());
        let kept = ["--queue-size", "2", "--queue-reserve", "1"];
        assert_eq!(send(&kept).status, Some(0));
        assert_eq!(send(&kept).status, Some(3));
        assert_eq!(send(&[&kept[..], &["--priority", "high"]].concat()).status, Some(0));
        let quota = send(&["--sender-quota", "2"]);
        match place.layout {
            "tta" => assert_eq!(quota.status, Some(2), "{quota:?}"),
            _ => {
                assert_eq!(quota.status, Some(0), "sent without a quota, it counted for none");
                assert_eq!(send(&["--sender-quota", "1"]).status, Some(3));
            }
        }
        let alone = send(&["--replicas", "1", "--confirm-within", "5ms"]);
        assert!(alone.out.contains("0 of 1 copies confirmed in time"), "{alone:?}");
    });
}
