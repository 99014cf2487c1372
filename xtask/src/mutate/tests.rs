//! What the command line means.

use super::chosen::twin;
use super::{On, Wish};

fn wish(words: &[&str]) -> Option<(Vec<On>, Vec<String>)> {
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    Wish::parse(&words).ok().map(|wish| (wish.on, wish.only))
}

#[test]
fn both_servers_are_asked_unless_one_is_named() {
    let both = vec![On::Fake, On::Real];
    let one = vec!["compact/ack".to_owned()];
    let two = vec!["lib/".to_owned(), "tta/".to_owned()];
    assert_eq!(wish(&[]), Some((both.clone(), Vec::new())));
    assert_eq!(wish(&["--on", "both", "compact/ack"]), Some((both, one)));
    assert_eq!(wish(&["lib/", "--on", "real", "tta/"]), Some((vec![On::Real], two)));
    assert_eq!(wish(&["--on", "fake"]), Some((vec![On::Fake], Vec::new())));
    for wrong in [&["--on"][..], &["--on", "paper"], &["--of"]] {
        assert_eq!(wish(wrong), None, "{wrong:?}");
    }
}

#[test]
fn tests_on_real_servers_are_found_by_those_on_the_fake() {
    for (on_the_fake, on_real) in [
        ("fake::tta::ack::once", "conformance::tta::ack::once"),
        ("registry::fake_compact::events::gap", "registry::real_compact::events::gap"),
        ("leftovers::notes_leave_nothing::fake", "leftovers::notes_leave_nothing::real"),
        ("reconcile::traffic_on_the_fake", "reconcile::traffic"),
        ("breaker::the_fake_server_conforms", "breaker::the_real_server_conforms"),
    ] {
        assert_eq!(twin(on_the_fake), on_real);
    }
}
