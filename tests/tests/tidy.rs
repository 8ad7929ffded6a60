//! The house rules that no compiler checks: sizes, where `unsafe` may stand, links that lead somewhere, a map that is true.

use deltarule_tests::repository::{files, root, texts};
use std::path::{Component, Path, PathBuf};

/// Lines that a Rust file may have.
const MOST_LINES: usize = 700;

/// Where `unsafe` may stand, as prefixes of paths: the instructions, the memory under the views, the threads, and what tests and benches
/// need from other people's libraries, from the system and of the allocator.
const MAY_BE_UNSAFE: &[&str] = &[
    "kernels/src/isa/",
    "kernels/src/machine/",
    "kernels/src/gemm/",
    "kernels/src/dense/",
    "kernels/src/activation/",
    "kernels/src/optimiser/",
    "kernels/src/aligned.rs",
    "kernels/src/team.rs",
    "kernels/src/team/",
    "kernels/src/view.rs",
    "benches/src/",
    "tests/src/",
    "tests/tests/gemm_shapes.rs",
];

/// Names that say nothing about what a file is for.
const EMPTY_NAMES: [&str; 6] = ["utils", "util", "common", "helper", "helpers", "misc"];

#[test]
fn no_file_is_too_long() {
    for (path, text) in texts(&[".rs"]) {
        let lines = text.lines().count();
        assert!(lines <= MOST_LINES, "{}: {lines} lines, at most {MOST_LINES}: split it by idea", path.display());
    }
}

/// A line with its comment and its string literals cut away, near enough for finding a word.
fn code_of(line: &str) -> String {
    let uncommented = line.split("//").next().unwrap_or_default();
    uncommented.split('"').step_by(2).collect()
}

/// The place among [`MAY_BE_UNSAFE`] that a file is in.
fn place_of(path: &Path) -> Option<&'static str> {
    MAY_BE_UNSAFE.iter().copied().find(|place| path.starts_with(place.trim_end_matches('/')))
}

/// Nowhere else, and in each place on the list: one that has none any more is an invitation.
#[test]
fn unsafe_stands_where_it_may() {
    let word = |line: &str| code_of(line).split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == "unsafe");
    let mut without: Vec<&str> = MAY_BE_UNSAFE.to_vec();
    for (path, text) in texts(&[".rs"]) {
        let Some(at) = text.lines().position(word) else { continue };
        let place = place_of(&path);
        assert!(place.is_some(), "{}:{}: unsafe outside the files that may have it", path.display(), at + 1);
        without.retain(|&other| Some(other) != place);
    }
    assert_eq!(without, [""; 0], "places that may have unsafe, and have none");
}

#[test]
fn the_model_forbids_unsafe() {
    let text = std::fs::read_to_string(root().join("model/src/lib.rs")).unwrap();
    assert!(text.contains("#![forbid(unsafe_code)]"));
}

#[test]
fn every_source_file_says_what_it_is_for() {
    for (path, text) in texts(&[".rs"]) {
        // A fuzz target begins with the attribute that libFuzzer asks for.
        let opening = text.lines().find(|line| !line.starts_with("#!["));
        assert!(opening.is_some_and(|line| line.starts_with("//!")), "{} begins without an essay", path.display());
    }
}

#[test]
fn names_say_something() {
    for path in files() {
        for part in path.with_extension("").components() {
            let name = part.as_os_str().to_string_lossy();
            assert!(!EMPTY_NAMES.contains(&name.as_ref()), "{}: what is it for?", path.display());
        }
    }
}

/// Enums that anybody may add to, and the folder that says everything about their variants.
const OPEN_ENUMS: [(&str, &str); 2] =
    [("Activation::", "kernels/src/activation/"), ("Rule::", "kernels/src/optimiser/")];

/// Variants of theirs that are named elsewhere, and why: whoever adds another has nothing to do there.
const NAMED_ELSEWHERE: &[(&str, &str)] = &[
    // A rule by its own name.
    ("model/src/optimiser.rs", "Rule::Sgd"),
    // What a net has that says nothing else.
    ("model/src/mlp.rs", "Activation::Relu"),
    ("cli/src/settings.rs", "Activation::Relu"),
    // The number that it has is checked.
    ("model/src/mlp.rs", "Activation::LeakyRelu"),
    // What an output is, and what a loss makes of its layer.
    ("model/src/mlp.rs", "Activation::Identity"),
    ("model/src/file/model.rs", "Activation::Identity"),
    ("model/src/loss.rs", "Activation::Identity"),
    ("model/src/loss.rs", "Activation::Sigmoid"),
    ("model/src/predict.rs", "Activation::Identity"),
    ("model/src/predict.rs", "Activation::Sigmoid"),
    // There is nothing to do for it.
    ("model/src/backprop.rs", "Activation::Identity"),
    ("kernels/src/dense/forward.rs", "Activation::Identity"),
    ("kernels/src/dense/backward.rs", "Activation::Identity"),
    // Those that other first weights suit than most, and those that are bounded.
    ("model/src/init.rs", "Activation::Identity"),
    ("model/src/init.rs", "Activation::Sigmoid"),
    ("model/src/init.rs", "Activation::Tanh"),
    ("model/src/update.rs", "Activation::Sigmoid"),
    ("model/src/update.rs", "Activation::Tanh"),
];

