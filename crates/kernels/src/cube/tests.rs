//! The kernels against those of the CPU, and their bits against the size of a population.

use std::{
    panic::catch_unwind,
    sync::{Arc, OnceLock},
};

use burn::tensor::{TensorData, backend::Backend};
use burn_flex::Flex;
use settings::Optimizer;

use super::*;
use crate::{
    ImageTransform, LayerDropout, Sets,
    optimizer::tests::{OPTIMIZERS, of_trial},
};

/// A backend with Vulkan if that feature is on, for which a software driver is enough; otherwise an NVIDIA GPU.
#[cfg(feature = "wgpu")]
type Gpu = burn_wgpu::Wgpu;
#[cfg(not(feature = "wgpu"))]
type Gpu = burn_cuda::Cuda;
type Device = <Gpu as burn::tensor::backend::BackendTypes>::Device;

/// Returns the device, if there is one.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn device() -> Option<Device> {
    static IS_THERE: OnceLock<bool> = OnceLock::new();
    let set_up = || catch_unwind(|| Gpu::sync(&Device::default())).is_ok_and(|result| result.is_ok());
    if *IS_THERE.get_or_init(set_up) {
        Some(Device::default())
    } else {
        eprintln!("skipped: no device for these kernels was found");
        None
    }
}

fn numbers(count: usize, index: u64) -> Vec<f32> {
    let mut stream = random::stream(3, "test", &[index]);
    (0..count).map(|_| random::uniform(&mut stream) - 0.5).collect()
}

fn random<B: Backend>(shape: [usize; 3], index: u64, device: &B::Device) -> Tensor<B, 3> {
    Tensor::from_data(TensorData::new(numbers(shape.iter().product(), index), shape), device)
}

fn values<B: Backend, const D: usize>(tensor: &Tensor<B, D>) -> Vec<f32> {
    tensor.clone().into_data().into_vec().expect("f32")
}

fn bits<B: Backend, const D: usize>(tensor: &Tensor<B, D>) -> Vec<u32> {
    values(tensor).into_iter().map(f32::to_bits).collect()
}

/// Returns the first step of these trials, whose optimizers are of one kind and differ in every number, without decay.
fn step<B: Backend>(optimizer: Optimizer, trials: &[usize], device: &B::Device) -> OptimizerStep<B> {
    let rate = |trial: usize| 0.1 + 0.25 * trial as f64;
    let optimizers: Vec<(Optimizer, f64)> =
        trials.iter().map(|&trial| (of_trial(optimizer, trial), rate(trial))).collect();
    OptimizerStep::new(&optimizers, 1, device)
}

/// Returns three inputs of three trials: one for each trial, one for all, and two for three trials.
fn inputs<B: Backend>(batch: usize, inputs: usize, device: &B::Device) -> [Input<B>; 3] {
    let sets = Arc::new(Sets::new(vec![1, 0, 1], device));
    [
        random([3, batch, inputs], 3, device).into(),
        random([1, batch, inputs], 4, device).into(),
        Input::shared(random([2, batch, inputs], 5, device), sets),
    ]
}

/// Compares the results of a function on the GPU and on the CPU.
macro_rules! check {
    ($function:ident $(, $argument:expr)*) => {
        if let Some(device) = device() {
            let ours: Vec<Vec<f32>> = $function::<Gpu>(&device $(, $argument)*);
            let cpu: Vec<Vec<f32>> = $function::<Flex>(&Default::default() $(, $argument)*);
            check_close(&ours, &cpu);
        }
    };
}

#[track_caller]
fn check_close(ours: &[Vec<f32>], expected: &[Vec<f32>]) {
    assert_eq!(ours.len(), expected.len());
    for (at, (ours, expected)) in ours.iter().zip(expected).enumerate() {
        assert_eq!(ours.len(), expected.len(), "tensor {at}");
        for (index, (ours, expected)) in ours.iter().zip(expected).enumerate() {
            let is_close = (ours - expected).abs() <= 2e-5 * expected.abs().max(1.0);
            assert!(
                is_close || (ours.is_nan() && expected.is_nan()),
                "tensor {at} at {index}: {ours} {expected}"
            );
        }
    }
}

/// Batch, inputs and outputs: several tiles in each direction that are not full, the narrow tile, the low one, and rows
/// that are read in fours and one by one.
const SHAPES: [[usize; 3]; 6] =
    [[132, 148, 140], [131, 205, 139], [70, 36, 10], [64, 40, 132], [1, 3, 17], [33, 28, 16]];

