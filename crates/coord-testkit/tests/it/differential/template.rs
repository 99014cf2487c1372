//! Command templates: `SET {s} {v} [ NX | XX ] ( {m} )+`.
//!
//! Words stand for themselves and `{x}` for a random argument of kind `x`; what
//! is in `[ ]` may be left out, `( )` groups, `|` separates choices, `)+` repeats
//! one to three times, `)*` up to two times. All marks stand between blanks.

use super::arguments::argument;
use super::random::Random;

/// A parsed template.
#[derive(Debug, Clone)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    Word(&'static str),
    Argument(&'static str),
    Repeat { choices: Vec<Vec<Self>>, least: usize, most: usize },
}

impl Template {
    pub(crate) fn parse(text: &'static str) -> Self {
        let mut tokens = text.split_ascii_whitespace();
        let (mut choices, end) = choices(&mut tokens);
        assert!(choices.len() == 1 && end.is_none(), "unbalanced template: {text}");
        Self(choices.remove(0))
    }

    pub(crate) fn fill(&self, random: &mut Random) -> Vec<Vec<u8>> {
        let mut args = Vec::new();
        fill(&self.0, random, &mut args);
        args
    }
}

fn choices(
    tokens: &mut std::str::SplitAsciiWhitespace<'static>,
) -> (Vec<Vec<Part>>, Option<&'static str>) {
    let mut all = vec![Vec::new()];
    while let Some(token) = tokens.next() {
        let part = match token {
            "|" => {
                all.push(Vec::new());
                continue;
            }
            "]" | ")" | ")+" | ")*" => return (all, Some(token)),
            "[" | "(" => {
                let (choices, end) = choices(tokens);
                let (least, most) = match end {
                    Some("]") => (0, 1),
                    Some(")") => (1, 1),
                    Some(")+") => (1, 3),
                    _ => (0, 2),
                };
                Part::Repeat { choices, least, most }
            }
            _ => match token.strip_prefix('{').and_then(|kind| kind.strip_suffix('}')) {
                Some(kind) => Part::Argument(kind),
                None => Part::Word(token),
            },
        };
        if let Some(last) = all.last_mut() {
            last.push(part);
        }
    }
    (all, None)
}

fn fill(parts: &[Part], random: &mut Random, args: &mut Vec<Vec<u8>>) {
    for part in parts {
        match part {
            Part::Word(word) => args.push(word.as_bytes().to_vec()),
            Part::Argument(kind) => args.push(argument(kind, random)),
            Part::Repeat { choices, least, most } => {
                for _ in 0..least + random.below(most - least + 1) {
                    fill(&choices[random.below(choices.len())], random, args);
                }
            }
        }
    }
}