/// Names that follow `of` in a line of code, but for functions and constants; an empty one where several are imported at once.
fn variants_in(code: &str, of: &str) -> Vec<String> {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    let names = code.match_indices(of).filter(|(at, _)| !code[..*at].ends_with(inside)).map(|(at, _)| {
        let name = code[at + of.len()..].chars().take_while(|&c| inside(c));
        name.collect::<String>()
    });
    names
        .filter(|name| name.is_empty() || name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase))
        .collect()
}

/// An activation or a rule is added in its own folder: what the rest must know of it, it asks. But for tests, and for the steps that are timed.
#[test]
fn activations_and_rules_are_named_in_their_folders() {
    let is_ours = |path: &Path| ["kernels/src", "model/src", "cli/src"].iter().any(|place| path.starts_with(place));
    let is_test =
        |path: &Path| path.ends_with("tests.rs") || path.iter().any(|part| part == "tests" || part == "bench");
    let mut unnamed: Vec<(&str, &str)> = NAMED_ELSEWHERE.to_vec();
    for (path, text) in texts(&[".rs"]).into_iter().filter(|(path, _)| is_ours(path) && !is_test(path)) {
        let without_tests = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (of, folder) in OPEN_ENUMS.into_iter().filter(|(_, folder)| !path.starts_with(folder)) {
            for (number, line) in without_tests.lines().enumerate() {
                for variant in variants_in(&code_of(line), of).iter().map(|name| format!("{of}{name}")) {
                    let is_it = |&(place, name): &(&str, &str)| path.ends_with(place) && variant == name;
                    let place = format!("{}:{}: {variant}", path.display(), number + 1);
                    assert!(NAMED_ELSEWHERE.iter().any(is_it), "{place} is named outside of {folder}");
                    unnamed.retain(|named| !is_it(named));
                }
            }
        }
    }
    assert!(unnamed.is_empty(), "variants that may be named in places where they are not: {unnamed:?}");
}

/// The targets of `[text](target)` in a Markdown file, fences left out, with the number of their line.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in text.lines().enumerate() {
        fenced ^= line.trim_start().starts_with("```");
        let mut rest = line;
        while let (false, Some(at)) = (fenced, rest.find("](")) {
            rest = &rest[at + 2..];
            found.push((number + 1, rest.split([')', ' ']).next().unwrap_or_default().to_owned()));
        }
    }
    found
}

/// A heading as the fragment of a link: lower case, spaces to dashes, other signs dropped.
fn fragment_of(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn headings(text: &str) -> Vec<String> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| fragment_of(line.trim_start_matches('#'))).collect()
}

/// `a/../b` as `b`.
fn tidied(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, part| {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            part => path.push(part),
        }
        path
    })
}

/// Every link of every Markdown file within the repository: the file exists; `#L12` is a line of it, any other fragment of
/// a Markdown file one of its headings.
#[test]
fn links_lead_somewhere() {
    for (from, text) in texts(&[".md"]) {
        for (line, target) in links(&text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let place = format!("{}:{line}: {target}", from.display());
            let (file, fragment) = target.split_once('#').unwrap_or((&target, ""));
            let path = if file.is_empty() { from.clone() } else { tidied(&from.parent().unwrap().join(file)) };
            assert!(root().join(&path).exists(), "{place}: no such file");
            let Ok(there) = std::fs::read_to_string(root().join(&path)) else { continue };
            if let Some(lines) = fragment.strip_prefix('L') {
                let last = lines.split("-L").filter_map(|number| number.parse().ok()).max().unwrap_or(usize::MAX);
                assert!(last <= there.lines().count(), "{place}: no such line");
            } else if !fragment.is_empty() {
                assert!(headings(&there).contains(&fragment.to_owned()), "{place}: no such heading");
            }
        }
    }
}

/// README's table of equations: the line of code that it links to is marked with the equation's number, and the test is
/// where the link says. With `REWRITE_README=1` the links follow the code: each goes to the nearest line that fits.
#[test]
fn the_equations_are_where_the_readme_says() {
    let path = root().join("README.md");
    let readme = std::fs::read_to_string(&path).expect("README.md");
    let mut moved = readme.clone();
    for number in 1..=15 {
        let row = readme.lines().find(|line| line.starts_with(&format!("| S{number} |")));
        let row = row.unwrap_or_else(|| panic!("README.md has no row for S{number}"));
        let targets: Vec<String> = links(row).into_iter().map(|(_, target)| target).collect();
        assert_eq!(targets.len(), 2, "S{number}: a line of code and a test");
        let code = nearest(&targets[0], |line| has_word(line, &format!("S{number}")));
        let test = nearest(&targets[1], |line| line.contains(&format!("fn s{number}_")));
        moved = moved.replace(row, &row.replace(&targets[0], &code).replace(&targets[1], &test));
    }
    if std::env::var_os("REWRITE_README").is_some() {
        std::fs::write(&path, &moved).expect("README.md");
    } else if moved != readme {
        let old_and_new = readme.lines().zip(moved.lines());
        let rows: Vec<&str> = old_and_new.filter(|(old, new)| old != new).map(|(_, new)| new).collect();
        panic!(
            "README.md's links should be (REWRITE_README=1 and this test again rewrites them):\n{}",
            rows.join("\n")
        );
    }
}