fn products<B: Kernels>(device: &B::Device, [batch, depth, outputs]: [usize; 3]) -> Vec<Vec<f32>> {
    let weight = Weights::new(random([3, depth, outputs], 1, device));
    let bias = random::<B>([3, 1, outputs], 2, device);
    let delta = random([3, batch, outputs], 6, device);
    let mut results = Vec::new();
    for input in inputs::<B>(batch, depth, device) {
        let full = Precision::Full;
        let Activated { output, slope } =
            B::dense_activated(Activation::Tanh, &input, &weight, Some(&bias), full);
        let products = [
            B::dense(&input, &weight, None, full),
            B::dense(&input, &weight, Some(&bias), full),
            output,
            slope,
            B::weight_gradient(&input, &delta, full).plain(),
        ];
        results.extend(products.iter().map(values));
    }
    for trials in [1, 3] {
        let signal = random([trials, batch, outputs], 7, device);
        results.push(values(&B::dense_transposed(&signal, &weight, Precision::Full)));
    }
    results
}

#[test]
fn products_are_those_of_the_cpu() {
    for shape in SHAPES {
        check!(products, shape);
    }
}

/// Returns the states after some steps, and the difference of each step; with Adam, from the one that follows from its states, because
/// where a gradient is nearly 0, a step is as uncertain as the gradient's sign. Every step begins at given weights.
fn learned<B: Kernels>(
    device: &B::Device,
    [batch, depth, outputs]: [usize; 3],
    optimizer: Optimizer,
) -> Vec<Vec<f32>> {
    let mut results = Vec::new();
    for (index, input) in inputs::<B>(batch, depth, device).into_iter().enumerate() {
        let of_trials = |index| random::<B>([3, 1, 1], index, device).add_scalar(0.6);
        // Each kind of decay alone, and both together.
        let step = OptimizerStep {
            weight_decay: (index != 0).then(|| of_trials(91)),
            kept: (index != 1).then(|| of_trials(92)),
            ..step(optimizer, &[0, 1, 2], device)
        };
        let [rates, epsilons] = [0, 5].map(|index| step.coefficients.clone().narrow(2, index, 1));
        let weights = Weights::new(random([3, depth, outputs], 1, device));
        let mut weight = Parameter::new(weights, optimizer.kind());
        for round in 0..4 {
            // Not a clone, so that the weight is changed in place.
            let before = || random::<B>([3, depth, outputs], 20 + round, device);
            weight.value = Weights::new(before());
            let delta = random([3, batch, outputs], 10 + round, device);
            let is_weight = round < 3;
            weight = if is_weight {
                let update = WeightUpdate { weight, input: &input, delta: &delta };
                B::learn_weights(vec![update], &step, Precision::Full).remove(0)
            } else {
                let plain = weight.map(|weights| weights.plain());
                B::learn(plain, random([3, depth, outputs], 8, device), &step).map(Weights::new)
            };
            let Parameter { value, states } = weight.clone().map(|weights| weights.plain());
            let mut expected = match &step.kept {
                Some(kept) if is_weight => before() * kept.clone(),
                _ => before(),
            };
            if let [first, second] = states.as_slice() {
                let direction = first.clone() / (second.clone().sqrt() + epsilons.clone());
                expected = expected - direction * rates.clone();
            }
            results.push(values(&(value - expected)));
            results.extend(states.iter().map(values));
        }
    }
    results
}

#[test]
fn fused_learning_is_the_gradient_and_then_the_optimizer() {
    for shape in SHAPES {
        check!(learned, shape, Optimizer::ADAM);
    }
    for optimizer in OPTIMIZERS {
        check!(learned, [5, 9, 7], optimizer);
    }
}

#[test]
fn a_clone_of_a_parameter_does_not_change_when_the_parameter_learns() {
    let Some(device) = device() else { return };
    let parameter = Parameter::new(random::<Gpu>([1, 4, 3], 1, &device), Optimizer::ADAM.kind());
    let before = values(&parameter.value);
    let held = parameter.clone();
    let learned = Gpu::learn(parameter, random([1, 4, 3], 2, &device), &step(Optimizer::ADAM, &[0], &device));
    assert_eq!(values(&held.value), before);
    assert_ne!(values(&learned.value), before);
}

