//! What a key can hold.

use super::types::{Hash, Limits, List, Set, SortedSet, Stream};

/// A value of one of the types of Redis.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    String(Vec<u8>),
    List(List),
    Hash(Hash),
    Set(Set),
    SortedSet(SortedSet),
    Stream(Box<Stream>),
}

impl Value {
    /// The name TYPE answers with.
    pub(crate) const fn type_name(&self) -> &'static str {
        match self {
            Self::String(_) => "string",
            Self::List(_) => "list",
            Self::Hash(_) => "hash",
            Self::Set(_) => "set",
            Self::SortedSet(_) => "zset",
            Self::Stream(_) => "stream",
        }
    }

    /// About how many allocations a real server would have to free.
    pub(crate) fn parts(&self) -> usize {
        match self {
            Self::List(list) => list.len().div_ceil(128),
            Self::Hash(hash) if hash.encoding() == "hashtable" => hash.len(),
            Self::Set(set) if set.encoding() == "hashtable" => set.len(),
            Self::SortedSet(set) if set.encoding() == "skiplist" => set.len(),
            Self::String(_) | Self::Hash(_) | Self::Set(_) | Self::SortedSet(_) => 1,
            Self::Stream(stream) => {
                let groups = stream.groups().values();
                stream.node_count() + groups.map(|group| 1 + group.pending().len()).sum::<usize>()
            }
        }
    }

    /// True for a collection that must vanish. Strings and streams may be empty.
    pub(crate) fn is_vanished(&self) -> bool {
        match self {
            Self::String(_) | Self::Stream(_) => false,
            Self::List(list) => list.is_empty(),
            Self::Hash(hash) => hash.is_empty(),
            Self::Set(set) => set.is_empty(),
            Self::SortedSet(set) => set.is_empty(),
        }
    }
}

/// A Rust type that is one variant of [`Value`].
pub(crate) trait TypedValue: Default {
    fn of(value: &Value) -> Option<&Self>;
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    fn into_value(self) -> Value;
    /// Takes over the thresholds of the configuration, where the type has some.
    fn adopt(&mut self, _limits: Limits) {}
}

macro_rules! typed {
    ($type:ty, $variant:ident $(, $adopt:ident)?) => {
        impl TypedValue for $type {
            fn of(value: &Value) -> Option<&Self> {
                if let Value::$variant(inner) = value { Some(inner) } else { None }
            }
            fn of_mut(value: &mut Value) -> Option<&mut Self> {
                if let Value::$variant(inner) = value { Some(inner) } else { None }
            }
            fn into_value(self) -> Value {
                Value::$variant(self)
            }
            $(fn adopt(&mut self, limits: Limits) {
                self.$adopt(limits);
            })?
        }
    };
}

typed!(Vec<u8>, String);
typed!(List, List);
typed!(Hash, Hash, set_limits);
typed!(Set, Set, set_limits);
typed!(SortedSet, SortedSet, set_limits);

impl TypedValue for Stream {
    fn of(value: &Value) -> Option<&Self> {
        if let Value::Stream(stream) = value { Some(stream) } else { None }
    }
    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::Stream(stream) = value { Some(stream) } else { None }
    }
    fn into_value(self) -> Value {
        Value::Stream(Box::new(self))
    }
    fn adopt(&mut self, limits: Limits) {
        self.set_limits(limits);
    }
}