/// The link `file#Lnumber` to the line that fits and is nearest to that number.
fn nearest(target: &str, fits: impl Fn(&str) -> bool) -> String {
    let (file, line) = target.split_once("#L").expect("a link to a line");
    let line: usize = line.parse().expect("a number");
    let text = std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let fitting = text.lines().zip(1..).filter(|(text, _)| fits(text)).map(|(_, number)| number);
    let there = fitting.min_by_key(|number| line.abs_diff(*number)).unwrap_or_else(|| panic!("{file} lost its mark"));
    format!("{file}#L{there}")
}

/// ARCHITECTURE.md's map names every source file of the kernels and the model, or the folder that it is in; of the other
/// packages, one of the folders on the way.
#[test]
fn the_map_is_true() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let is_source = |path: &PathBuf| path.extension().is_some_and(|ext| ext == "rs");
    // The root of a crate is the crate.
    let is_root = |path: &PathBuf| ["src/lib.rs", "src/main.rs"].iter().any(|root| path.ends_with(root));
    for path in files().into_iter().filter(|path| is_source(path) && !is_root(path)) {
        let name_of = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let close = path.starts_with("kernels") || path.starts_with("model");
        let mut names = vec![name_of(path.file_name()), name_of(path.file_stem())];
        let folders = path.ancestors().skip(1).take(if close { 1 } else { usize::MAX });
        names
            .extend(folders.map(|folder| name_of(folder.file_name())).filter(|name| name != "src" && !name.is_empty()));
        let named = names.iter().any(|name| has_word(&map, name));
        assert!(named, "ARCHITECTURE.md names none of {names:?} ({})", path.display());
    }
}

/// `word` stands in `text` with no letter, digit or underscore on either side.
fn has_word(text: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(inside)
            && !text[at + word.len()..].chars().next().is_some_and(inside)
    })
}

/// What follows `mark` at the beginning of a line, for every such line of the file.
fn lines_after(file: &str, mark: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let found: Vec<_> =
        text.lines().filter_map(|line| line.trim_start().strip_prefix(mark)).map(str::to_owned).collect();
    assert!(!found.is_empty(), "{file}: no line begins with {mark}");
    found
}

/// The steps that are timed stand with the program, which `versus` takes them from, and with the peers in Python, which run `versus` by the names.
#[test]
fn python_times_the_same_steps() {
    let names_in = |file: &str, mark: &str| -> Vec<String> {
        lines_after(file, mark).iter().map(|line| line.split('"').next().unwrap_or_default().to_owned()).collect()
    };
    let names = names_in("cli/src/bench/cases.rs", "Case::new(\"");
    assert_eq!(names_in("benches/python/peers.py", "(\""), names);
    // And in Python a case is what its name says.
    for (line, name) in lines_after("benches/python/peers.py", "(\"").iter().zip(&names) {
        let words: Vec<&str> = name.split(' ').collect();
        let (widths, batch, adam) = (words[1].replace('-', ", "), &words[2][1..], words.get(5) == Some(&"adam"));
        let python = if adam { "True" } else { "False" };
        let case = format!("{name}\", [{widths}], {batch}, \"{}\", \"{}\", {python}),", words[3], words[4]);
        assert_eq!(*line, case);
    }
}

/// Paths of a developer's machine do not belong in a repository.
#[test]
fn no_paths_of_someones_machine() {
    // Written apart, so that this file does not find itself.
    let homes = [["/ho", "me/"].concat(), ["/ro", "ot/"].concat(), ["/Us", "ers/"].concat(), ["/wo", "rk/"].concat()];
    for (path, text) in texts(&[".rs", ".md", ".toml", ".py", ".sh", "run", ".json", ".yml", ".txt", ".csv"]) {
        for (number, line) in text.lines().enumerate() {
            let found = homes.iter().find(|home| line.contains(home.as_str()));
            assert!(found.is_none(), "{}:{}: {}", path.display(), number + 1, found.unwrap());
        }
    }
}

/// The fastest library is no use with the slowest words: marks of unfinished work stay out of what is committed.
#[test]
fn nothing_is_left_to_do() {
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X"].concat()];
    for (path, text) in texts(&[".rs", ".md", ".py", ".toml"]) {
        for (number, line) in text.lines().enumerate() {
            assert!(!marks.iter().any(|mark| has_word(line, mark)), "{}:{}: {line}", path.display(), number + 1);
        }
    }
}
