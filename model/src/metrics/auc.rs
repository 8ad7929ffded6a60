//! The area under the ROC curve.

use super::check_lengths;

/// The chance that a positive row scores above a negative one, ties counting half; `None` where one of the two kinds is
/// missing or a score is NaN.
///
/// ```
/// let auc = deltarule::metrics::roc_auc(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]);
/// assert_eq!(auc, Some(0.75));
/// ```
///
/// # Panics
/// The slices differ in length.
pub fn roc_auc(scores: &[f64], positive: &[bool]) -> Option<f64> {
    check_lengths(positive.len(), scores.len());
    let positives = positive.iter().filter(|&&p| p).count() as f64;
    let negatives = positive.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 || scores.iter().any(|s| s.is_nan()) {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&i, &j| scores[i].total_cmp(&scores[j]));
    // Mann and Whitney: the sum of the positives' ranks, where equal scores share the mean of their ranks.
    let (mut rank_sum, mut before) = (0.0, 0.0);
    for tied in order.chunk_by(|&i, &j| scores[i] == scores[j]) {
        let hits = tied.iter().filter(|&&i| positive[i]).count() as f64;
        rank_sum += hits * (before + (tied.len() as f64 + 1.0) / 2.0);
        before += tied.len() as f64;
    }
    Some((rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}

#[cfg(test)]
mod tests {
    use super::roc_auc;

    #[test]
    fn it_counts_pairs() {
        let scores: Vec<f64> = (0..60).map(|i| f64::from((i * 37) % 11)).collect();
        let positive: Vec<bool> = (0..60).map(|i| (i * 53) % 7 < 3).collect();
        let (mut pairs, mut won) = (0.0, 0.0);
        for i in (0..60).filter(|&i| positive[i]) {
            for j in (0..60).filter(|&j| !positive[j]) {
                pairs += 1.0;
                won += if scores[i] > scores[j] {
                    1.0
                } else if scores[i] == scores[j] {
                    0.5
                } else {
                    0.0
                };
            }
        }
        assert!((roc_auc(&scores, &positive).expect("both kinds") - won / pairs).abs() < 1e-12);
    }

    #[test]
    fn it_needs_both_kinds() {
        assert_eq!(roc_auc(&[0.5, 0.6], &[true, true]), None);
        assert_eq!(roc_auc(&[0.5, f64::NAN], &[true, false]), None);
        assert_eq!(roc_auc(&[0.0, -0.0], &[true, false]), Some(0.5), "zeros tie whatever their sign");
    }
}
