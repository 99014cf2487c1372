use super::*;

#[test]
fn reads_a_number_and_a_unit() {
    for (text, millis) in [
        ("500ms", 500),
        ("5s", 5_000),
        ("2m", 120_000),
        ("1h", 3_600_000),
        ("7d", 604_800_000),
        ("0s", 0),
    ] {
        assert_eq!(text.parse(), Ok(Period(Duration::from_millis(millis))), "{text}");
    }
}

#[test]
fn refuses_everything_else_and_says_what_it_wants() {
    for text in ["", "5", "s", "1.5s", "-1s", "5 s", "2m30s", "5S", "1w", "+5s", "1e3ms", "٣s"] {
        let error = text.parse::<Period>().unwrap_err();
        assert_eq!(error.field(), "duration");
        assert!(error.problem().contains("for example 500ms"), "{text}: {error}");
    }
    for text in ["18446744073709551616ms", "99999999999999999s", "213503982335d"] {
        let error = text.parse::<Period>().unwrap_err();
        assert!(error.problem().contains("too long, at most 213503982334d"), "{text}: {error}");
    }
    assert!("213503982334d".parse::<Period>().is_ok());
}

#[test]
fn people_get_one_unit() {
    for (millis, text) in [
        (0, "0ms"),
        (999, "999ms"),
        (1_000, "1s"),
        (4_290, "4.2s"),
        (119_000, "119s"),
        (150_000, "2.5m"),
        (7_200_000, "2h"),
        (200_000_000, "2.3d"),
    ] {
        assert_eq!(for_people(Duration::from_millis(millis)), text);
    }
}
