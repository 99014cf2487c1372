use super::*;

fn about(topic: Option<&str>, tags: &[&str]) -> RoutingKey {
    let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
    RoutingKey { topic: topic.map(str::to_owned), tags }
}

#[test]
fn patterns_fit_by_segments() {
    for (pattern, fitting, others) in [
        ("a", &["a"][..], &["b", "a.b", "", "A"][..]),
        ("a.b", &["a.b"], &["a", "a.b.c", "a.", "ab"]),
        ("*", &["a", "", "*"], &["a.b"]),
        ("a.*", &["a.b", "a.", "a.*"], &["a", "a.b.c", "b.b"]),
        ("*.b", &["a.b", ".b"], &["b", "a.c"]),
        ("a.*.c", &["a.b.c", "a..c"], &["a.c", "a.b.b.c"]),
        ("#", &["a", "a.b", "", "#"], &[]),
        ("a.#", &["a", "a.b", "a.b.c", "a."], &["b", "ab", "ab.c"]),
        ("a.*.#", &["a.b", "a.b.c"], &["a", "b.a"]),
        ("é.ß", &["é.ß"], &["e.ß"]),
    ] {
        let pattern: TopicPattern = pattern.parse().unwrap();
        for topic in fitting {
            assert!(pattern.fits(topic), "{pattern} {topic:?}");
        }
        for topic in others {
            assert!(!pattern.fits(topic), "{pattern} {topic:?}");
        }
    }
}

#[test]
fn bad_patterns_are_refused() {
    let long = "a".repeat(257);
    for bad in ["", ".", "a..b", "a.", ".a", "a*", "*.b#", "#.a", "a.#.b", "##", "a\nb", &long] {
        assert_eq!(bad.parse::<TopicPattern>().unwrap_err().field(), "topic", "{bad:?}");
    }
    assert!("a".repeat(256).parse::<TopicPattern>().is_ok());
}

#[test]
fn a_filter_wants_the_topic_and_every_tag() {
    let topic = |text: &str| text.parse::<TopicPattern>().unwrap();
    let none = Filter::any();
    assert!(none.is_any() && none.fits(&about(None, &[])) && none.fits(&about(Some("x"), &["t"])));
    let by_topic = Filter::any().with_topic(topic("a.#"));
    assert!(by_topic.fits(&about(Some("a.b"), &["t"])));
    assert!(!by_topic.fits(&about(None, &["t"])), "without a topic there is none that fits");
    let by_tags = Filter::any().with_tag("x").unwrap().with_tag("y").unwrap();
    assert!(by_tags.fits(&about(None, &["y", "z", "x"])));
    assert!(!by_tags.fits(&about(Some("a"), &["x"])));
    let by_both = by_tags.with_topic(topic("a"));
    assert!(by_both.fits(&about(Some("a"), &["x", "y"])));
    assert!(!by_both.fits(&about(Some("b"), &["x", "y"])));
    assert!(!by_both.is_any());
}

#[test]
fn bad_tags_are_refused() {
    let long = "a".repeat(129);
    for bad in ["", "a\nb", &long] {
        assert_eq!(Filter::any().with_tag(bad).unwrap_err().field(), "tag", "{bad:?}");
    }
    let mut full = Filter::any();
    for number in 0..Filter::MAX_TAGS {
        full = full.with_tag(number.to_string()).unwrap();
    }
    full = full.with_tag("0").unwrap();
    assert_eq!(full.with_tag("one more").unwrap_err().field(), "tag");
}
