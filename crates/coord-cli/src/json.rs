//! JSON as lines: raw text of others, which may be no standard JSON, goes in unchanged.

use std::borrow::Cow;

/// A JSON text without line breaks: outside strings they are spaces, inside (where only lenient
/// readers allow them) escapes.
pub(crate) fn one_line(json: &str) -> Cow<'_, str> {
    if !json.bytes().any(|byte| byte < b' ') {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 8);
    let (mut in_string, mut escaped) = (false, false);
    for c in json.chars() {
        match c {
            c if c < ' ' && in_string => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c if c < ' ' => out.push(' '),
            c => out.push(c),
        }
        in_string ^= c == '"' && !escaped;
        escaped = in_string && c == '\\' && !escaped;
    }
    Cow::Owned(out)
}

/// A JSON string literal.
pub(crate) fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A JSON string literal, or `null`.
pub(crate) fn optional(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_go_and_values_stay() {
        let pretty = "{\r\n\t\"a\": [1,\n2],\n \"b\\\"\": \"x\\\\\" ,\n\"c\": NaN}";
        assert_eq!(one_line(pretty), "{   \"a\": [1, 2],  \"b\\\"\": \"x\\\\\" , \"c\": NaN}");
        assert_eq!(one_line("{\"a\":\"x\ny\u{1}\"}"), r#"{"a":"x\u000ay\u0001"}"#);
        assert!(matches!(one_line(r#"{"a":"\n"}"#), Cow::Borrowed(_)));
    }

    #[test]
    fn strings_are_escaped() {
        assert_eq!(string("a\"\n\u{7f}é"), "\"a\\\"\\n\u{7f}é\"");
        assert_eq!(optional(None), "null");
    }
}
