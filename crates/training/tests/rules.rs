//! Properties of every rule, tested on the mathematics.

use algorithms::{Rule, Teacher, pass::LayerSignal, rule::Hidden};
use burn::tensor::{Tensor, TensorData};
use burn_flex::Flex;
use kernels::{OutputError, ProductKernels, Squash, Weights};
use model::{Architecture, Objective, Trace, checkpoint::Array};
use random::standard_normal;
use settings::{
    Activation, Algorithm, Configuration, FeedbackShape, ForwardForward, Initialization, LabelPlace,
    LayerOrder, Loss, Magnitude, Negatives, Optimizer, Precision, Prediction, TargetLoss, Trial,
};
use tracker::StepInEpoch;
use training::{Batch, Population, Step, TrainState};

type Cube = Tensor<Flex, 3>;

const STEP_IN_EPOCH: StepInEpoch = StepInEpoch { epoch: 1, step: 0, steps: 1 };
const BATCH: usize = 6;

fn population(algorithm: Algorithm, hidden: &[usize]) -> Population {
    let trial = Trial { configuration: Configuration::new(algorithm, &[1], 0.01), seed: 1 };
    Population {
        architecture: Architecture {
            inputs: 7,
            hidden: hidden.into(),
            outputs: 4,
            activation: Activation::Tanh,
            batch_norm: false,
            bias: true,
            output_bias: true,
            wiring: training::wiring(&trial.configuration),
            objective: Objective::Classification(Loss::SoftmaxCrossEntropy),
        },
        squash: Squash::Tanh,
        precision: Precision::Full,
        epochs: 1,
        batch_size: BATCH,
        trackers: Vec::new(),
        trials: vec![trial],
    }
}

fn rule(algorithm: Algorithm) -> Rule<Flex> {
    algorithms::rule(&Configuration::new(algorithm, &[1], 0.01), Squash::Tanh)
}

fn normal(shape: [usize; 3], index: u64) -> Cube {
    let mut stream = random::stream(5, "test", &[index]);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| standard_normal(&mut stream) as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), &Default::default())
}

fn batch() -> Batch<Flex> {
    let mut target = vec![0.0_f32; BATCH * 4];
    for (row, target) in target.chunks_mut(4).enumerate() {
        target[row % 4] = 1.0;
    }
    let target = Tensor::from_data(TensorData::new(target, [1, BATCH, 4]), &Default::default());
    Batch { input: normal([1, BATCH, 7], 0).into(), target }
}

fn sum(values: Cube) -> f64 {
    f64::from(values.sum().into_scalar())
}

fn values(tensor: &Cube) -> Vec<f32> {
    tensor.clone().into_data().into_vec().expect("f32")
}

/// Returns `rule` with the arrays of the first group.
fn teacher<'a>(train_state: &'a TrainState<Flex>, rule: &'a Rule<Flex>) -> Teacher<'a, Flex> {
    Teacher { rule, ..train_state.groups[0].teacher() }
}

/// Returns the weight gradient of every hidden layer under `rule`.
fn gradients(train_state: &TrainState<Flex>, batch: &Batch<Flex>, rule: &Rule<Flex>) -> Vec<Cube> {
    let step = Step::new(train_state, batch, STEP_IN_EPOCH);
    let (pass, network) = (step.pass(), &train_state.network);
    let forward = pass.forward(network);
    let error = pass.output_error(network, &forward.top).error;
    let signals = pass.layer_signals(network, &teacher(train_state, rule), &forward, &error);
    let gradient = |(trace, signal): (&Trace<Flex>, &LayerSignal<Flex>)| {
        let input = signal.input(&trace.input);
        Flex::weight_gradient(input, &signal.delta.preactivation, Precision::Full).plain()
    };
    forward.traces.iter().zip(&signals).map(gradient).collect()
}