/// Returns the bits of all kinds of kernels, for the trials at these positions of a population of three.
fn bits_of_trials(trials: &[usize], device: &Device) -> Vec<Vec<u32>> {
    let count = trials.len();
    let positions: Vec<i32> = trials.iter().map(|&trial| trial as i32).collect();
    let positions = Tensor::<Gpu, 1, burn::tensor::Int>::from_data(positions.as_slice(), device);
    let of_trials =
        |shape: [usize; 3], index| random::<Gpu>(shape, index, device).select(0, positions.clone());
    let [batch, depth, outputs] = SHAPES[0];
    let sets = trials.iter().map(|trial| [1, 0, 1][*trial]).collect();
    let values = random([2, batch, depth], 5, device);
    let input = Input::shared(values, Arc::new(Sets::new(sets, device)));
    let weight = Weights::new(of_trials([3, depth, outputs], 1));
    let (bias, signal) = (of_trials([3, 1, outputs], 2), of_trials([3, batch, outputs], 3));
    let Activated { output, slope } =
        Gpu::dense_activated(Activation::Swish, &input, &weight, Some(&bias), Precision::Full);
    let back = Gpu::dense_transposed(&signal, &weight, Precision::Full);
    let delta = Gpu::scale(signal.clone(), &slope);
    let (normal, normalized) = Gpu::normalize(output.clone(), &bias, &bias);
    let through = Gpu::normalization_delta(&normalized, &signal);
    let by_optimizers = OPTIMIZERS.map(|optimizer| {
        let weight = Parameter::new(weight.clone(), optimizer.kind());
        let update = WeightUpdate { weight, input: &input, delta: &delta };
        let step = step(optimizer, trials, device);
        let learned = Gpu::learn_weights(vec![update], &step, Precision::Full).remove(0);
        Gpu::learn(learned.map(|weights| weights.plain()), of_trials([3, depth, outputs], 4), &step)
    });
    let target = random([1, batch, outputs], 6, device);
    let OutputError { loss, error, .. } = Gpu::output_error(Loss::SoftmaxCrossEntropy, &signal, &target);
    let numbers = [loss, Gpu::inner_product(&output, &signal)].map(|numbers| numbers.reshape([count, 1, 1]));
    let learned =
        by_optimizers.into_iter().flat_map(|Parameter { value, states }| [vec![value], states].concat());
    let tensors = [output, slope, back, delta, normal, through, error];
    let tensors: Vec<_> = tensors.into_iter().chain(learned).chain(numbers).collect();
    let of_trial = |trial: usize| {
        let part = |tensor: &Tensor<Gpu, 3>| bits(&tensor.clone().slice(trial..trial + 1));
        tensors.iter().flat_map(part).collect()
    };
    (0..count).map(of_trial).collect()
}

#[test]
fn a_trial_has_the_same_bits_alone_in_a_population_at_any_place_and_twice() {
    let Some(device) = device() else { return };
    let together = bits_of_trials(&[0, 1, 2], &device);
    assert_eq!(together, bits_of_trials(&[0, 1, 2], &device), "twice");
    let [second, first] = bits_of_trials(&[2, 0], &device).try_into().expect("two trials");
    assert!(first == together[0] && second == together[2], "at other places");
    assert_eq!(bits_of_trials(&[1], &device)[0], together[1], "alone");
}

fn activations<B: Kernels>(device: &B::Device, columns: usize) -> Vec<Vec<f32>> {
    let mut results = Vec::new();
    let shape = [2, 5, columns];
    for activation in Activation::ALL {
        let mut numbers = numbers(10 * columns, 1);
        numbers[3] = 0.0;
        let preactivation =
            Tensor::<B, 3>::from_data(TensorData::new(numbers, shape), device).mul_scalar(6.0);
        let Activated { output, slope } = B::activate(activation, preactivation);
        results.extend([output, slope].iter().map(values));
    }
    results.push(values(&B::scale(random(shape, 2, device), &random(shape, 3, device))));
    results
}

#[test]
fn activations_and_slopes_are_those_of_the_cpu() {
    check!(activations, 33);
    check!(activations, 36);
}

#[test]
fn kernels_keep_nan() {
    let Some(device) = device() else { return };
    let dead = || Tensor::<Gpu, 3>::full([1, 1, 3], f32::NAN, &device);
    for activation in Activation::ALL {
        assert!(
            values(&Gpu::activate(activation, dead()).output).iter().all(|value| value.is_nan()),
            "{activation:?}"
        );
    }
    for loss in LOSSES {
        assert!(
            values(&Gpu::output_error(loss, &dead(), &Tensor::ones([1, 1, 3], &device)).loss)[0].is_nan()
        );
    }
}

const LOSSES: [Loss; 3] = [Loss::SoftmaxCrossEntropy, Loss::SigmoidCrossEntropy, Loss::MeanSquaredError];

