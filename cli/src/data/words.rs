//! What is quoted of data in a message: as much as a line bears, and nothing that would steer a terminal.

/// Names that a message lists at most.
const MOST_LISTED: usize = 12;

/// The beginning of a field.
pub(crate) fn clip(field: &str) -> String {
    clip_to(field, 40)
}

/// So many letters of a text, with a sign that there are more.
pub(crate) fn clip_to(field: &str, most: usize) -> String {
    let mut letters = field.chars();
    let mut shown = visible(letters.by_ref().take(most));
    if letters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// A text of which every control character is told by its escape: a file may hold those that clear a screen or name a window. The escapes are
/// those of JSON, of which a line says the same then.
fn visible(letters: impl Iterator<Item = char>) -> String {
    let mut shown = String::new();
    for letter in letters {
        match letter {
            '\n' | '\r' | '\t' => shown.extend(letter.escape_default()),
            _ if letter.is_control() || turns_or_breaks(letter) => shown += &format!("\\u{:04x}", u32::from(letter)),
            _ => shown.push(letter),
        }
    }
    shown
}

/// No control character by its class, but one that ends a line or turns the direction of reading all the same.
fn turns_or_breaks(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The same of several lines, which stay lines.
pub(crate) fn visible_lines(text: &str) -> String {
    text.split('\n').map(|line| visible(line.chars())).collect::<Vec<_>>().join("\n")
}

/// The first of many names, and how many there are besides.
pub(crate) fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(MOST_LISTED).map(|name| clip(name)).collect();
    let more = match names.len().saturating_sub(MOST_LISTED) {
        0 => String::new(),
        more => format!(" and {more} more, {} in all", names.len()),
    };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_told_by_their_escapes() {
        assert_eq!(clip("a\u{1b}[2Jb\0\u{7}\u{9b}\n"), "a\\u001b[2Jb\\u0000\\u0007\\u009b\\n");
        assert_eq!(clip("a\u{202e}b\u{2028}"), "a\\u202eb\\u2028");
        assert_eq!(visible_lines("é\u{1b}\nb\t\n"), "é\\u001b\nb\\t\n");
        let of_json = visible_lines("[\"\u{9b}\u{7f}\"]\n");
        assert_eq!(serde_json::from_str::<[String; 1]>(&of_json).expect("JSON still"), ["\u{9b}\u{7f}"]);
    }

    /// Letters are counted before they are escaped.
    #[test]
    fn long_fields_are_cut() {
        assert_eq!([clip_to("abc", 3), clip_to("abcd", 3), clip_to("\0\0", 2)], ["abc", "abc…", "\\u0000\\u0000"]);
    }

    #[test]
    fn long_lists_say_how_long_they_are() {
        let names = |count: usize| (0..count).map(|name| name.to_string()).collect::<Vec<_>>();
        assert_eq!(listed(&names(2)), "0, 1");
        assert_eq!(listed(&names(12)), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11");
        assert_eq!(listed(&names(15)), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 3 more, 15 in all");
    }
}
