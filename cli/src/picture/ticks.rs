//! Scales and the round numbers on them.

#![expect(clippy::disallowed_methods, reason = "where a picture has its ticks is seen, not computed with")]

/// From a value to a share of an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
    /// The least distance of two ticks: 1 where only whole numbers mean anything.
    least_step: f64,
}

impl Scale {
    /// A scale over the values that gives them some air, its ends inside of the limits, unless all values lie beyond one of them.
    /// Values that span more than a factor of `log_beyond` and are all positive get a logarithmic scale, which no limits hold.
    pub(super) fn around(values: impl Iterator<Item = f64>, log_beyond: f64, limits: Option<(f64, f64)>) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| value.is_finite()) {
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            return Self::linear(0.0, 1.0);
        }
        if low > 0.0 && high / low > log_beyond {
            return Self { low: low / 1.15, high: high * 1.15, logarithmic: true, least_step: 0.0 };
        }
        let span = if high > low { high - low } else { high.abs().max(1.0) * 0.1 };
        let airy = Self::linear(low - 0.06 * span, high + 0.06 * span);
        match limits {
            Some((least, most)) if low <= most && high >= least => airy.within(least, most),
            _ => airy,
        }
    }

    /// A linear scale with exact ends.
    pub(super) fn linear(low: f64, high: f64) -> Self {
        Self { low, high: if high > low { high } else { low + 1.0 }, logarithmic: false, least_step: 0.0 }
    }

    /// A linear scale of whole numbers.
    pub(super) fn whole(low: usize, high: usize) -> Self {
        Self { least_step: 1.0, ..Self::linear(low as f64, high as f64) }
    }

    /// This scale, its ends moved inside the given ones.
    fn within(self, low: f64, high: f64) -> Self {
        Self { low: self.low.max(low), high: self.high.min(high).max(self.low.max(low) + 1e-9), ..self }
    }

    /// 0 at the low end, 1 at the high end.
    pub(super) fn share(self, value: f64) -> f64 {
        if self.logarithmic {
            (value.max(self.low * 1e-3) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// Round values on the scale, about `count` of them, with the text of each.
    pub(super) fn ticks(self, count: usize) -> Vec<(f64, String)> {
        let values = if self.logarithmic { self.log_ticks(count) } else { self.linear_ticks(count) };
        // All ticks of a linear axis show the decimals of its step.
        let step = values.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        let text = |value: f64| if self.logarithmic { plain(value) } else { with_step(value, step) };
        values.into_iter().map(|value| (value, text(value))).collect()
    }

    fn linear_ticks(self, count: usize) -> Vec<f64> {
        let step = round_step((self.high - self.low) / count.max(1) as f64).max(self.least_step);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        (first..=last).map(|index| index as f64 * step).collect()
    }

    /// Powers of ten, with 2 and 5 of each decade where there is room.
    fn log_ticks(self, count: usize) -> Vec<f64> {
        let decades = (self.high / self.low).log10();
        let factors: &[f64] = match decades / count.max(1) as f64 {
            few if few <= 0.5 => &[1.0, 2.0, 5.0],
            some if some <= 0.8 => &[1.0, 3.0],
            _ => &[1.0],
        };
        let stride = (decades / count.max(1) as f64).ceil().max(1.0) as i32;
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let mut ticks = Vec::new();
        for exponent in (first..=last).filter(|exponent| exponent.rem_euclid(stride) == 0) {
            ticks.extend(factors.iter().map(|factor| factor * 10f64.powi(exponent)));
        }
        ticks.retain(|&tick| tick >= self.low && tick <= self.high);
        ticks
    }
}

/// 1, 2 or 5 times a power of ten, at least `rough`.
fn round_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    let multiple = [1.0, 2.0, 5.0].into_iter().find(|multiple| multiple * power >= rough * 0.999).unwrap_or(10.0);
    multiple * power
}

fn with_step(value: f64, step: f64) -> String {
    if value.abs() >= 1e6 || (step.is_finite() && step < 1e-6) {
        return format!("{value:.1e}");
    }
    let decimals = if step.is_finite() && step > 0.0 { (-(step * 1.001).log10().floor()).clamp(0.0, 8.0) } else { 2.0 };
    format!("{value:.*}", decimals as usize).replace('-', "−")
}

fn plain(value: f64) -> String {
    if (1e-4..1e6).contains(&value) { format!("{}", (value * 1e8).round() / 1e8) } else { format!("{value:e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scale: Scale, count: usize) -> Vec<String> {
        scale.ticks(count).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        assert_eq!(texts(Scale::linear(0.0, 1.0), 5), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(Scale::linear(0.93, 1.001), 4), ["0.94", "0.96", "0.98", "1.00"]);
        assert_eq!(texts(Scale::linear(-1.0, 60.0), 6), ["0", "20", "40", "60"]);
    }

    #[test]
    fn wide_positive_values_get_a_logarithmic_scale() {
        let scale = Scale::around([0.01, 2.0].into_iter(), 30.0, None);
        assert_eq!(texts(scale, 6), ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"]);
        assert!((scale.share(0.0)).is_finite());
    }

    #[test]
    fn limits_hold_a_scale_unless_all_values_are_beyond_them() {
        let around = |values: [f64; 2], limits| Scale::around(values.into_iter(), f64::INFINITY, limits);
        let limits = Some((-0.25, 1.0));
        let held = around([-3.0, 0.9], limits);
        assert_eq!((held.low, held.high), (-0.25, 1.0));
        // Of the last pair the air alone is within.
        for beyond in [[-9.0, -3.0], [-0.7, -0.7], [1.5, 2.0], [-1.3, -0.3]] {
            assert_eq!(around(beyond, limits), around(beyond, None), "{beyond:?}");
            let mut ticks = texts(around(beyond, limits), 6);
            let count = ticks.len();
            ticks.dedup();
            assert!(count >= 2 && ticks.len() == count, "{ticks:?}");
        }
    }

    #[test]
    fn odd_values_still_make_a_scale() {
        for values in [vec![], vec![f64::NAN], vec![3.0], vec![0.0, 0.0], vec![-5.0]] {
            let scale = Scale::around(values.iter().copied(), 30.0, None);
            assert!(scale.share(1.0).is_finite() && !scale.ticks(4).is_empty(), "{values:?}");
        }
    }
}
