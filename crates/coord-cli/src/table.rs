//! Aligned text for people.

use std::fmt::Write;

/// Rows under a header; the last column is not padded.
#[derive(Debug)]
pub(crate) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows. A header that starts with `>` aligns its column to the right.
    pub(crate) fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    /// One more row; its cells are made safe to show.
    pub(crate) fn row<const N: usize>(&mut self, cells: &[String; N]) {
        self.rows.push(cells.iter().map(|cell| printable(cell)).collect());
    }

    /// The text; the header in bold if `colour`.
    pub(crate) fn render(&self, colour: bool) -> String {
        let title = |column: usize| self.header[column].trim_start_matches('>');
        let widths: Vec<usize> = (0..self.header.len())
            .map(|column| {
                let cells = self.rows.iter().map(|row| width(&row[column]));
                cells.chain([width(title(column))]).max().unwrap_or(0)
            })
            .collect();
        let line = |cells: &[&str]| {
            let mut text = String::new();
            for (column, cell) in cells.iter().enumerate() {
                let pad = " ".repeat(widths[column] - width(cell));
                let gap = if column == 0 { "" } else { "  " };
                let _infallible = match self.header[column].starts_with('>') {
                    true => write!(text, "{gap}{pad}{cell}"),
                    false => write!(text, "{gap}{cell}{pad}"),
                };
            }
            text.truncate(text.trim_end().len());
            text
        };
        let header: Vec<&str> = (0..self.header.len()).map(title).collect();
        let header = line(&header);
        let mut lines = vec![if colour { format!("\u{1b}[1m{header}\u{1b}[0m") } else { header }];
        for row in &self.rows {
            lines.push(line(&row.iter().map(String::as_str).collect::<Vec<_>>()));
        }
        lines.join("\n")
    }
}

/// `text` with control characters (which could drive a terminal) shown as escapes.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
}

/// At most `limit` characters of `text`; what is cut shows as `...`.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let start: String = text.chars().take(limit.saturating_sub(3)).collect();
    format!("{start}...")
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_nothing_drives_the_terminal() {
        let mut table = Table::new(&["NAME", ">COUNT", "TEXT"]);
        table.row(&["é".into(), "7".into(), "a\u{1b}[2Jb".into()]);
        table.row(&["longer".into(), "1234567".into(), String::new()]);
        let text = table.render(false);
        let expected = "NAME      COUNT  TEXT\né             7  a\\u{1b}[2Jb\nlonger  1234567";
        assert_eq!(text, expected);
        assert!(table.render(true).starts_with("\u{1b}[1mNAME"));
        assert_eq!(shortened("abcdef", 5), "ab...");
        assert_eq!(shortened("abcde", 5), "abcde");
    }
}
