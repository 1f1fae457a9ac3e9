//! "Did you mean": the known word nearest to an unknown one.
//!
//! Optimal string alignment distance: letters put in, left out, changed or swapped with their neighbour.

/// Two slips in a long word, one in a short one; more and the guess is more often wrong than right.
fn slips_max(word: &str) -> usize {
    if word.chars().count() < 5 { 1 } else { 2 }
}

/// The nearest of `known`, the first of equals; `None` where all are too far.
pub(super) fn nearest<'k, K: AsRef<str>>(word: &str, known: &'k [K]) -> Option<&'k str> {
    let candidates = known.iter().map(AsRef::as_ref).map(|candidate| (distance(word, candidate), candidate));
    let (slips, candidate) = candidates.min_by_key(|(slips, _)| *slips)?;
    (slips <= slips_max(word)).then_some(candidate)
}

fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<_>, Vec<_>) = (left.chars().collect(), right.chars().collect());
    // A word this much longer is too far anyway, and the table below is quadratic.
    if left.len().abs_diff(right.len()) > 2 {
        return usize::MAX;
    }
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    for i in 0..=left.len() {
        for j in 0..=right.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let change = usize::from(left[i - 1] != right[j - 1]);
                let swapped = i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
                let swap = if swapped { rows[i - 2][j - 2] + 1 } else { usize::MAX };
                (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + change).min(swap)
            };
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_within_reach_is_offered() {
        let known = ["name", "workers", "drain_timeout"];
        for (word, expected) in [
            ("nmae", Some("name")),
            ("nam", Some("name")),
            ("names", Some("name")),
            ("nxmx", None),
            ("worker", Some("workers")),
            ("wrokesr", Some("workers")),
            ("drain_time", None),
            ("drain_timeuot", Some("drain_timeout")),
            ("", None),
            ("ünïcödé", None),
        ] {
            assert_eq!(nearest(word, &known), expected, "{word}");
        }
        assert_eq!(nearest("name", &[] as &[&str]), None);
    }
}
