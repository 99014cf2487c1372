//! The names of the keys of a breaker, in both layouts.

use coord_resilience::breaker::BreakerName;

use crate::layout::KeyLayout;

/// Where the breakers of one prefix lie.
#[derive(Debug, Clone)]
pub(super) struct BreakerKeys {
    pub(super) layout: KeyLayout,
    pub(super) prefix: String,
}

impl BreakerKeys {
    /// Our record, the original's state, the original's metrics: the keys of every script.
    pub(super) fn of(&self, name: &BreakerName) -> Vec<String> {
        ["fleet", "state", "metrics"].map(|part| self.part(part, name)).into()
    }

    /// The key of one part of a breaker.
    ///
    /// Tta: `prefix:cb:part:name`, as the original's. Compact: `prefix:cb:part:{name}`, so that a
    /// breaker lies in one hash slot; a closing brace in the name, which would end the tag early
    /// or empty it, is written as `%7D`, and `%` as `%25`.
    pub(super) fn part(&self, part: &str, name: &BreakerName) -> String {
        let prefix = &self.prefix;
        match self.layout {
            KeyLayout::Compact => {
                let tag = name.as_str().replace('%', "%25").replace('}', "%7D");
                format!("{prefix}:cb:{part}:{{{tag}}}")
            }
            KeyLayout::Tta => format!("{prefix}:cb:{part}:{name}"),
        }
    }

    /// The set of all names.
    pub(super) fn registry(&self) -> String {
        format!("{}:cb:registry", self.prefix)
    }

    /// The channel on which transitions are told; each message is a breaker's name.
    pub(super) fn channel(&self) -> String {
        format!("{}:cb:news", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_documents() {
        let keys = |layout| BreakerKeys { layout, prefix: "ao".to_owned() };
        let name = BreakerName::parse("workflow:{a}%").unwrap();
        assert_eq!(keys(KeyLayout::Tta).part("state", &name), "ao:cb:state:workflow:{a}%");
        assert_eq!(
            keys(KeyLayout::Compact).part("state", &name),
            "ao:cb:state:{workflow:{a%7D%25}"
        );
        assert_eq!(keys(KeyLayout::Tta).registry(), "ao:cb:registry");
    }
}