fn output_errors<B: Kernels>(device: &B::Device, [batch, outputs]: [usize; 2]) -> Vec<Vec<f32>> {
    let mut results = Vec::new();
    for target_trials in [1, 3] {
        let mut labels = vec![0.0; target_trials * batch * outputs];
        for row in 0..target_trials * batch {
            labels[row * outputs + row * 7 % outputs] = 1.0;
        }
        let data = TensorData::new(labels, [target_trials, batch, outputs]);
        let target = Tensor::<B, 3>::from_data(data, device);
        for (size, loss) in [0.0, 1.0, 300.0].into_iter().flat_map(|size| LOSSES.map(|loss| (size, loss))) {
            let logits = random::<B>([3, batch, outputs], 1, device).mul_scalar(size);
            // The squares of large outputs leave too few digits.
            let logits = if loss == Loss::MeanSquaredError { logits.mul_scalar(0.1) } else { logits };
            let OutputError { loss, error, mistakes } = B::output_error(loss, &logits, &target);
            let mistakes = mistakes.expect("there are labels");
            results.extend([values(&loss), values(&error), values(&mistakes)]);
        }
    }
    results
}

#[test]
fn a_loss_is_that_of_the_cpu_and_takes_the_first_of_equal_logits() {
    check!(output_errors, [9, 11]);
    check!(output_errors, [300, 10]);
}

fn sums<B: Kernels>(device: &B::Device, [batch, units]: [usize; 2]) -> Vec<Vec<f32>> {
    let tensor = |rows, index| random::<B>([3, rows, units], index, device);
    let (output, normalized) = B::normalize(tensor(batch, 1), &tensor(1, 2), &tensor(1, 3));
    let signal = tensor(batch, 4);
    let delta = B::normalization_delta(&normalized, &signal);
    let [scale, shift] = B::normalization_gradients(&normalized, &signal);
    let bias = B::bias_gradient(&signal);
    let inner = B::inner_product(&signal, &tensor(batch, 5));
    let Normalized { standardized, gain, mean, variance } = normalized;
    let mut results = vec![values(&inner)];
    let tensors = [output, delta, scale, shift, bias, standardized, gain, mean, variance];
    results.extend(tensors.iter().map(values));
    results
}

#[test]
fn sums_over_the_batch_are_those_of_the_cpu() {
    for shape in [[130, 201], [7, 36], [1, 1], [700, 132]] {
        check!(sums, shape);
    }
}

#[test]
fn masks_are_those_of_the_cpu_bit_for_bit() {
    let Some(device) = device() else { return };
    let dropout = |rate: f32, index| LayerDropout {
        rate,
        kept: 1.0 / (1.0 - rate),
        key: random::key(3, "dropout", &[index]),
    };
    let dropouts = [dropout(0.3, 1), dropout(0.0, 1), dropout(0.9, 2)];
    for [batch, units] in [[33, 17], [64, 32], [1, 5]] {
        let ours = values(&Gpu::dropout_factors(&dropouts, batch, units, &device));
        let cpu = values(&Flex::dropout_factors(&dropouts, batch, units, &Default::default()));
        assert_eq!(ours, cpu);
    }
}

/// Computes a transform by its definition, pixel by pixel.
fn transformed(image: &[u8], [height, width]: [usize; 2], transform: &ImageTransform) -> Vec<f32> {
    let mirrored = |pixel: f32, length: usize| {
        let folded = pixel.rem_euclid(2.0 * length as f32);
        (if folded < length as f32 { folded } else { 2.0 * length as f32 - 1.0 - folded }) as usize
    };
    let center = [height, width].map(|side| (side as f32 - 1.0) / 2.0);
    let source = |row: usize, y: f32, x: f32| {
        transform.linear[row][0] * y + transform.linear[row][1] * x + transform.shift[row] + center[row]
    };
    let moved = |at: usize| {
        let (y, x) = ((at / width) as f32 - center[0], (at % width) as f32 - center[1]);
        let [y, x] = [source(0, y, x), source(1, y, x)];
        let pixel = |y, x| f32::from(image[mirrored(y, height) * width + mirrored(x, width)]);
        let (top, left) = (y.floor(), x.floor());
        let across = |y| pixel(y, left) * (left + 1.0 - x) + pixel(y, left + 1.0) * (x - left);
        across(top) * (top + 1.0 - y) + across(top + 1.0) * (y - top)
    };
    let plane: Vec<f32> = (0..height * width).map(moved).collect();
    let mean = plane.iter().sum::<f32>() / plane.len() as f32;
    let finish =
        |value: &f32| (transform.contrast * (value - mean) + mean + transform.brightness).clamp(0.0, 255.0);
    plane.iter().map(finish).collect()
}

