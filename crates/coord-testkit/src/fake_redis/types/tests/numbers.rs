//! Reading floats and computing with 80-bit ones.

use proptest::prelude::*;

use crate::fake_redis::types::extended::Extended;
use crate::fake_redis::types::float::{parse_double, strtod};

fn sum(a: &str, b: &str) -> String {
    let parse = |text: &str| Extended::parse(text.as_bytes()).unwrap();
    parse(a).plus(parse(b)).to_text()
}

/// All decimals of a number with at most ten binary digits in its fraction.
fn exact(value: f64) -> String {
    let text = format!("{value:.10}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[test]
fn sums_as_redis_prints_them() {
    assert_eq!(sum("0.1", "0.2"), "0.3");
    assert_eq!(sum("10.50", "0.1"), "10.6");
    assert_eq!(sum("5.0e3", "2.0e2"), "5200");
    assert_eq!(sum("-5", "5"), "0");
    assert_eq!(sum("-0", "-0.0"), "0");
    assert_eq!(sum("1e17", "0.5"), "100000000000000000.5");
    assert_eq!(sum("18446744073709551615", "1"), "18446744073709551616");
    assert_eq!(sum("18446744073709551616", "1"), "18446744073709551616", "a tie goes to even");
    assert_eq!(sum("18446744073709551618", "1"), "18446744073709551620", "a tie goes to even");
    assert_eq!(sum("1e-17", "0"), "0.00000000000000001");
    assert_eq!(sum("1e-18", "0"), "0");
    assert_eq!(sum("512.000003", "0"), "512.00000299999999998");
    assert_eq!(sum("3", "-1e-30"), "3");
    assert_eq!(sum("0x10", "0x.8"), "16.5");
    assert_eq!(sum("1e30", "1"), "1000000000000000000024696061952");
}

#[test]
fn malformed_and_extreme_numbers() {
    for text in ["", " 1", "1 ", "abc", "1.2.3", "nan", "1e5000", "1e-5000", "--1", "1e", "."] {
        assert_eq!(Extended::parse(text.as_bytes()), None, "{text:?}");
    }
    assert!(Extended::parse(b"-inf").unwrap().is_infinite());
    let great = Extended::parse(b"1.1e4932").unwrap();
    assert!(!great.is_infinite() && great.plus(great).is_infinite());
    for text in ["", " 1", "1 ", "abc", "nan", "1e400", "-1e400", "1e-400", "0x", "1e+", "inf0"] {
        assert_eq!(parse_double(text.as_bytes()), None, "{text:?}");
    }
    assert_eq!(parse_double(b"0e-999"), Some(0.0));
    assert_eq!(parse_double(b"+.5e1"), Some(5.0));
    assert_eq!(parse_double(b"0x1.8p1"), Some(3.0));
    assert_eq!(parse_double(b"-Infinity"), Some(f64::NEG_INFINITY));
    assert_eq!(strtod(b"12abc").len, 2);
    assert_eq!(strtod(b"1e5x").value, 1e5);
}

proptest! {
    #[test]
    fn texts_of_doubles_are_read_back(value in any::<f64>()) {
        prop_assume!(value.is_finite() && value != 0.0);
        for text in [value.to_string(), format!("{value:e}")] {
            prop_assert_eq!(parse_double(text.as_bytes()), Some(value));
        }
    }

    /// Integers below 2^62 and sums of them are exact in 64 bits.
    #[test]
    fn integer_sums_are_exact(a in -(1_i64 << 62)..1 << 62, b in -(1_i64 << 62)..1 << 62) {
        prop_assert_eq!(sum(&a.to_string(), &b.to_string()), (a + b).to_string());
    }

    /// With a common binary fraction the sum is exact as well.
    #[test]
    fn fractions_are_exact(a in -(1_i64 << 40)..1 << 40, b in -(1_i64 << 40)..1 << 40) {
        let text = |value: i64| exact(value as f64 / 1024.0);
        prop_assert_eq!(sum(&text(a), &text(b)), text(a + b));
    }

    /// Decimal texts with few digits come back unchanged.
    #[test]
    fn short_decimals_survive(whole in 0_u16..4, fraction in 1_u32..1_000_000) {
        let text = format!("{whole}.{fraction:06}");
        let want = text.trim_end_matches('0').trim_end_matches('.').to_owned();
        prop_assert_eq!(sum(&text, "0"), want);
    }
}
