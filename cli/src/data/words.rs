//! What is quoted of data in a message: as much as a line bears.

/// Names that a message lists at most.
const MOST_LISTED: usize = 12;

/// The beginning of a field.
pub(crate) fn clip(field: &str) -> String {
    clip_to(field, 40)
}

/// So many letters of a text, with a sign that there are more.
pub(crate) fn clip_to(field: &str, most: usize) -> String {
    let mut shown: String = field.chars().take(most).collect();
    if shown.len() < field.len() {
        shown.push('…');
    }
    shown
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
    fn long_lists_say_how_long_they_are() {
        let names = |count: usize| (0..count).map(|name| name.to_string()).collect::<Vec<_>>();
        assert_eq!(listed(&names(2)), "0, 1");
        assert_eq!(listed(&names(12)), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11");
        assert_eq!(listed(&names(15)), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 3 more, 15 in all");
    }
}
