//! Batch norm, a strip of neighboring units at a time.

use burn::tensor::Tensor;
use burn_flex::{Flex, FlexTensor};
use cpu::{Shared, vectorized};

use super::{Operand, buffers::tensor_to_fill, owned, tensor};
use crate::{BATCH_NORM_EPSILON, NormalizationKernels, Normalized};

/// The number of units of a strip.
const STRIP: usize = 64;

impl NormalizationKernels for Flex {
    fn normalize(
        preactivation: Tensor<Self, 3>,
        scale: &Tensor<Self, 3>,
        shift: &Tensor<Self, 3>,
    ) -> (Tensor<Self, 3>, Normalized<Self>) {
        let shape @ [trials, batch, units] = preactivation.dims();
        let mut output = owned(preactivation);
        let mut standardized = tensor_to_fill(shape);
        let mut per_unit = [(); 3].map(|()| tensor_to_fill([trials, 1, units]));
        let [values, normal] = [&mut output, &mut standardized].map(Columns::of);
        let [gain, mean, variance] = per_unit.each_mut().map(Columns::of);
        let (scale, shift) = (Operand::of(scale), Operand::of(shift));
        for_each_strip([trials, batch, units], |strip| {
            let range = strip.first..strip.first + strip.units;
            let [scale, shift] = [&scale, &shift].map(|values| &values.trial(strip.trial)[range.clone()]);
            // SAFETY: the tensors are borrowed above, and each strip comes once.
            let per_unit = [gain, mean, variance].map(|columns| unsafe { columns.row(strip, 0) });
            normalize_strip(batch, strip, [values, normal], [scale, shift], per_unit);
        });
        let [gain, mean, variance] = per_unit.map(tensor);
        (tensor(output), Normalized { standardized: tensor(standardized), gain, mean, variance })
    }

    fn normalization_delta(normalized: &Normalized<Self>, signal: &Tensor<Self, 3>) -> Tensor<Self, 3> {
        let shape @ [_, batch, units] = signal.dims();
        let [signal, normal, gain] = [signal, &normalized.standardized, &normalized.gain].map(Operand::of);
        let mut delta = tensor_to_fill(shape);
        let deltas = Columns::of(&mut delta);
        for_each_strip(shape, |strip| {
            let [signal, normal] =
                [&signal, &normal].map(|values| strip.of(values.trial(strip.trial), units));
            let gain = &gain.trial(strip.trial)[strip.first..][..strip.units];
            delta_of_strip(batch, strip, signal, normal, gain, deltas);
        });
        tensor(delta)
    }

    fn normalization_gradients(
        normalized: &Normalized<Self>,
        signal: &Tensor<Self, 3>,
    ) -> [Tensor<Self, 3>; 2] {
        let [trials, batch, units] = signal.dims();
        let [signal, normal] = [signal, &normalized.standardized].map(Operand::of);
        let mut gradients = [(); 2].map(|()| tensor_to_fill([trials, 1, units]));
        let [scale, shift] = gradients.each_mut().map(Columns::of);
        for_each_strip([trials, batch, units], |strip| {
            let [signal, normal] =
                [&signal, &normal].map(|values| strip.of(values.trial(strip.trial), units));
            // SAFETY: the tensors are borrowed above, and each strip comes once.
            let [shift, scale] = [shift, scale].map(|columns| unsafe { columns.row(strip, 0) });
            sums_of_strip(batch, signal, normal, shift, scale);
        });
        gradients.map(tensor)
    }
}

