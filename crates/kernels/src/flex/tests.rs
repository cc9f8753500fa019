//! The kernels against plain tensor operations, and their bits against the number of threads.

use burn::tensor::{TensorData, activation::sigmoid};
use cpu::InstructionSet;
use settings::{Activation, Loss, Optimizer, Precision};

use super::{product::BLOCK_ROWS, *};
use crate::{
    Activated, BATCH_NORM_EPSILON, ElementwiseKernels, LEAK, LayerDropout, NormalizationKernels,
    OptimizerStep, OutputError, Parameter, ProductKernels, ReductionKernels, RowKernels, Sets, Squash,
    UpdateKernels, WeightUpdate, Weights,
    optimizer::tests::{OPTIMIZERS, of_trial},
};

fn random(shape: [usize; 3], index: u64) -> Tensor<Flex, 3> {
    let mut stream = random::stream(3, "test", &[index]);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| random::uniform(&mut stream) - 0.5).collect();
    Tensor::from_data(TensorData::new(values, shape), &Default::default())
}

fn values(tensor: &Tensor<Flex, 3>) -> Vec<f32> {
    tensor.clone().into_data().into_vec().expect("f32")
}

/// Returns the first step of trials whose optimizers are of one kind and differ in every number.
fn step(trials: usize, optimizer: Optimizer) -> OptimizerStep<Flex> {
    let [rates, decays, kept] = [90, 91, 92].map(|index| random([trials, 1, 1], index).add_scalar(0.6));
    let rates = values(&rates).into_iter().map(f64::from);
    let optimizers: Vec<(Optimizer, f64)> =
        rates.enumerate().map(|(trial, rate)| (of_trial(optimizer, trial), rate)).collect();
    OptimizerStep {
        weight_decay: Some(decays),
        kept: Some(kept),
        ..OptimizerStep::new(&optimizers, 1, &Default::default())
    }
}

/// More than one block or panel each way, and last ones that are not full.
const SHAPE: [usize; 3] = [2 * BLOCK_ROWS + 3, 301, 75];

const FULL: Precision = Precision::Full;

#[track_caller]
fn check_close(ours: &Tensor<Flex, 3>, plain: &Tensor<Flex, 3>) {
    assert_eq!(ours.dims(), plain.dims());
    for (ours, plain) in values(ours).iter().zip(values(plain)) {
        assert!((ours - plain).abs() <= 2e-5 * plain.abs().max(1.0), "{ours} {plain}");
    }
}

/// Returns the output of `activation` and its slope in plain tensor operations.
fn activated(activation: Activation, preactivation: Tensor<Flex, 3>) -> Activated<Flex> {
    let (output, slope) = match activation {
        Activation::Tanh => {
            let output = preactivation.tanh();
            (output.clone(), output.powi_scalar(2).neg().add_scalar(1.0))
        }
        Activation::Relu => {
            let slope = preactivation.clone().greater_equal_elem(0.0).float();
            (preactivation * slope.clone(), slope)
        }
        Activation::Swish => {
            let gate = sigmoid(preactivation.clone());
            let output = preactivation * gate.clone();
            // d/dv v s(v) = s + v s (1 - s) = s + h (1 - s).
            (output.clone(), gate.clone() + output * gate.neg().add_scalar(1.0))
        }
        Activation::LeakyRelu => {
            let slope =
                preactivation.clone().greater_elem(0.0).float().mul_scalar(1.0 - LEAK).add_scalar(LEAK);
            (preactivation * slope.clone(), slope)
        }
        Activation::Sigmoid => {
            let output = sigmoid(preactivation);
            (output.clone(), output.clone() * output.neg().add_scalar(1.0))
        }
        Activation::Elu => {
            let (power, is_above) = (preactivation.clone().exp(), preactivation.clone().greater_elem(0.0));
            let output = power.clone().sub_scalar(1.0).mask_where(is_above.clone(), preactivation);
            (output, power.mask_fill(is_above, 1.0))
        }
    };
    Activated { output, slope }
}

