//! Columns of text that line up.

/// A table: a header, then rows of as many cells. The first column is set flush left, the others flush right.
pub struct Table {
    widths: Vec<usize>,
}

impl Table {
    /// Prints the header; `cases` are what will stand in the first column.
    pub fn begin(header: &[&str], cases: impl Iterator<Item = usize>) -> Self {
        let mut widths: Vec<usize> = header.iter().map(|title| title.chars().count().max(7)).collect();
        widths[0] = cases.max().unwrap_or(0).max(widths[0]);
        let table = Self { widths };
        table.row(&header.iter().map(|&title| title.to_owned()).collect::<Vec<_>>());
        println!("{}", "─".repeat(table.widths.iter().map(|width| width + 2).sum::<usize>() - 2));
        table
    }

    /// Prints a row.
    pub fn row(&self, cells: &[String]) {
        let mut line = String::new();
        for (i, (cell, &width)) in cells.iter().zip(&self.widths).enumerate() {
            let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
            if i == 0 {
                line = format!("{cell}{pad}");
            } else {
                line = format!("{line}  {pad}{cell}");
            }
        }
        println!("{}", line.trim_end());
    }
}

/// Three digits that matter: 4.61, 27.6, 108.
pub fn figure(x: f64) -> String {
    let decimals = if x >= 100.0 {
        0
    } else if x >= 10.0 {
        1
    } else {
        2
    };
    format!("{x:.decimals$}")
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
    fn figures_and_strings() {
        assert_eq!([figure(4.613), figure(27.64), figure(108.4)], ["4.61", "27.6", "108"]);
        assert_eq!(json_string("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
    }
}
