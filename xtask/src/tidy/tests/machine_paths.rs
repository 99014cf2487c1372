use super::{files, places};
use crate::tidy::machine_paths::check;

#[test]
fn a_path_of_a_machine_is_found_at_its_line() {
    for path in
        [concat!("\"/", "home/me/x\""), concat!("at /", "work/x"), concat!("(/", "Users/me)")]
    {
        let tree = files(&[("docs/a.md", &format!("first\n{path}\n"))]);
        assert_eq!(places(&check(&tree)), ["docs/a.md:2"], "{path}");
    }
}

#[test]
fn a_path_that_goes_on_from_another_passes() {
    let tree =
        files(&[("a.md", concat!("net/", "work/x ${DIR}/", "root/x example.org/", "home/z\n"))]);
    assert!(check(&tree).is_empty());
}