#[test]
fn an_inner_product_is_summed_in_double_precision() {
    let (left, right) = (random([3, 130, 201], 5), random([3, 130, 201], 6));
    let ours: Vec<f32> = Flex::inner_product(&left, &right).into_data().into_vec().expect("f32");
    let (left, right) = (values(&left), values(&right));
    for (trial, ours) in ours.iter().enumerate() {
        let part = trial * 130 * 201..(trial + 1) * 130 * 201;
        let pairs = left[part.clone()].iter().zip(&right[part]);
        let exact: f64 = pairs.map(|(left, right)| f64::from(*left) * f64::from(*right)).sum();
        assert!((f64::from(*ours) - exact).abs() <= 1e-6 * exact.abs(), "{ours} {exact}");
    }
}

#[test]
fn products_are_those_of_plain_tensor_operations() {
    let [batch, inputs, outputs] = SHAPE;
    let (plain_weight, bias) = (random([3, inputs, outputs], 1), random([3, 1, outputs], 2));
    let weight = Weights::new(plain_weight.clone());
    for input_trials in [1, 3] {
        let input = random([input_trials, batch, inputs], 3);
        let shared = Input::from(input.clone());
        let signal = random([input_trials, batch, outputs], 4);
        let product = input.clone().matmul(plain_weight.clone());
        check_close(&Flex::dense(&shared, &weight, None, FULL), &product);
        let plain = product + bias.clone();
        check_close(&Flex::dense(&shared, &weight, Some(&bias), FULL), &plain);
        let ours = Flex::dense_activated(Activation::Tanh, &shared, &weight, Some(&bias), FULL);
        let plain = activated(Activation::Tanh, plain);
        check_close(&ours.output, &plain.output);
        check_close(&ours.slope, &plain.slope);
        let plain = signal.clone().matmul(plain_weight.clone().transpose());
        check_close(&Flex::dense_transposed(&signal, &weight, FULL), &plain);
        check_close(&Flex::gram(&signal), &signal.clone().matmul(signal.clone().transpose()));
        let delta = random([3, batch, outputs], 5);
        let plain = input.clone().transpose().matmul(delta.clone());
        check_close(&Flex::weight_gradient(&shared, &delta, FULL).plain(), &plain);
        check_close(&Flex::bias_gradient(&delta), &delta.sum_dim(1));
    }
}

#[test]
fn inputs_that_trials_share_give_what_copies_of_them_give() {
    let [batch, inputs, outputs] = SHAPE;
    let (weight, delta) = (Weights::new(random([5, inputs, outputs], 1)), random([5, batch, outputs], 5));
    let sets = Sets::new(vec![1, 0, 2, 1, 1], &Default::default());
    let shared = Input::shared(random([3, batch, inputs], 3), std::sync::Arc::new(sets));
    let copied = Input::from(shared.per_trial());
    assert_eq!(copied.values.dims(), [5, batch, inputs]);
    let of = |input: &Input<Flex>| {
        let activated = Flex::dense_activated(Activation::Tanh, input, &weight, None, FULL);
        let update = WeightUpdate {
            weight: Parameter::new(weight.clone(), Optimizer::ADAM.kind()),
            input,
            delta: &delta,
        };
        let learned =
            Flex::learn_weights(vec![update], &step(5, Optimizer::ADAM), FULL).pop().expect("one was given");
        let product = Flex::dense(input, &weight, None, FULL);
        let gradient = Flex::weight_gradient(input, &delta, FULL);
        [activated.output, learned.value.values, product, gradient.values].map(|tensor| values(&tensor))
    };
    assert!(of(&shared) == of(&copied));
}

#[test]
fn dropout_factors_follow_the_stream_of_draws() {
    let dropouts = [0.0, 0.3].map(|rate| LayerDropout {
        rate,
        kept: 1.0 / (1.0 - rate),
        key: random::key(3, "test", &[0]),
    });
    let (batch, units) = (3, CHUNK + 5);
    let factors = values(&Flex::dropout_factors(&dropouts, batch, units, &Default::default()));
    let [all, some] = dropouts.map(|dropout| {
        let mut stream = dropout.key.stream();
        let draws = (0..batch * units).map(|_| random::uniform(&mut stream));
        draws.map(|draw| if draw < dropout.rate { 0.0 } else { dropout.kept }).collect::<Vec<f32>>()
    });
    assert!(factors == [all, some].concat());
}

