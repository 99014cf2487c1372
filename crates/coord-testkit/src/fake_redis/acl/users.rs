//! All users.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::User;
use crate::fake_redis::sha256;

/// All users by name; there is always a `default`.
#[derive(Debug, Clone)]
pub(crate) struct Users(pub(crate) BTreeMap<Bytes, User>);

impl Default for Users {
    fn default() -> Self {
        Self(BTreeMap::from([(Bytes::from_static(b"default"), User::all_powerful())]))
    }
}

impl Users {
    pub(crate) fn get(&self, name: &[u8]) -> Option<&User> {
        self.0.get(name)
    }

    /// `requirepass`: the only password of the default user, or none.
    pub(crate) fn set_default_password(&mut self, password: &[u8]) {
        let user = self.0.entry(Bytes::from_static(b"default")).or_insert_with(User::all_powerful);
        user.passwords.clear();
        user.nopass = password.is_empty();
        if !password.is_empty() {
            user.add_password(sha256::hex(password));
        }
    }

    /// True if a new connection is the default user without asking.
    pub(crate) fn default_is_open(&self) -> bool {
        self.get(b"default").is_some_and(|user| user.on && user.nopass)
    }
}
