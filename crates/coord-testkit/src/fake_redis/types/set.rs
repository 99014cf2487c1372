//! Set value: sorted integers while small, else members in insertion order.

use bytes::Bytes;

use super::limits::Limits;
use super::table::{Table, below};

/// Members of a set, with the encoding Redis would report.
#[derive(Debug, Clone, Default)]
pub(crate) struct Set {
    repr: Repr,
    limits: Limits,
}

#[derive(Debug, Clone)]
enum Repr {
    /// Sorted, without duplicates.
    Ints(Vec<i64>),
    Table(Table<()>),
}

impl Default for Repr {
    fn default() -> Self {
        Self::Ints(Vec::new())
    }
}

impl Set {
    /// A set of these members; duplicates count once.
    pub(crate) fn from_members(limits: Limits, members: impl IntoIterator<Item = Bytes>) -> Self {
        let mut set = Self { limits, ..Self::default() };
        for member in members {
            set.insert(member);
        }
        set
    }

    /// Changes the threshold for what is added from now on.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The same members in the encoding that a new set would have.
    pub(crate) fn rebuilt(&self) -> Self {
        Self::from_members(self.limits, self.members())
    }

    /// Number of members.
    pub(crate) fn len(&self) -> usize {
        match &self.repr {
            Repr::Ints(ints) => ints.len(),
            Repr::Table(table) => table.len(),
        }
    }

    /// Whether there is no member.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `member` is in the set.
    pub(crate) fn contains(&self, member: &[u8]) -> bool {
        match &self.repr {
            Repr::Ints(ints) => integer(member).is_some_and(|int| ints.binary_search(&int).is_ok()),
            Repr::Table(table) => table.get(member).is_some(),
        }
    }

    /// Adds `member`; true if it is new.
    pub(crate) fn insert(&mut self, member: Bytes) -> bool {
        match &mut self.repr {
            Repr::Table(table) => table.insert(member, ()).is_none(),
            Repr::Ints(ints) => {
                if let Some(int) = integer(&member) {
                    let Err(at) = ints.binary_search(&int) else { return false };
                    ints.insert(at, int);
                    if ints.len() > self.limits.set_entries {
                        self.repr = Repr::Table(to_table(ints));
                    }
                } else {
                    let mut table = to_table(ints);
                    table.insert(member, ());
                    self.repr = Repr::Table(table);
                }
                true
            }
        }
    }

    /// Removes `member`; true if it was there.
    pub(crate) fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.repr {
            Repr::Table(table) => table.remove(member).is_some(),
            Repr::Ints(ints) => {
                let Some(Ok(at)) = integer(member).map(|int| ints.binary_search(&int)) else {
                    return false;
                };
                ints.remove(at);
                true
            }
        }
    }

    /// Members: integers ascending while the set is an intset, else in insertion order.
    pub(crate) fn members(&self) -> Vec<Bytes> {
        match &self.repr {
            Repr::Ints(ints) => ints.iter().map(|&int| text(int)).collect(),
            Repr::Table(table) => table.iter().map(|(member, ())| member.clone()).collect(),
        }
    }

    /// A uniformly random member.
    pub(crate) fn sample(&self, random: &mut dyn FnMut() -> u64) -> Option<Bytes> {
        match &self.repr {
            Repr::Ints(ints) if ints.is_empty() => None,
            Repr::Ints(ints) => Some(text(ints[below(random, ints.len())])),
            Repr::Table(table) => table.sample(random).map(|(member, ())| member.clone()),
        }
    }

    /// One step of a scan; an intset is returned whole, as in Redis.
    pub(crate) fn scan(&self, cursor: u64, count: usize) -> (u64, Vec<Bytes>) {
        match &self.repr {
            Repr::Ints(_) => (0, self.members()),
            Repr::Table(table) => {
                let (next, found) = table.scan(cursor, count);
                (next, found.into_iter().map(|(member, ())| member.clone()).collect())
            }
        }
    }

    /// What `OBJECT ENCODING` answers.
    pub(crate) fn encoding(&self) -> &'static str {
        match self.repr {
            Repr::Ints(_) => "intset",
            Repr::Table(_) => "hashtable",
        }
    }
}

fn to_table(ints: &[i64]) -> Table<()> {
    let mut table = Table::default();
    for &int in ints {
        table.insert(text(int), ());
    }
    table
}

fn text(int: i64) -> Bytes {
    Bytes::from(int.to_string())
}

/// The integer that `member` is the canonical decimal form of: no sign but `-`, no leading zero.
fn integer(member: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(member).ok()?;
    let int: i64 = text.parse().ok()?;
    (int.to_string() == text).then_some(int)
}
