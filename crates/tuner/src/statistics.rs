//! What the values of several seeds amount to.

/// Values of one metric over the seeds of a configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// How many values.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation (n - 1); absent for a single value.
    pub deviation: Option<f64>,
}

/// Summarizes `values`; `None` if there are none.
#[must_use]
pub fn summarize(values: &[f64]) -> Option<Summary> {
    let count = values.len();
    let mean = (count > 0).then(|| values.iter().sum::<f64>() / count as f64)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = (count > 1).then(|| (squares / (count - 1) as f64).sqrt());
    Some(Summary { count, mean, deviation })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        let summary = summarize(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).expect("there are values");
        assert_eq!((summary.count, summary.mean), (8, 5.0));
        assert!((summary.deviation.expect("more than one") - (32.0_f64 / 7.0).sqrt()).abs() < 1e-15);
        assert_eq!(summarize(&[3.0]), Some(Summary { count: 1, mean: 3.0, deviation: None }));
        assert_eq!(summarize(&[]), None);
    }
}
