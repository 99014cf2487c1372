//! Which messages of a type a subscriber wants, by what they are about.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::error::InvalidInput;
use crate::message::RoutingKey;

/// A pattern of topics: segments with a `.` between them.
///
/// `*` stands for exactly one segment, and `#` at the end for the rest, also for none of it.
/// Everything else is compared byte by byte; a topic of a message is never read as a pattern.
///
/// # Limits
/// 1 to [`TopicPattern::MAX_BYTES`] bytes, no empty segment, no control characters, `*` and `#`
/// only as a whole segment, `#` only as the last one.
///
/// ```
/// use coord_core::TopicPattern;
///
/// let pattern: TopicPattern = "story.*.done".parse()?;
/// assert!(pattern.fits("story.chapter3.done"));
/// assert!(!pattern.fits("story.done"));
/// let rest: TopicPattern = "story.#".parse()?;
/// assert!(rest.fits("story") && rest.fits("story.chapter3.done"));
/// # Ok::<(), coord_core::InvalidInput>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPattern(String);

impl TopicPattern {
    /// The longest pattern, in bytes.
    pub const MAX_BYTES: usize = 256;

    /// Reads a pattern.
    ///
    /// # Errors
    /// [`InvalidInput`] about `topic` with the rule that was broken.
    pub fn parse(text: &str) -> Result<Self, InvalidInput> {
        let problem = if text.len() > Self::MAX_BYTES {
            format!("{} bytes long, at most {} are allowed", text.len(), Self::MAX_BYTES)
        } else if text.chars().any(char::is_control) {
            format!("{text:?} has a control character")
        } else if text.split('.').any(str::is_empty) {
            format!("{text:?} has an empty segment")
        } else if text.split('.').any(|part| part.len() > 1 && part.contains(['*', '#'])) {
            format!("{text:?} has a `*` or `#` that is not a whole segment")
        } else if text.split('.').rev().skip(1).any(|part| part == "#") {
            format!("{text:?} has a `#` before its last segment")
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(InvalidInput::new("topic", problem))
    }

    /// Whether `topic` is one of those.
    pub fn fits(&self, topic: &str) -> bool {
        let mut segments = topic.split('.');
        for wanted in self.0.split('.') {
            if wanted == "#" {
                return true;
            }
            match segments.next() {
                Some(segment) if wanted == "*" || wanted == segment => {}
                _ => return false,
            }
        }
        segments.next().is_none()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TopicPattern {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        Self::parse(text)
    }
}

/// What a subscriber wants of a type.
///
/// A message fits if its topic fits the pattern and it carries every one of the tags. A message
/// without a topic fits only where no pattern is asked for.
///
/// # Defaults
/// - `topic`: none, every message fits, with a topic or without
/// - `tags`: none
///
/// ```
/// use coord_core::{Filter, RoutingKey};
///
/// let filter = Filter::any().with_topic("story.#".parse()?).with_tag("urgent")?;
/// let routing = RoutingKey { topic: Some("story.plot".into()), tags: vec!["urgent".into()] };
/// assert!(filter.fits(&routing));
/// assert!(!filter.fits(&RoutingKey::default()));
/// # Ok::<(), coord_core::InvalidInput>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Filter {
    topic: Option<TopicPattern>,
    tags: BTreeSet<String>,
}

impl Filter {
    /// The most tags of a filter.
    pub const MAX_TAGS: usize = 32;
    /// The longest tag, in bytes.
    pub const MAX_TAG_BYTES: usize = 128;

    /// Wants everything.
    pub const fn any() -> Self {
        Self { topic: None, tags: BTreeSet::new() }
    }

    /// Only messages of such a topic.
    #[must_use]
    pub fn with_topic(mut self, topic: TopicPattern) -> Self {
        self.topic = Some(topic);
        self
    }

    /// Only messages that carry this tag too.
    ///
    /// # Errors
    /// [`InvalidInput`] about `tag`: empty, too long, with a control character, or too many.
    pub fn with_tag(mut self, tag: impl Into<String>) -> Result<Self, InvalidInput> {
        let tag = tag.into();
        let problem = if tag.is_empty() {
            "it is empty".to_owned()
        } else if tag.len() > Self::MAX_TAG_BYTES {
            format!("{} bytes long, at most {} are allowed", tag.len(), Self::MAX_TAG_BYTES)
        } else if tag.chars().any(char::is_control) {
            format!("{tag:?} has a control character")
        } else if self.tags.len() >= Self::MAX_TAGS && !self.tags.contains(&tag) {
            format!("more than {} of them", Self::MAX_TAGS)
        } else {
            self.tags.insert(tag);
            return Ok(self);
        };
        Err(InvalidInput::new("tag", problem))
    }

    /// Whether a message about `routing` is wanted.
    pub fn fits(&self, routing: &RoutingKey) -> bool {
        let fits_topic = match (&self.topic, routing.topic.as_deref()) {
            (None, _) => true,
            (Some(pattern), Some(topic)) => pattern.fits(topic),
            (Some(_), None) => false,
        };
        fits_topic && self.tags.iter().all(|tag| routing.tags.contains(tag))
    }

    /// Whether everything is wanted.
    pub fn is_any(&self) -> bool {
        self.topic.is_none() && self.tags.is_empty()
    }

    /// The pattern, if any.
    pub const fn topic(&self) -> Option<&TopicPattern> {
        self.topic.as_ref()
    }

    /// The tags, in order.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests;