#[test]
fn an_image_set_gathers_transforms_and_scales_images() {
    let Some(device) = device() else { return };
    let [channels, height, width] = [3, 5, 7];
    let plane = height * width;
    let pixels: Vec<u8> = (0..4 * channels * plane).map(|at| (at * 97 % 256) as u8).collect();
    let scaling = vec![(127.5, 127.5), (0.0, 255.0), (30.0, 60.0)];
    let images =
        Images { pixels: pixels.clone(), shape: [channels, height, width], scaling: scaling.clone() };
    let set = Gpu::image_set(|| images, &device).expect("GPUs keep images");
    let indices = [3, 0, 3];
    let on_device = Tensor::from_data(indices.map(|index: usize| index as i32).as_slice(), &device);
    let still =
        ImageTransform { linear: [[1.0, 0.0], [0.0, 1.0]], shift: [0.0; 2], contrast: 1.0, brightness: 0.0 };
    let transforms = [
        still,
        ImageTransform { linear: [[0.8, -0.6], [0.6, 0.8]], shift: [0.3, -9.4], ..still },
        ImageTransform { shift: [-1.0, 20.0], contrast: 1.4, brightness: -20.0, ..still },
    ];
    let expected = |transforms: &[ImageTransform]| -> Vec<f32> {
        let images = indices.iter().zip(transforms);
        let planes = images
            .flat_map(|(image, transform)| (0..channels).map(move |channel| (image, channel, transform)));
        let scaled = |(image, channel, transform): (&usize, usize, &ImageTransform)| {
            let (offset, divisor) = scaling[channel];
            let plane = &pixels[(image * channels + channel) * plane..][..plane];
            transformed(plane, [height, width], transform)
                .into_iter()
                .map(move |pixel| (pixel - offset) / divisor)
        };
        planes.flat_map(scaled).collect()
    };
    let [plain, ours] =
        [None, Some(transforms.as_slice())].map(|transforms| values(&set.gather(&on_device, transforms)));
    assert_eq!(plain, expected(&[still; 3]));
    check_close(&[ours], &[expected(&transforms)]);
}

fn of_slices<B: Kernels>(device: &B::Device) -> Vec<Vec<f32>> {
    let [batch, depth, outputs] = [16, 64, 32];
    let tail = |shape: [usize; 3], index| random::<B>(shape, index, device).slice(2..4);
    let transposed = |index| random::<B>([2, depth, batch], index, device).swap_dims(1, 2);
    let (weight, bias) = (Weights::new(tail([4, depth, outputs], 1)), tail([4, 1, outputs], 2));
    let delta = tail([4, batch, outputs], 3);
    let input = Input::from(transposed(4));
    let product = B::dense(&input, &weight, Some(&bias), Precision::Full);
    let update =
        WeightUpdate { weight: Parameter::new(weight, Optimizer::ADAM.kind()), input: &input, delta: &delta };
    let learned =
        B::learn_weights(vec![update], &step(Optimizer::ADAM, &[0, 1], device), Precision::Full).remove(0);
    let scaled = B::scale(delta.clone(), &random([2, batch, outputs], 5, device));
    [product, learned.value.plain(), scaled, B::bias_gradient(&delta)].iter().map(values).collect()
}

#[test]
fn slices_and_transposed_tensors_are_read_in_place() {
    check!(of_slices);
}

#[test]
fn tf32_products_are_those_in_full_precision_up_to_the_rounding_of_factors() {
    let Some(device) = device() else { return };
    if !Gpu::supports(Precision::Tf32, &device) {
        return;
    }
    for [batch, depth, outputs] in SHAPES {
        let weight = Weights::new(random::<Gpu>([3, depth, outputs], 1, &device));
        let delta = random::<Gpu>([3, batch, outputs], 6, &device);
        for input in inputs::<Gpu>(batch, depth, &device) {
            let products = |precision| {
                let update = WeightUpdate {
                    weight: Parameter::new(weight.clone(), Optimizer::ADAM.kind()),
                    input: &input,
                    delta: &delta,
                };
                let learned =
                    Gpu::learn_weights(vec![update], &step(Optimizer::ADAM, &[0, 1, 2], &device), precision)
                        .remove(0);
                [
                    Gpu::dense(&input, &weight, None, precision),
                    Gpu::dense_transposed(&delta, &weight, precision),
                    Gpu::weight_gradient(&input, &delta, precision).plain(),
                    learned.states[0].plain(),
                ]
            };
            for (rounded, full) in products(Precision::Tf32).iter().zip(&products(Precision::Full)) {
                let bound = 2e-3 * (depth.max(outputs).max(batch) as f32).sqrt();
                let differences = values(rounded).into_iter().zip(values(full)).map(|(a, b)| (a - b).abs());
                assert!(differences.fold(0.0, f32::max) <= bound);
            }
        }
    }
}
