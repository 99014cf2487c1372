use proptest::prelude::*;

use super::*;

fn names(text: &str) -> Vec<String> {
    members(text).unwrap().iter().map(|m| format!("{}={}", m.name, m.value)).collect()
}

#[test]
fn spans_keep_every_byte_of_a_value() {
    let text =
        r#" { "a" : [1, {"b": "}\"]"}] ,"\u0062":NaN, "c":-Infinity,"d":"\ud800", "e":1e400 } "#;
    assert_eq!(
        names(text),
        [r#"a=[1, {"b": "}\"]"}]"#, "b=NaN", "c=-Infinity", r#"d="\ud800""#, "e=1e400"]
    );
    for member in members(text).unwrap() {
        assert_eq!(&text[member.offset..member.offset + member.value.len()], member.value);
    }
    assert!(names("{}").is_empty());
    assert_eq!(elements(" [ ] ").unwrap(), [""; 0]);
    assert_eq!(elements(r#"["x",2 , [3]]"#).unwrap(), [r#""x""#, "2", "[3]"]);
}

#[test]
fn refuses_what_is_no_json_and_says_where() {
    for text in [
        "",
        "{",
        "[1",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        "[1,]",
        "01",
        "1.",
        "1e",
        "-",
        "nul",
        r#""\x""#,
        r#""\u12g4""#,
        r#"""#,
        "{1:2}",
        "1 2",
        "[1}",
        r#"{"a":1]"#,
        "\u{e9}",
        "\"\n\"",
        "\"\0\"",
    ] {
        let error = is_valid(text).unwrap_err();
        assert!(error.contains("byte"), "{text}: {error}");
    }
}

#[test]
fn deep_nesting_costs_no_stack() {
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    is_valid(&deep).unwrap();
}

#[test]
fn integers_as_the_original_accepts_them() {
    for (raw, wanted) in [
        ("5", Some(5)),
        ("5.0", Some(5)),
        ("\"9\"", Some(9)),
        ("true", Some(1)),
        ("5.5", None),
        ("null", None),
        ("NaN", None),
        ("[5]", None),
    ] {
        assert_eq!(integer(raw), wanted, "{raw}");
    }
}

#[test]
fn lone_surrogates_are_replaced_and_nothing_else() {
    for (raw, wanted) in [
        (r#""\ud800""#, "\u{fffd}"),
        (r#""a\udc00\ud83d\ude00\ud800b""#, "a\u{fffd}\u{1f600}\u{fffd}b"),
        (r#""\\ud800\ud800""#, "\\ud800\u{fffd}"),
        (r#""\ud800\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
        (r#""\ud800\n\u00e9""#, "\u{fffd}\n\u{e9}"),
    ] {
        assert_eq!(string(raw).as_deref(), Some(wanted), "{raw}");
    }
    assert_eq!(string("5"), None);
}

#[test]
fn strings_are_escaped_as_the_original_escapes_them() {
    let mut out = String::new();
    write_string(&mut out, "\u{e9}\u{6f22}\u{1f600}\u{2028}\u{7f}\0\"\\/\n");
    assert_eq!(out, r#""\u00e9\u6f22\ud83d\ude00\u2028\u007f\u0000\"\\/\n""#);
}

#[test]
fn floats_are_written_as_the_original_writes_them() {
    let floats = [
        1.0,
        0.1,
        1e16,
        1e15,
        1e-5,
        1e-4,
        1.5e300,
        -0.0,
        123_456_789.123_456_79,
        1.25e-7,
        -12.5,
        9_999_999_999_999_998.0,
        257_714_045_233_144.13,
        5e-324,
        0.0,
        100.0,
        2.5e-10,
        1e22,
    ];
    let payload = crate::Payload::new(&serde_json::json!({ "f": floats, "n": f64::NAN })).unwrap();
    assert_eq!(
        payload.as_json(),
        "{\"f\": [1.0, 0.1, 1e+16, 1000000000000000.0, 1e-05, 0.0001, 1.5e+300, -0.0, \
         123456789.12345679, 1.25e-07, -12.5, 9999999999999998.0, 257714045233144.12, 5e-324, 0.0, 100.0, 2.5e-10, \
         1e+22], \"n\": null}"
    );
    #[derive(serde::Serialize)]
    struct Small {
        f: f32,
    }
    assert_eq!(crate::Payload::new(&Small { f: 0.1 }).unwrap().as_json(), "{\"f\": 0.1}");
}

proptest! {
    /// Whatever serde_json writes, the scanner takes whole; a cut-off text it does not.
    #[test]
    fn agrees_with_serde_json(value in crate::test_values::json(), cut in 0usize..200) {
        let text = serde_json::to_string(&value).unwrap();
        prop_assert!(is_valid(&text).is_ok());
        let cut = cut.min(text.len());
        if let Some(part) = text.get(..cut) {
            prop_assert_eq!(
                is_valid(part).is_ok(),
                serde_json::from_str::<&serde_json::value::RawValue>(part).is_ok()
            );
        }
    }

    /// No input makes the scanner panic.
    #[test]
    fn never_panics(text in "[\\[\\]{}:,\"\\\\u0-9eE.+-nultrfasNIy é]{0,40}") {
        let _ = is_valid(&text);
        let _ = members(&text);
        let _ = elements(&text);
    }
}