/// Returns batch norm in plain tensor operations: output, standardized values, gain, mean and variance.
fn normalized(
    preactivation: &Tensor<Flex, 3>,
    scale: &Tensor<Flex, 3>,
    shift: &Tensor<Flex, 3>,
) -> [Tensor<Flex, 3>; 5] {
    let mean = preactivation.clone().mean_dim(1);
    let centered = preactivation.clone() - mean.clone();
    let variance = centered.clone().powi_scalar(2).mean_dim(1);
    let inverse_deviation = variance.clone().add_scalar(BATCH_NORM_EPSILON).sqrt().recip();
    let standardized = centered * inverse_deviation.clone();
    let output = standardized.clone() * scale.clone() + shift.clone();
    [output, standardized, scale.clone() * inverse_deviation, mean, variance]
}

#[test]
fn batch_norm_is_that_of_plain_tensor_operations() {
    let shape @ [trials, _, units] = [2, 70, 131];
    let (preactivation, signal) = (random(shape, 1), random(shape, 2));
    let [scale, shift] = [3, 4].map(|index| random([trials, 1, units], index));
    let (output, ours) = Flex::normalize(preactivation.clone(), &scale, &shift);
    let [plain, standardized, gain, mean, variance] = normalized(&preactivation, &scale, &shift);
    check_close(&output, &plain);
    check_close(&ours.standardized, &standardized);
    check_close(&ours.gain, &gain);
    check_close(&ours.mean, &mean);
    check_close(&ours.variance, &variance);
    let product = signal.clone() * standardized.clone();
    let delta =
        (signal.clone() - signal.clone().mean_dim(1) - standardized * product.clone().mean_dim(1)) * gain;
    check_close(&Flex::normalization_delta(&ours, &signal), &delta);
    let [of_scale, of_shift] = Flex::normalization_gradients(&ours, &signal);
    check_close(&of_scale, &product.sum_dim(1));
    check_close(&of_shift, &signal.sum_dim(1));
}

#[test]
fn sigmoid_and_squared_losses_are_those_of_plain_tensor_operations() {
    let shape @ [trials, batch, outputs] = [3, 9, 11];
    let (logits, target) = (random(shape, 1).mul_scalar(8.0), random([1, batch, outputs], 2));
    let examples = (batch * outputs) as f64;
    let mean = |values: Tensor<Flex, 3>| values.sum_dim(2).sum_dim(1).div_scalar(examples);
    let ours = Flex::output_error(Loss::SigmoidCrossEntropy, &logits, &target);
    let output = sigmoid(logits.clone());
    let ones = output.ones_like();
    let loss = target.clone() * output.clone().log()
        + (ones.clone() - target.clone()) * (ones - output.clone()).log();
    check_close(&ours.loss.reshape([trials, 1, 1]), &mean(loss.neg()));
    check_close(&ours.error.mul_scalar(examples), &(output - target.clone()));
    let ours = Flex::output_error(Loss::MeanSquaredError, &logits, &target);
    let difference = logits.clone() - target.clone();
    check_close(&ours.loss.reshape([trials, 1, 1]), &mean(difference.clone().powi_scalar(2)));
    check_close(&ours.error.mul_scalar(examples), &difference.mul_scalar(2.0));
    let label = target.argmax(2).expand([trials, batch, 1]);
    let wrong = logits.argmax(2).not_equal(label).float().sum_dim(1);
    check_close(&ours.mistakes.expect("there are labels").reshape([trials, 1, 1]), &wrong);
    let large = Flex::output_error(
        Loss::SigmoidCrossEntropy,
        &Tensor::full([1, 1, 1], 200.0, &Default::default()),
        &Tensor::zeros([1, 1, 1], &Default::default()),
    );
    assert_eq!(large.loss.into_scalar(), 200.0);
}

