/// A fact that no list names would never run.
#[test]
fn every_fact_is_in_the_suite() {
    let suite = include_str!("mod.rs");
    let files = [
        ("acceptance", include_str!("acceptance.rs")),
        ("ack", include_str!("ack.rs")),
        ("batch", include_str!("batch.rs")),
        ("broadcast", include_str!("broadcast.rs")),
        ("cancel_safety", include_str!("cancel_safety.rs")),
        ("cancel", include_str!("cancel.rs")),
        ("capacity", include_str!("capacity.rs")),
        ("dead_letters", include_str!("dead_letters.rs")),
        ("dedup", include_str!("dedup.rs")),
        ("delay", include_str!("delay.rs")),
        ("expiry", include_str!("expiry.rs")),
        ("extend", include_str!("extend.rs")),
        ("forward", include_str!("forward.rs")),
        ("metrics", include_str!("metrics.rs")),
        ("nack", include_str!("nack.rs")),
        ("order", include_str!("order.rs")),
        ("pause", include_str!("pause.rs")),
        ("peek", include_str!("peek.rs")),
        ("poison", include_str!("poison.rs")),
        ("policy", include_str!("policy.rs")),
        ("publish", include_str!("publish.rs")),
        ("purge", include_str!("purge.rs")),
        ("receipts", include_str!("receipts.rs")),
        ("receive", include_str!("receive.rs")),
        ("reconcile", include_str!("reconcile.rs")),
        ("recover", include_str!("recover.rs")),
        ("redrive", include_str!("redrive.rs")),
        ("release", include_str!("release.rs")),
        ("send", include_str!("send.rs")),
        ("subscribe", include_str!("subscribe.rs")),
        ("wait", include_str!("wait.rs")),
        ("why", include_str!("why.rs")),
    ];
    assert_eq!(files.len(), suite.matches("\npub mod ").count());
    for (verb, source) in files {
        let list = suite.split_once(&format!("            {verb}: [")).unwrap().1;
        let list = list.split_once("];").unwrap().0;
        let named: Vec<&str> =
            list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let written: Vec<&str> = source
            .split("\npub async fn ")
            .skip(1)
            .map(|rest| rest.split_once('(').unwrap().0)
            .collect();
        assert_eq!(named, written, "{verb}");
    }
}