/// Returns the loss whose gradient at hidden layer `layer` the rule follows; `error` is held fixed.
fn loss(
    train_state: &TrainState<Flex>,
    batch: &Batch<Flex>,
    rule: &Rule<Flex>,
    layer: usize,
    error: &Cube,
) -> f64 {
    let algorithm = train_state.trials[0].configuration.algorithm;
    let is_mean = algorithm == Algorithm::LocalLoss(TargetLoss::LearnedCrossEntropy);
    let examples_in_mean = if is_mean { BATCH as f64 } else { 1.0 };
    let step = Step::new(train_state, batch, STEP_IN_EPOCH);
    let forward = step.pass().forward(&train_state.network);
    let hidden = |layer: usize| Hidden {
        activation: &forward.traces[layer].activation,
        feedback: &train_state.groups[0].feedback[layer],
    };
    let loss = match rule {
        Rule::Local(rule) => rule.loss(&hidden(layer), &batch.target).div_scalar(examples_in_mean),
        Rule::OutputError(rule) => rule.loss(&hidden(layer), error),
        Rule::LayerAbove(None) => step.pass().output_error(&train_state.network, &forward.top).loss,
        Rule::Contrast(rule) => {
            let trace = &forward.traces[layer];
            let contrast = train_state.groups[0].teacher().contrast(rule, layer, trace, BATCH);
            contrast.loss()
                + contrast.peer_loss().expect("it is the default").mul_scalar(rule.peer_normalization)
        }
        Rule::LayerAbove(Some(_)) | Rule::SecondPass(_) | Rule::Untrained => {
            panic!("these rules follow no loss")
        }
    };
    f64::from(loss.into_scalar())
}

/// Returns every combination of an activation without kinks and a loss.
fn smooth_activations_and_losses() -> impl Iterator<Item = (Activation, Loss)> {
    let losses = [Loss::SoftmaxCrossEntropy, Loss::SigmoidCrossEntropy, Loss::MeanSquaredError];
    [Activation::Tanh, Activation::Swish, Activation::Sigmoid, Activation::Elu]
        .into_iter()
        .flat_map(move |activation| losses.map(|loss| (activation, loss)))
}

