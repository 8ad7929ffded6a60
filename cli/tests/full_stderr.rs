//! A failure that cannot be told of, as standard error takes nothing, still has its exit status.
#![cfg(target_os = "linux")]

#[expect(dead_code, reason = "of all that tests do with the program, this one only looks at its status")]
mod place;

use place::Place;
use std::fs::OpenOptions;

#[test]
fn the_status_says_it_where_standard_error_is_full() {
    let place = Place::new();
    place.file("t.csv", "a,b\n1,oops\n2,3\n");
    for (arguments, status) in [
        ("info nowhere", 1),
        ("train --data nowhere.csv", 2),
        ("train --data t.csv --task regression", 1),
        ("nonsense", 2),
    ] {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let ended = place.command(arguments).stderr(full).status().expect("the program starts");
        assert_eq!(ended.code(), Some(status), "{arguments}");
    }
}
