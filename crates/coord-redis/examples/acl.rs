//! Prints the rules of `ACL SETUSER` for every role, as docs/acl.md lists them.

use coord_redis::{KeyLayout, Role};

#[expect(clippy::print_stdout, reason = "an example")]
fn main() {
    for layout in [KeyLayout::Compact, KeyLayout::Tta] {
        println!("{layout}");
        for role in Role::ALL {
            let rules = role.rules(layout, layout.default_prefix());
            println!("ACL SETUSER {} on >PASSWORD {rules}", role.as_str());
        }
    }
}
