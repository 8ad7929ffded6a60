//! README's commands, in the order in which it gives them: each finds what those before it have written.

#[expect(dead_code, reason = "of all that tests do with the program, this one only runs it")]
mod place;

use std::fs;
use std::path::Path;

use place::Place;

/// The commands of the part "The program", without what is said of them; those that only measure the machine, or take long, are left out.
fn commands(readme: &str) -> Vec<&str> {
    let part = readme.split("\n## ").find(|part| part.starts_with("The program\n")).expect("a part of README");
    let lines = part.lines().filter_map(|line| line.strip_prefix("deltarule "));
    let commands = lines.map(|line| line.split(" #").next().unwrap_or_default().trim());
    commands.filter(|line| !["cpu", "bench", "compare"].iter().any(|long| line.starts_with(long))).collect()
}

#[test]
fn every_command_finds_what_the_others_wrote() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).expect("README.md");
    let place = Place::new();
    let house = |i: i32| format!("{},{}.5,{}", i, 50 + i * 7 % 60, 1 + i % 5);
    let rows = |range: std::ops::Range<i32>, more: &dyn Fn(i32) -> String| -> String {
        range.map(|i| format!("{}{}\n", house(i), more(i))).collect()
    };
    let price = |i: i32| format!(",{}", 100_000 + 1_000 * (i * 7 % 60) + 777 * (i % 5));
    place.file("houses.csv", &format!("house,area,rooms,price\n{}", rows(0..80, &price)));
    place.file("new.csv", &format!("house,area,rooms\n{}", rows(80..90, &|_| String::new())));
    let commands = commands(&readme);
    assert!(commands.len() >= 8, "{commands:?}");
    for command in commands {
        place.good(command);
    }
    let prices = fs::read_to_string(place.path("prices.csv")).expect("just written");
    assert!(prices.starts_with("house,prediction\n80,"), "{prices}");
    assert_eq!(prices.lines().count(), 11, "{prices}");
}
