//! Versions of capabilities, and how they compare.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::error::InvalidInput;

/// How versions compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VersionOrder {
    /// By the rules of semantic versioning: `2.0.0` before `10.0.0`, `1.5.0-beta.1` before
    /// `1.5.0`. What is no such version compares as text.
    #[default]
    Semantic,
    /// As text, the original's way: `10.0.0` before `2.0.0`.
    Text,
}

impl VersionOrder {
    /// Compares two versions.
    pub fn compare(self, left: &str, right: &str) -> Ordering {
        match (self, CapabilityVersion::parse(left), CapabilityVersion::parse(right)) {
            (Self::Semantic, Ok(left), Ok(right)) => left.cmp(&right),
            _ => left.cmp(right),
        }
    }
}

impl std::str::FromStr for VersionOrder {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        match text {
            "semantic" => Ok(Self::Semantic),
            "text" => Ok(Self::Text),
            _ => {
                let problem = format!("{text:?} is none of semantic, text");
                Err(InvalidInput::new("version order", problem))
            }
        }
    }
}

/// A version `major.minor.patch` with an optional `-suffix`.
///
/// Ordered by precedence as semantic versioning 2.0.0, section 11, has it. Numbers may have
/// leading zeros, as the original allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapabilityVersion<'a> {
    numbers: [u64; 3],
    suffix: Option<&'a str>,
}

impl<'a> CapabilityVersion<'a> {
    /// Reads a version.
    ///
    /// # Errors
    /// [`InvalidInput`] about `capability version` if it is not of the form.
    pub fn parse(text: &'a str) -> Result<Self, InvalidInput> {
        let (core, suffix) = match text.split_once('-') {
            Some((core, suffix)) => (core, Some(suffix)),
            None => (text, None),
        };
        let mut parts = core.split('.').map(number);
        let numbers = [parts.next(), parts.next(), parts.next()].map(Option::flatten);
        let suffix_fits = suffix.is_none_or(|suffix| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
            !suffix.is_empty() && suffix.chars().all(allowed)
        });
        match numbers {
            [Some(major), Some(minor), Some(patch)] if parts.next().is_none() && suffix_fits => {
                Ok(Self { numbers: [major, minor, patch], suffix })
            }
            _ => {
                let problem = format!("{text:?} is not major.minor.patch with an optional -suffix");
                Err(InvalidInput::new("capability version", problem))
            }
        }
    }
}

impl Ord for CapabilityVersion<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (self.suffix, other.suffix) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(left), Some(right)) => compare_suffixes(left, right),
        })
    }
}

impl PartialOrd for CapabilityVersion<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Identifier by identifier: numbers before words, the longer list last.
fn compare_suffixes(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(left), Some(right)) => match (number(left), number(right)) {
                (Some(left), Some(right)) => left.cmp(&right),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => left.cmp(right),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}