#[test]
fn cross_entropy_is_that_of_the_log_softmax() {
    let [trials, batch, outputs] = [3, 9, 11];
    let mut labels = vec![0.0; batch * outputs];
    (0..batch).for_each(|row| labels[row * outputs + row * 7 % outputs] = 1.0);
    let target =
        Tensor::<Flex, 3>::from_data(TensorData::new(labels, [1, batch, outputs]), &Default::default());
    for size in [1.0, 300.0] {
        let logits = random([trials, batch, outputs], 1).mul_scalar(size);
        let ours = Flex::output_error(Loss::SoftmaxCrossEntropy, &logits, &target);
        let log_probability = burn::tensor::activation::log_softmax(logits.clone(), 2);
        let loss = (log_probability.clone() * target.clone()).sum_dim(2).mean_dim(1).neg();
        check_close(&ours.loss.reshape([trials, 1, 1]), &loss);
        check_close(&ours.error, &(log_probability.exp() - target.clone()).div_scalar(batch as f64));
        let label = target.clone().argmax(2).expand([trials, batch, 1]);
        let wrong = logits.argmax(2).not_equal(label).float().sum_dim(1);
        check_close(&ours.mistakes.expect("there are labels").reshape([trials, 1, 1]), &wrong);
    }
    let dead = Tensor::<Flex, 3>::full([1, 1, 3], f32::NAN, &Default::default());
    assert!(
        Flex::output_error(Loss::SoftmaxCrossEntropy, &dead, &Tensor::ones([1, 1, 3], &Default::default()))
            .loss
            .into_scalar()
            .is_nan()
    );
}

/// Runs every kind of kernel in a pool of `threads`, one of which has work of its own. Returns the bits of the results.
fn bits_of_all_kernels(threads: usize) -> Vec<u32> {
    let [batch, inputs, outputs] = SHAPE;
    let bits = std::sync::Mutex::new(Vec::new());
    let work = || {
        let (input, signal) = (random([1, batch, inputs], 3).into(), random([2, batch, outputs], 4));
        let weight = Parameter::new(Weights::new(random([2, inputs, outputs], 1)), Optimizer::ADAM.kind());
        let bias = random([2, 1, outputs], 2);
        let Activated { output, slope } =
            Flex::dense_activated(Activation::Swish, &input, &weight.value, Some(&bias), FULL);
        let back = Flex::dense_transposed(&signal, &weight.value, FULL);
        let gram = Flex::gram(&signal);
        let delta = Flex::scale(signal, &slope);
        let gradient = Flex::weight_gradient(&input, &delta, FULL).plain();
        let learn = |weight: &Parameter<Weights<Flex>>, optimizer: Optimizer| {
            let weight = Parameter::new(weight.value.clone(), optimizer.kind());
            let update = WeightUpdate { weight, input: &input, delta: &delta };
            Flex::learn_weights(vec![update], &step(2, optimizer), FULL).pop().expect("one was given")
        };
        let by_others = OPTIMIZERS.map(|optimizer| learn(&weight, optimizer).value.plain());
        let learned = learn(&weight, Optimizer::ADAM);
        let squashed =
            [Squash::Tanh, Squash::Sigmoid].map(|squash| Flex::squash(squash, output.clone()).slope);
        let (normal, normalized) = Flex::normalize(output.clone(), &bias, &bias);
        let through = Flex::normalization_delta(&normalized, &delta);
        let [of_scale, of_shift] = Flex::normalization_gradients(&normalized, &delta);
        let by_losses = [Loss::SigmoidCrossEntropy, Loss::MeanSquaredError]
            .map(|loss| Flex::output_error(loss, &output, &slope).error);
        let OutputError { loss, error, .. } = Flex::output_error(Loss::SoftmaxCrossEntropy, &output, &slope);
        let of_weights = Flex::weights_inner_product(&learned.value, &learned.states[0]);
        let numbers = [loss, Flex::inner_product(&output, &slope), of_weights]
            .map(|numbers| numbers.reshape([2, 1, 1]));
        let adam = step(2, Optimizer::ADAM);
        let learned_bias = Flex::learn(
            Parameter::new(bias.clone(), Optimizer::ADAM.kind()),
            Flex::bias_gradient(&delta),
            &adam,
        )
        .value;
        let learned = learned.map(|weights| weights.plain());
        let factors = Flex::square_sums(&output);
        let rows = [
            Flex::divide_by_root_mean_square(output.clone()),
            Flex::rows(&output, 1..batch - 1),
            Flex::add_to_first_rows(Flex::scale_rows(output.clone(), &factors), &bias, batch / 2),
            Flex::join_columns(&[(&output, 0..outputs), (&slope, 1..outputs)]),
        ];
        let tensors = [output, slope, back, delta, gradient, learned.value, learned.states[1].clone()];
        let others = [gram, normal, through, of_scale, of_shift, error, learned_bias];
        for tensor in tensors
            .iter()
            .chain(&others)
            .chain(&by_others)
            .chain(&by_losses)
            .chain(&squashed)
            .chain(&numbers)
            .chain(&rows)
        {
            bits.lock()
                .expect("no thread panicked")
                .extend(values(tensor).iter().map(|value| value.to_bits()));
        }
    };
    let mut places = threads::places(threads);
    let own = places.remove(0);
    std::thread::scope(|scope| {
        for place in places {
            scope.spawn(move || place.take_part(|| ()));
        }
        own.take_part(work);
    });
    bits.into_inner().expect("no thread panicked")
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let alone = bits_of_all_kernels(1);
    assert!(bits_of_all_kernels(2) == alone && bits_of_all_kernels(3) == alone);
}

