//! Random identities of the fleet protocol, as 16 hexadecimal digits in text.

use std::fmt;
use std::str::FromStr;

use crate::backoff::random_seed;

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "serde", serde(into = "String", try_from = "String"))]
        pub struct $name(pub u64);

        impl $name {
            /// A random one.
            #[must_use]
            pub fn random() -> Self {
                Self(random_seed())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:016x}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                u64::from_str_radix(text, 16).map(Self)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = std::num::ParseIntError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
    };
}

hex_id!(
    /// One process (or other voter) of the fleet.
    InstanceId
);
hex_id!(
    /// One probe permit, named by the prober before it asks, so that it can be given back even
    /// if the answer got lost.
    LeaseId
);
hex_id!(
    /// The life of a store's record, minted when it is created: generations of different epochs
    /// cannot be compared, so a flushed or failed-over store is noticed. Zero is "no record".
    Epoch
);
