use super::*;

async fn lines(input: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut lines = Lines::new(input);
    let mut found = Vec::new();
    while let Some(line) = lines.next().await.unwrap() {
        found.push(match line {
            Line::Whole(line) => Some(line),
            Line::TooLong => None,
        });
    }
    found
}

#[tokio::test]
async fn lines_end_with_a_newline_or_the_input() {
    let whole = |text: &[u8]| Some(text.to_vec());
    assert_eq!(lines(b"").await, []);
    assert_eq!(lines(b"a\n\nb").await, [whole(b"a"), whole(b""), whole(b"b")]);
    assert_eq!(lines(b"a\n").await, [whole(b"a")]);
}

#[tokio::test]
async fn a_line_over_the_limit_is_passed_over_and_the_next_one_is_read() {
    let mut input = vec![b'x'; MAX_LINE + 1];
    input.extend_from_slice(b"\nnext\n");
    assert_eq!(lines(&input).await, [None, Some(b"next".to_vec())]);
    input[MAX_LINE] = b'\n';
    let found = lines(&input).await;
    assert_eq!(found[0].as_ref().map(Vec::len), Some(MAX_LINE));
}
