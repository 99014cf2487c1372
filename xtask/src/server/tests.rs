use super::{OLDEST, manager, number, usable, version};
use std::path::Path;

#[test]
fn the_version_is_read_from_what_servers_say() {
    let redis = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64";
    assert_eq!(version(redis).as_deref(), Some("7.0.15"));
    assert_eq!(version("Valkey server v=8.1.1 sha=0:0").as_deref(), Some("8.1.1"));
    assert_eq!(version("some other program 1.0"), None);
}

#[test]
fn old_servers_compare_below_the_oldest_that_will_do() {
    assert!(number("6.0.16") < OLDEST);
    assert!(number("5.0.7") < OLDEST);
    assert!(number("6.2.0") >= OLDEST);
    assert!(number("10.0.0") >= OLDEST);
}

#[test]
fn system_managers_are_left_to_root() {
    assert_eq!(manager(true, |name| name == "apt-get").map(|m| m.program), Some("apt-get"));
    assert!(manager(false, |name| name == "apt-get").is_none());
    assert_eq!(manager(false, |_| true).map(|m| m.program), Some("brew"));
    assert!(manager(true, |_| false).is_none());
}

#[test]
fn a_program_that_is_no_server_is_refused_with_a_reason() {
    let missing = usable(Path::new("no-such-program-at-all")).unwrap_err();
    assert!(missing.contains("--version"), "{missing}");
}
