//! Tables on standard output, and strings of JSON.

pub use deltarule_cli::bench::table::{Table, figure};

/// Prints the header of a table that has these `names` in its first column, and a rule below it.
pub fn begin<'a>(header: &[&str], names: impl Iterator<Item = &'a str>) -> Table {
    let table = Table::new(header, names);
    println!("{}\n{}", table.row(header), table.rule());
    table
}

/// A string as JSON writes it.
pub fn json_string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted() {
        assert_eq!(json_string("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
    }
}