#[test]
fn any_instruction_set_gives_the_same_bits() {
    let widest = bits_of_all_kernels(1);
    for set in InstructionSet::available() {
        assert!(set.within(|| bits_of_all_kernels(1)) == widest, "{set:?}");
    }
}

#[test]
fn fused_learning_is_the_gradient_and_then_the_optimizer() {
    let (trials, [batch, inputs, outputs]) = (3, SHAPE);
    for (optimizer, input_trials) in OPTIMIZERS.into_iter().zip([1, trials].into_iter().cycle()) {
        let step = step(trials, optimizer);
        let input = Input::from(random([input_trials, batch, inputs], 1));
        let fused = [2, 3].map(|index| Weights::new(random([trials, inputs, outputs], index)));
        let mut fused = fused.map(|weights| Parameter::new(weights, optimizer.kind())).to_vec();
        let mut plain: Vec<_> =
            fused.iter().map(|parameter| parameter.clone().map(|weights| weights.plain())).collect();
        for round in 0..3 {
            let deltas =
                [10, 20].map(|index| random([trials, batch, outputs], index + round).mul_scalar(0.1));
            let updates = fused.into_iter().zip(&deltas);
            let updates =
                updates.map(|(weight, delta)| WeightUpdate { weight, input: &input, delta }).collect();
            fused = Flex::learn_weights(updates, &step, FULL);
            for (plain, delta) in plain.iter_mut().zip(&deltas) {
                let [decay, kept] =
                    [&step.weight_decay, &step.kept].map(|given| given.clone().expect("given"));
                let gradient =
                    Flex::weight_gradient(&input, delta, FULL).plain() + plain.value.clone() * decay;
                let value = plain.value.clone() * kept;
                *plain = Flex::learn(Parameter { value, ..plain.clone() }, gradient, &step);
            }
        }
        fused.iter().zip(&plain).for_each(|(fused, plain)| check_close(&fused.value.plain(), &plain.value));
    }
}

