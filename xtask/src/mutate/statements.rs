//! Lua cut into statements, and what breaking one of them makes of it.
//!
//! Not a parser: it knows the shape in which the shipped scripts are written, one statement a line
//! or several lines that an open bracket, an operator or a condition without `then` holds together.

/// One statement, or the head of a block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// Its first line, from 0 on.
    pub(super) first: usize,
    /// How many lines it has.
    pub(super) lines: usize,
    /// Its text on one line, without indentation and comments.
    pub(super) text: String,
}

/// The statements of a script, but for comments and empty lines.
pub(super) fn statements(script: &str) -> Vec<Statement> {
    let lines: Vec<&str> = script.lines().map(code).collect();
    let mut found: Vec<Statement> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let first = at;
        let mut text = lines[at].to_owned();
        at += 1;
        while at < lines.len() && goes_on(&text, lines[at]) {
            text.push(' ');
            text.push_str(lines[at]);
            at += 1;
        }
        if !text.is_empty() {
            found.push(Statement { first, lines: at - first, text });
        }
    }
    found
}

/// What stands in place of a broken statement: a condition is turned round, a loop runs over
/// nothing, a variable gets no value, and anything else is left out.
pub(super) fn broken(text: &str) -> String {
    for head in ["if ", "elseif ", "while "] {
        for tail in [" then", " do"] {
            let condition = text.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail));
            if let Some(condition) = condition {
                return format!("{head}not ({condition}){tail}");
            }
        }
    }
    if let Some((names, _)) = text.strip_suffix(" do").and_then(|head| head.split_once(" in ")) {
        return format!("{names} in pairs({{}}) do");
    }
    match text.strip_prefix("local ").and_then(|rest| rest.split_once(" = ")) {
        Some((names, _)) => format!("local {names}"),
        None => String::new(),
    }
}

/// The line without its comment and the space around it.
fn code(line: &str) -> &str {
    let line = line.trim();
    if line.starts_with("--") { "" } else { line }
}

/// Whether the next line belongs to the statement.
fn goes_on(text: &str, next: &str) -> bool {
    // The head of a table or function that has statements of its own.
    if text.is_empty() || text.ends_with('{') || text.ends_with(')') && text.contains("function(") {
        return false;
    }
    let is_condition = ["if ", "elseif "].iter().any(|head| text.starts_with(head));
    let has_then = text.split_whitespace().any(|word| word == "then");
    let binds = |end: &str| text.ends_with(end);
    let bound = ["and ", "or ", ".. "].iter().any(|start| next.starts_with(start));
    open_brackets(text) > 0 || (is_condition && !has_then) || bound || binds(" =") || binds(",")
}

/// How many brackets are open at the end, those inside strings aside.
fn open_brackets(text: &str) -> i32 {
    let mut open = 0;
    let mut quote = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(_), '\\') => drop(letters.next()),
            (Some(end), _) if letter == end => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(' | '{') => open += 1,
            (None, ')' | '}') => open -= 1,
            _ => {}
        }
    }
    open
}

#[cfg(test)]
mod tests;