vectorized! {
    /// Replaces preactivations by their normalization, and writes the standardized values and each unit's gain, mean and variance.
    fn normalize_strip<'a>(
        batch: usize,
        strip: Strip,
        values_and_standardized: [Columns; 2],
        scale_and_shift: [&'a [f32]; 2],
        per_unit: [&'a mut [f32]; 3],
    ) {
        let [values, normal] = values_and_standardized;
        let [scale, shift] = scale_and_shift;
        let [gain, mean, variance] = per_unit;
        mean.fill(0.0);
        for row in 0..batch {
            // SAFETY: the tensors are borrowed by the caller, and each strip is one thread's.
            let values = unsafe { values.row(strip, row) };
            for (sum, value) in mean.iter_mut().zip(&*values) {
                *sum += value;
            }
        }
        divide(mean, batch);
        variance.fill(0.0);
        for row in 0..batch {
            // SAFETY: as above.
            let values = unsafe { values.row(strip, row) };
            for ((value, mean), sum) in values.iter_mut().zip(&*mean).zip(&mut *variance) {
                *value -= mean;
                *sum += *value * *value;
            }
        }
        divide(variance, batch);
        let mut inverse_deviations = [0.0; STRIP];
        let per_unit = gain.iter_mut().zip(&mut inverse_deviations).zip(&*variance).zip(scale);
        for (((gain, inverse_deviation), variance), scale) in per_unit {
            *inverse_deviation = 1.0 / (variance + BATCH_NORM_EPSILON as f32).sqrt();
            *gain = scale * *inverse_deviation;
        }
        for row in 0..batch {
            let per_unit = inverse_deviations.iter().zip(scale).zip(shift);
            // SAFETY: as above.
            let (values, normal) = unsafe { (values.row(strip, row), normal.row(strip, row)) };
            let rows = values.iter_mut().zip(normal);
            for ((value, normal), ((inverse_deviation, scale), shift)) in rows.zip(per_unit) {
                *normal = *value * inverse_deviation;
                *value = *normal * scale + shift;
            }
        }
    }
}

vectorized! {
    fn delta_of_strip<'a>(
        batch: usize,
        strip: Strip,
        signal: PartOfRows<'a>,
        normal: PartOfRows<'a>,
        gain: &'a [f32],
        deltas: Columns,
    ) {
        let [mut mean, mut correlation] = [[0.0; STRIP]; 2];
        let [mean, correlation] = [&mut mean[..strip.units], &mut correlation[..strip.units]];
        add_rows(batch, signal, normal, mean, correlation);
        divide(mean, batch);
        divide(correlation, batch);
        for row in 0..batch {
            let per_unit = mean.iter().zip(&*correlation).zip(gain);
            // SAFETY: the tensors are borrowed by the caller, and each strip is one thread's.
            let deltas = unsafe { deltas.row(strip, row) };
            let rows = deltas.iter_mut().zip(signal.get(row)).zip(normal.get(row));
            for (((delta, signal), normal), ((mean, correlation), gain)) in rows.zip(per_unit) {
                *delta = (signal - mean - normal * correlation) * gain;
            }
        }
    }
}

vectorized! {
    /// Writes the sums of the signal and of its product with the standardized values.
    fn sums_of_strip<'a>(
        batch: usize,
        signal: PartOfRows<'a>,
        normal: PartOfRows<'a>,
        of_signal: &'a mut [f32],
        of_product: &'a mut [f32],
    ) {
        of_signal.fill(0.0);
        of_product.fill(0.0);
        add_rows(batch, signal, normal, of_signal, of_product);
    }
}

#[inline(always)]
fn add_rows(
    batch: usize,
    signal: PartOfRows<'_>,
    normal: PartOfRows<'_>,
    of_signal: &mut [f32],
    of_product: &mut [f32],
) {
    for row in 0..batch {
        let sums = of_signal.iter_mut().zip(&mut *of_product);
        for ((of_signal, of_product), (signal, normal)) in
            sums.zip(signal.get(row).iter().zip(normal.get(row)))
        {
            *of_signal += signal;
            *of_product += signal * normal;
        }
    }
}

/// Turns sums over a batch into means.
#[inline(always)]
fn divide(sums: &mut [f32], batch: usize) {
    for sum in sums {
        *sum /= batch as f32;
    }
}

/// Neighboring units of a trial.
#[derive(Clone, Copy)]
struct Strip {
    trial: usize,
    first: usize,
    units: usize,
}

impl Strip {
    /// Returns this strip's part of rows with `row_length` values.
    fn of(self, values: &[f32], row_length: usize) -> PartOfRows<'_> {
        PartOfRows { values: &values[self.first.min(values.len())..], row_length, units: self.units }
    }
}

/// The values of neighboring units in all rows of a batch.
#[derive(Clone, Copy)]
struct PartOfRows<'a> {
    values: &'a [f32],
    row_length: usize,
    units: usize,
}

impl<'a> PartOfRows<'a> {
    #[inline(always)]
    fn get(self, row: usize) -> &'a [f32] {
        &self.values[row * self.row_length..][..self.units]
    }
}

fn for_each_strip([trials, _, units]: [usize; 3], work: impl Fn(Strip) + Sync) {
    let strips = units.div_ceil(STRIP);
    threads::share(trials * strips, |index| {
        let first = index % strips * STRIP;
        work(Strip { trial: index / strips, first, units: STRIP.min(units - first) });
    });
}

/// A `[trials, rows, units]` tensor whose strips several threads write.
#[derive(Clone, Copy)]
struct Columns {
    values: Shared,
    rows: usize,
    units: usize,
}

impl Columns {
    /// The tensor is borrowed until the last use of the result.
    fn of(tensor: &mut FlexTensor) -> Self {
        let shape = tensor.layout().shape().clone();
        let (rows, units) = (shape[1], shape[2]);
        Self { values: Shared::new(tensor.storage_mut::<f32>()), rows, units }
    }

    /// Returns a strip's part of a row.
    ///
    /// # Safety
    /// The tensor is borrowed, no other thread has the strip, and this row is not in use.
    #[inline(always)]
    unsafe fn row<'a>(self, strip: Strip, row: usize) -> &'a mut [f32] {
        let start = (strip.trial * self.rows + row) * self.units + strip.first;
        // SAFETY: the caller guarantees it.
        unsafe { self.values.part(start, strip.units) }
    }
}