#[test]
fn the_optimizers_are_those_of_the_formulas() {
    let numbers = [0.3_f64, -0.2, 0.05];
    let gradient = Tensor::<Flex, 3>::from_data([[numbers]], &Default::default());
    for optimizer in OPTIMIZERS {
        let mut parameter = Parameter::new(Tensor::zeros([1, 1, 3], &Default::default()), optimizer.kind());
        for number in 1..=2 {
            let step = OptimizerStep::new(&[(optimizer, 0.1)], number, &Default::default());
            parameter = Flex::learn(parameter, gradient.clone(), &step);
        }
        for (value, g) in values(&parameter.value).into_iter().zip(numbers) {
            let wanted = match optimizer {
                // A constant gradient has itself as its corrected average.
                Optimizer::Adam { .. } => -0.2 * g.signum(),
                Optimizer::RmsProp { epsilon, .. } => {
                    let of = |square: f64| g / ((square * g * g).sqrt() + epsilon);
                    -0.1 * (of(0.1) + of(0.19))
                }
                Optimizer::Sgd { momentum: 0.0, .. } => -0.2 * g,
                Optimizer::Sgd { nesterov: false, .. } => -0.1 * (1.0 + 1.9) * g,
                Optimizer::Sgd { nesterov: true, .. } => -0.1 * (1.9 + 1.0 + 0.9 * 1.9) * g,
            };
            assert!((f64::from(value) - wanted).abs() < 1e-4, "{optimizer:?}: {value} {wanted}");
        }
    }
}

#[test]
fn a_clone_of_a_parameter_does_not_change_when_the_parameter_learns() {
    let parameter = Parameter::new(random([1, 4, 3], 1), Optimizer::ADAM.kind());
    let before = values(&parameter.value);
    let held = parameter.clone();
    let _ = Flex::learn(parameter, random([1, 4, 3], 2), &step(1, Optimizer::ADAM));
    assert_eq!(values(&held.value), before);
}

#[test]
fn activation_and_slope_are_those_of_plain_tensor_operations() {
    for activation in Activation::ALL {
        let preactivation = random([2, 5, 33], 1).mul_scalar(6.0);
        let Activated { output, slope } = Flex::activate(activation, preactivation.clone());
        let plain = activated(activation, preactivation);
        for (ours, plain) in [(&output, &plain.output), (&slope, &plain.slope)] {
            for (ours, plain) in values(ours).iter().zip(values(plain)) {
                assert!((ours - plain).abs() <= 2e-6, "{activation:?}: {ours} {plain}");
            }
        }
        let dead = Tensor::full([1, 1, 1], f32::NAN, &Default::default());
        assert!(Flex::activate(activation, dead).output.into_scalar().is_nan(), "{activation:?}");
    }
}

#[test]
fn operations_on_rows_are_those_of_plain_tensors() {
    for shape in [[1, 5, 3], [3, 70, 301]] {
        let [trials, rows, columns] = shape;
        let some = random(shape, 60);
        let root = (some.clone() * some.clone()).mean_dim(2).sqrt();
        check_close(&Flex::divide_by_root_mean_square(some.clone()), &(some.clone() / root));
        check_close(&Flex::square_sums(&some), &(some.clone() * some.clone()).sum_dim(2));
        let part = |from, to| some.clone().slice([0..trials, from..to, 0..columns]);
        check_close(&Flex::rows(&some, 2..rows), &part(2, rows));
        let factors = random([trials, rows, 1], 61);
        check_close(&Flex::scale_rows(some.clone(), &factors), &(some.clone() * factors));
        let added = random([trials, 1, columns], 62);
        let wanted = Tensor::cat(vec![part(0, 2) + added.clone(), part(2, rows)], 1);
        check_close(&Flex::add_to_first_rows(some.clone(), &added, 2), &wanted);
        let narrow = random([1, rows * 3, 2], 63);
        let repeated = some.clone().slice([0..trials, 0..rows, 1..columns]).repeat_dim(1, 3);
        let wanted = Tensor::cat(vec![narrow.clone().repeat_dim(0, trials), repeated], 2);
        check_close(&Flex::join_columns(&[(&narrow, 0..2), (&some, 1..columns)]), &wanted);
    }
    let zeros = Tensor::<Flex, 3>::zeros([1, 2, 3], &Default::default());
    assert_eq!(values(&Flex::divide_by_root_mean_square(zeros)), [0.0; 6]);
}