#[test]
fn every_gradient_is_the_slope_of_the_rules_own_loss() {
    const STEP: f64 = 2e-3;
    let has_loss = |algorithm: &Algorithm| {
        let rule = rule(*algorithm);
        !matches!(rule, Rule::LayerAbove(Some(_)) | Rule::SecondPass(_) | Rule::Untrained)
    };
    for algorithm in Algorithm::ALL.into_iter().filter(has_loss) {
        for (activation, loss_of_output) in smooth_activations_and_losses() {
            for batch_norm in [false, true].into_iter().filter(|on| algorithm.allows_batch_norm() || !on) {
                let mut population = population(algorithm, &[8, 5]);
                population.architecture.activation = activation;
                population.architecture.batch_norm = batch_norm;
                population.architecture.objective = Objective::Classification(loss_of_output);
                let train_state = TrainState::<Flex>::new(&population, &Default::default());
                let (batch, rule) = (batch(), rule(algorithm));
                let step = Step::new(&train_state, &batch, STEP_IN_EPOCH);
                let top = step.pass().forward(&train_state.network).top;
                let error = step.pass().output_error(&train_state.network, &top).error;
                for (layer, gradient) in gradients(&train_state, &batch, &rule).into_iter().enumerate() {
                    let direction = normal(gradient.dims(), 1 + layer as u64);
                    let moved = |by: f64| {
                        let mut moved = train_state.clone();
                        let weight = &mut moved.network.hidden[layer].weight;
                        weight.value = Weights::new(weight.value.plain() + direction.clone().mul_scalar(by));
                        loss(&moved, &batch, &rule, layer, &error)
                    };
                    let slope = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
                    let predicted = sum(gradient * direction.clone());
                    let scale = slope.abs().max(0.05);
                    assert!(
                        (slope - predicted).abs() < 0.02 * scale,
                        "{algorithm:?} {activation:?} {loss_of_output:?} batch norm {batch_norm} layer {layer}: slope {slope}, gradient {predicted}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_gradient_of_feedback_that_learns_is_the_slope_of_the_rules_loss() {
    const STEP: f64 = 2e-3;
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| algorithm.trains_feedback()) {
        let train_state = TrainState::<Flex>::new(&population(algorithm, &[8, 5]), &Default::default());
        let (batch, rule) = (batch(), rule(algorithm));
        let step = Step::new(&train_state, &batch, STEP_IN_EPOCH);
        let (forward, OutputError { error, .. }) = step.pass().forward_and_error(&train_state.network);
        let taught = step.pass().teach(&train_state.network, &train_state.groups, &forward, &error);
        for (layer, delta) in taught.feedback[0].iter().enumerate() {
            let input = forward.traces[layer].activation.clone().into();
            let gradient = Flex::weight_gradient(&input, delta, Precision::Full).plain();
            let direction = normal(gradient.dims(), 1 + layer as u64);
            let moved = |by: f64| {
                let mut moved = train_state.clone();
                let matrix = &mut moved.groups[0].feedback[layer];
                *matrix = Weights::new(matrix.plain() + direction.clone().mul_scalar(by));
                loss(&moved, &batch, &rule, layer, &error)
            };
            let slope = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            let predicted = sum(gradient * direction.clone());
            assert!(
                (slope - predicted).abs() < 0.02 * slope.abs().max(0.05),
                "{algorithm:?} layer {layer}: {slope} {predicted}"
            );
        }
    }
}

#[test]
fn feedback_alignment_through_the_forward_weights_is_backprop() {
    let mut population = population(Algorithm::FeedbackAlignment, &[8, 6, 5]);
    population.architecture.batch_norm = true;
    for aligned in [
        Configuration { weights: Initialization::Aligned, ..population.trials[0].configuration.clone() },
        Configuration {
            feedback: Some(Initialization::Aligned),
            ..population.trials[0].configuration.clone()
        },
    ] {
        population.trials[0].configuration = aligned;
        let train_state = TrainState::<Flex>::new(&population, &Default::default());
        let of = |algorithm| gradients(&train_state, &batch(), &rule(algorithm));
        for (own, exact) in of(Algorithm::FeedbackAlignment).iter().zip(of(Algorithm::Backprop)) {
            assert_eq!(values(own), values(&exact));
        }
    }
}

#[test]
fn backward_weights_with_the_forward_weights_signs_and_magnitudes_are_the_forward_weights() {
    // Magnitudes that are those of the forward weights, with other signs.
    let mut train_state = TrainState::<Flex>::new(
        &population(Algorithm::SignSymmetric(Magnitude::Fixed), &[8, 5]),
        &Default::default(),
    );
    let network = &train_state.network;
    let above = [&network.hidden[1], &network.output].map(|layer| layer.weight.value.plain().neg());
    train_state.groups[0].feedback = above.map(Weights::new).into();
    let of = |algorithm| gradients(&train_state, &batch(), &rule(algorithm));
    let pairs = of(Algorithm::SignSymmetric(Magnitude::Fixed)).into_iter().zip(of(Algorithm::Backprop));
    for (own, exact) in pairs {
        assert_eq!(values(&own), values(&exact));
    }
}

#[test]
fn sign_dfa_ignores_the_size_of_the_error_and_is_dfa_of_its_sign() {
    let train_state = TrainState::<Flex>::new(&population(Algorithm::SignDfa, &[8, 5]), &Default::default());
    let batch = batch();
    let step = Step::new(&train_state, &batch, STEP_IN_EPOCH);
    let (pass, network) = (step.pass(), &train_state.network);
    let (forward, error) = pass.forward_and_error(network);
    let signals = |algorithm, error: &Cube| -> Vec<Vec<f32>> {
        let rule = rule(algorithm);
        let signals = pass.layer_signals(network, &teacher(&train_state, &rule), &forward, error);
        signals[..2].iter().map(|signal| values(&signal.signal)).collect()
    };
    let wanted = signals(Algorithm::Dfa, &error.error.clone().sign());
    for factor in [1.0, 1e-3, 700.0] {
        assert_eq!(signals(Algorithm::SignDfa, &error.error.clone().mul_scalar(factor)), wanted);
    }
}

#[test]
fn shallow_training_leaves_hidden_layers_alone_with_any_decay_and_trains_the_output() {
    let mut population = population(Algorithm::Shallow, &[8, 5]);
    population.architecture.batch_norm = true;
    let configuration = &mut population.trials[0].configuration;
    (configuration.weight_decay, configuration.decoupled_decay) = (0.1, 0.1);
    for (optimizer, clip_norm) in
        [(Optimizer::ADAM, None), (Optimizer::Sgd { momentum: 0.9, nesterov: false }, Some(0.1))]
    {
        let configuration = &mut population.trials[0].configuration;
        (configuration.optimizer, configuration.clip_norm) = (optimizer, clip_norm);
        let before = TrainState::<Flex>::new(&population, &Default::default());
        let (after, _) = Step::new(&before, &batch(), STEP_IN_EPOCH).take(before.clone());
        for (before, after) in before.network.arrays(0).iter().zip(after.network.arrays(0)) {
            let learns = before.name.starts_with("output") || before.name.contains("moving");
            assert_eq!(*before != after, learns, "{}", before.name);
        }
    }
}

#[test]
fn pepita_without_feedback_leaves_hidden_layers_alone_and_trains_the_output_as_backprop_does() {
    let with_feedback = |feedback| {
        let mut population = population(Algorithm::Pepita, &[8, 5]);
        population.trials[0].configuration.dropout = 0.3;
        population.trials[0].configuration.feedback = Some(feedback);
        population
    };
    let step_of = |population: &Population| {
        let before = TrainState::<Flex>::new(population, &Default::default());
        let (after, _) = Step::new(&before, &batch(), STEP_IN_EPOCH).take(before.clone());
        [before, after].map(|train_state| train_state.network.arrays(0))
    };
    let [before, after] = step_of(&with_feedback(Initialization::Zeros));
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before != after, before.name.starts_with("output"), "{}", before.name);
    }
    let mut backprop = with_feedback(Initialization::Zeros);
    backprop.trials[0].configuration.algorithm = Algorithm::Backprop;
    let of_output = |arrays: &[Array]| -> Vec<Array> {
        arrays.iter().filter(|array| array.name.starts_with("output")).cloned().collect()
    };
    assert_eq!(of_output(&step_of(&backprop)[1]), of_output(&after));
    let [before, after] = step_of(&with_feedback(Initialization::HeUniform));
    assert!(
        before.iter().zip(&after).all(|(before, after)| before != after),
        "with feedback, all layers learn"
    );
}

#[test]
fn a_small_second_pass_difference_is_the_directional_derivative_of_the_first_pass() {
    // With x' = x + s d, the deltas divided by -s approach the derivative of the outputs along d.
    let difference_at = |size: f64| {
        let mut train_state =
            TrainState::<Flex>::new(&population(Algorithm::Pepita, &[8, 5]), &Default::default());
        let feedback = &mut train_state.groups[0].feedback[0];
        *feedback = Weights::new(normal([1, 7, 4], 3).mul_scalar(size));
        let batch = batch();
        let step = Step::new(&train_state, &batch, STEP_IN_EPOCH);
        let (forward, OutputError { error, .. }) = step.pass().forward_and_error(&train_state.network);
        let taught = step.pass().teach(&train_state.network, &train_state.groups, &forward, &error);
        let second = taught.second_inputs.expect("the rule has a second pass");
        let changed = second[0].values.clone() - batch.input.values.clone();
        let first_layer = &train_state.network.hidden[0].weight.value;
        let moved = Flex::dense(&changed.into(), first_layer, None, Precision::Full);
        let predicted = (moved * forward.traces[0].slope().clone()).div_scalar(-(BATCH as f64));
        (values(&taught.deltas[0].preactivation), values(&predicted))
    };
    let (delta, predicted) = difference_at(1e-2);
    let largest = predicted.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    for (delta, predicted) in delta.iter().zip(&predicted) {
        assert!((delta - predicted).abs() < 0.02 * largest, "{delta} {predicted}");
    }
}

/// Returns a population of Forward-Forward with the activation that it was published with.
fn forward_forward(hidden: &[usize], settings: ForwardForward) -> Population {
    let mut population = population(Algorithm::ForwardForward, hidden);
    population.architecture.activation = Activation::Relu;
    let configuration = &mut population.trials[0].configuration;
    configuration.forward_forward = Some(settings);
    population.architecture.wiring = training::wiring(configuration);
    population
}

#[test]
fn a_layer_of_forward_forward_learns_the_same_whatever_is_above_it() {
    let first_layer = |hidden: &[usize]| {
        let population = forward_forward(hidden, ForwardForward::default());
        let before = TrainState::<Flex>::new(&population, &Default::default());
        let (after, _) = Step::new(&before, &batch(), STEP_IN_EPOCH).take(before.clone());
        assert_ne!(before.arrays(0)[0], after.arrays(0)[0], "it learns");
        after.arrays(0).into_iter().filter(|array| array.name.starts_with("layer_1")).collect::<Vec<_>>()
    };
    assert_eq!(first_layer(&[8, 5]), first_layer(&[8, 6, 7]));
}

#[test]
fn negative_examples_have_every_other_label_and_the_hardest_is_the_classifiers_choice() {
    for place in [LabelPlace::FirstInputs, LabelPlace::Appended] {
        for negatives in [Negatives::Uniform, Negatives::Hardest] {
            let settings = ForwardForward { label: place, negatives, ..ForwardForward::default() };
            let mut train_state =
                TrainState::<Flex>::new(&forward_forward(&[8, 5], settings), &Default::default());
            // Class 2 is the likeliest, then class 1.
            let bias = Tensor::from_data([[[0.0_f32, 1.0, 2.0, -1.0]]], &Default::default());
            train_state.network.output.bias.as_mut().expect("it has a bias").value = bias;
            let batch = batch();
            let mut seen = [[0; 4]; 4];
            for step in 0..50 {
                let labeled = train_state.labeled(&batch, StepInEpoch { epoch: 1, step, steps: 50 });
                let [_, rows, inputs] = labeled.input.values.dims();
                assert_eq!((rows, inputs), (3 * BATCH, if place == LabelPlace::Appended { 11 } else { 7 }));
                let all = values(&labeled.input.values);
                for (row, input) in all.chunks(inputs).enumerate() {
                    let label = if place == LabelPlace::Appended { &input[7..] } else { &input[..4] };
                    let largest =
                        (0..4).max_by(|&one, &other| label[one].total_cmp(&label[other])).expect("4");
                    match row / BATCH {
                        0 => assert_eq!(largest, row % BATCH % 4),
                        1 => seen[row % BATCH % 4][largest] += 1,
                        _ => {
                            assert!(label.iter().all(|value| *value == label[0] && *value > 0.0), "{label:?}")
                        }
                    }
                }
            }
            for (own, labels) in seen.iter().enumerate() {
                for (label, count) in labels.iter().enumerate() {
                    let is_drawn = match negatives {
                        Negatives::Uniform => label != own,
                        Negatives::Hardest => label == if own == 2 { 1 } else { 2 },
                    };
                    assert_eq!(*count > 0, is_drawn, "{negatives:?}, class {own}: {labels:?}");
                }
            }
        }
    }
}

#[test]
fn layers_that_learn_one_after_another_change_in_their_own_epochs_only() {
    let settings = ForwardForward { order: LayerOrder::OneAfterAnother, ..ForwardForward::default() };
    for clip_norm in [None, Some(1e-3)] {
        let mut population = forward_forward(&[8, 5], settings.clone());
        population.epochs = 4;
        population.trials[0].configuration.hidden = vec![8, 5];
        population.trials[0].configuration.clip_norm = clip_norm;
        let mut train_state = TrainState::<Flex>::new(&population, &Default::default());
        for epoch in 1..=4 {
            let step_in_epoch = StepInEpoch { epoch, step: 0, steps: 1 };
            train_state = train_state.in_step(step_in_epoch);
            let before = train_state.state(0);
            train_state = Step::new(&train_state, &batch(), step_in_epoch).take(train_state.clone()).0;
            let learning = if epoch <= 2 { "layer_1" } else { "layer_2" };
            for (before, after) in before.iter().zip(train_state.state(0)) {
                let learns = before.name.starts_with(learning) || before.name.starts_with("output");
                assert_eq!(*before != after, learns, "epoch {epoch}, clip {clip_norm:?}: {}", before.name);
            }
        }
    }
}

#[test]
fn prediction_by_goodness_takes_the_sum_over_the_layers_that_the_classifier_reads() {
    let settings = ForwardForward { prediction: Prediction::Goodness, ..ForwardForward::default() };
    let train_state = TrainState::<Flex>::new(&forward_forward(&[8, 5, 6], settings), &Default::default());
    let input = batch().input;
    let of_layers = train_state.network.goodness(&input);
    let wanted = values(&(of_layers[1].clone() + of_layers[2].clone()));
    assert_eq!(values(&train_state.network.infer(&input)), wanted);
    assert!(wanted.iter().any(|value| *value != wanted[0]), "labels differ");
    let (logits, activations) = train_state.network.infer_with_activations(&input);
    assert_eq!((values(&logits), activations.len()), (wanted, 3));
}

#[test]
fn dfa_with_output_weights_as_feedback_is_backprop() {
    let batch = batch();
    let mut train_state = TrainState::<Flex>::new(&population(Algorithm::Dfa, &[8]), &Default::default());
    train_state.groups[0].feedback = vec![train_state.network.output.weight.value.clone()];
    let dfa = gradients(&train_state, &batch, &rule(Algorithm::Dfa));
    let backprop = gradients(&train_state, &batch, &rule(Algorithm::Backprop));
    assert_eq!(values(&dfa[0]), values(&backprop[0]));
}

#[test]
fn drtp_does_not_see_the_output_weights() {
    let batch = batch();
    let train_state = TrainState::<Flex>::new(&population(Algorithm::Drtp, &[8, 5]), &Default::default());
    let rule = rule(Algorithm::Drtp);
    let before = gradients(&train_state, &batch, &rule);
    let mut other = train_state.clone();
    other.network.output.weight.value = Weights::new(normal([1, 5, 4], 9));
    let after = gradients(&other, &batch, &rule);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(values(before), values(after));
    }
}

#[test]
fn the_gradient_of_a_local_rule_does_not_depend_on_the_layers_above() {
    let batch = batch();
    for algorithm in Algorithm::ALL {
        let rule = rule(algorithm);
        if !matches!(rule, Rule::Local(_) | Rule::Contrast(_)) {
            continue;
        }
        let shallow = TrainState::<Flex>::new(&population(algorithm, &[8]), &Default::default());
        let deep = TrainState::<Flex>::new(&population(algorithm, &[8, 5, 6]), &Default::default());
        let first = |train_state| values(&gradients(train_state, &batch, &rule)[0]);
        assert_eq!(first(&shallow), first(&deep), "{algorithm:?}");
    }
}

#[test]
fn aligned_weights_make_dfa_and_backprop_agree_at_the_top() {
    let batch = batch();
    let mut population = population(Algorithm::Dfa, &[8, 5]);
    population.trials[0].configuration.weights = Initialization::Aligned;
    let train_state = TrainState::<Flex>::new(&population, &Default::default());
    let dfa = gradients(&train_state, &batch, &rule(Algorithm::Dfa));
    let backprop = gradients(&train_state, &batch, &rule(Algorithm::Backprop));
    assert_eq!(values(&dfa[1]), values(&backprop[1]));
}

#[test]
fn an_update_uses_the_weights_of_the_forward_pass_in_every_form_of_a_step() {
    // Adam's first step is rate * gradient / (|gradient| + epsilon / sqrt(1 - beta_2)).
    let batch = batch();
    for algorithm in Algorithm::ALL {
        let train_state = TrainState::<Flex>::new(&population(algorithm, &[8, 5]), &Default::default());
        let rule = rule(algorithm);
        let wanted = gradients(&train_state, &batch, &rule);
        let (updated, _) = Step::new(&train_state, &batch, STEP_IN_EPOCH).take(train_state.clone());
        for (layer, gradient) in wanted.iter().enumerate() {
            let before = values(&train_state.network.hidden[layer].weight.value.plain());
            let after = values(&updated.network.hidden[layer].weight.value.plain());
            for ((before, after), gradient) in before.iter().zip(&after).zip(values(gradient)) {
                let expected = -0.01 * gradient / (gradient.abs() + 1e-7 / 0.001_f32.sqrt());
                assert!((after - before - expected).abs() < 1e-4, "{algorithm:?} layer {layer}");
            }
        }
    }
}

#[test]
fn a_local_loss_is_the_same_for_examples_in_larger_batches() {
    let batch = batch();
    let twice = |values: &Cube| Cube::cat(vec![values.clone(), values.clone()], 1);
    let both = Batch { input: twice(&batch.input.values).into(), target: twice(&batch.target) };
    for algorithm in
        Algorithm::ALL.into_iter().filter(|algorithm| algorithm.feedback() == Some(FeedbackShape::Target))
    {
        let train_state = TrainState::<Flex>::new(&population(algorithm, &[8, 5]), &Default::default());
        let rule = rule(algorithm);
        let losses = |batch: &Batch<Flex>| -> Vec<f32> {
            let step = Step::new(&train_state, batch, STEP_IN_EPOCH);
            let forward = step.pass().forward(&train_state.network);
            let error = step.pass().output_error(&train_state.network, &forward.top).error;
            let loss = |hidden| rule.mean_local_loss(&hidden, &batch.target, &error, BATCH);
            let losses = forward.hidden(&train_state.groups[0].feedback).map(loss);
            losses.map(|loss| loss.expect("it has feedback").into_scalar()).collect()
        };
        for (one, both) in losses(&batch).into_iter().zip(losses(&both)) {
            assert!((one - both).abs() <= 1e-5 * one.abs().max(1e-3), "{algorithm:?} {one} {both}");
        }
    }
}

#[test]
fn a_clipped_gradient_has_the_largest_norm_and_a_small_one_is_left_alone() {
    let batch = batch();
    let variants = Algorithm::ALL.into_iter().flat_map(|rule| [(rule, false), (rule, true)]);
    for (algorithm, batch_norm) in
        variants.filter(|(rule, batch_norm)| rule.allows_batch_norm() || !batch_norm)
    {
        let mut population = population(algorithm, &[8, 5]);
        population.architecture.batch_norm = batch_norm;
        let configuration = &mut population.trials[0].configuration;
        configuration.optimizer = Optimizer::Sgd { momentum: 0.0, nesterov: false };
        configuration.weight_decay = 0.1;
        // Plain gradient descent at rate 1 moves every parameter by its gradient.
        configuration.learning_rate = 1.0;
        if let Some(settings) = &mut configuration.forward_forward {
            (settings.classifier_rate, settings.classifier_decay) = (1.0, 1.0);
        }
        let moved_by = |clip_norm| {
            let mut population = population.clone();
            population.trials[0].configuration.clip_norm = clip_norm;
            let before = TrainState::<Flex>::new(&population, &Default::default());
            let (after, _) = Step::new(&before, &batch, STEP_IN_EPOCH).take(before.clone());
            let arrays = [before, after].map(|train_state| train_state.arrays(0));
            let pairs = arrays[0].iter().zip(&arrays[1]).filter(|(array, _)| !array.name.contains("moving"));
            let differences = pairs.flat_map(|(before, after)| before.values.iter().zip(&after.values));
            differences.map(|(before, after)| f64::from(before - after).powi(2)).sum::<f64>().sqrt()
        };
        let norm = moved_by(None);
        assert!((moved_by(Some(norm / 3.0)) - norm / 3.0).abs() < 1e-4 * norm, "{algorithm:?}");
        assert!((moved_by(Some(norm * 3.0)) - norm).abs() < 1e-6 * norm, "{algorithm:?}");
    }
}
