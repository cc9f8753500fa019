//! The operations of a step, on the CPU.

use burn::tensor::{Tensor, TensorData};
use burn_flex::Flex;
use kernels::{Input, OptimizerStep, Parameter, ProductKernels, UpdateKernels, WeightUpdate, Weights};
use settings::{Activation, Algorithm, Optimizer, Precision};

use crate::{case::Case, rounds::Contestant, session::Session};

const BATCH: usize = 128;
const UNITS: usize = 500;
const FLOPS: f64 = 2.0 * (BATCH * UNITS * UNITS) as f64;
const FULL: Precision = Precision::Full;

pub fn measure(session: &mut Session) -> anyhow::Result<()> {
    dense(session)?;
    update(session)
}

fn random(shape: [usize; 3], index: u64) -> Tensor<Flex, 3> {
    let mut stream = random::stream(0, "bench tensor", &[index]);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| random::uniform(&mut stream) - 0.5).collect();
    Tensor::from_data(TensorData::new(values, shape), &Default::default())
}

fn matrix(rows: usize, columns: usize) -> Tensor<Flex, 3> {
    random([1, rows, columns], 1)
}

fn dense(session: &mut Session) -> anyhow::Result<()> {
    let title = format!("dense, {UNITS} units, batch {BATCH}");
    if !session.begins(&title) {
        return Ok(());
    }
    let (values, weight, bias) =
        (matrix(BATCH, UNITS), Weights::new(random([1, UNITS, UNITS], 2)), random([1, 1, UNITS], 3));
    let input = Input::from(values.clone());
    let contestants = vec![
        Contestant::once("with bias, tanh and slope", || {
            drop(Flex::dense_activated(Activation::Tanh, &input, &weight, Some(&bias), FULL));
        }),
        Contestant::once("the product alone", || drop(Flex::dense(&input, &weight, None, FULL))),
        Contestant::once("the transposed product", || drop(Flex::dense_transposed(&values, &weight, FULL))),
    ];
    session.compare(title, contestants)?.flops = Some(FLOPS);
    Ok(())
}

fn update(session: &mut Session) -> anyhow::Result<()> {
    let title = format!("the update of a weight matrix, {UNITS} units, batch {BATCH}");
    if !session.begins(&title) {
        return Ok(());
    }
    let input = Input::from(matrix(BATCH, UNITS));
    let delta = random([1, BATCH, UNITS], 2);
    let optimizers = [
        ("Adam", Optimizer::ADAM),
        ("RMSprop", Optimizer::RmsProp { smoothing: 0.99, epsilon: 1e-8 }),
        ("SGD with momentum", Optimizer::Sgd { momentum: 0.9, nesterov: false }),
        ("SGD", Optimizer::Sgd { momentum: 0.0, nesterov: false }),
    ];
    let mut contestants: Vec<Contestant> = optimizers
        .into_iter()
        .map(|(name, optimizer)| {
            let step = OptimizerStep::new(&[(optimizer, 1e-7)], 1, &Default::default());
            let mut parameter =
                Some(Parameter::new(Weights::new(random([1, UNITS, UNITS], 4)), optimizer.kind()));
            let (input, delta) = (&input, &delta);
            Contestant::once(format!("gradient and {name}"), move || {
                let weight = parameter.take().expect("it was put back");
                let update = WeightUpdate { weight, input, delta };
                parameter = Flex::learn_weights(vec![update], &step, FULL).pop();
            })
        })
        .collect();
    contestants.push(Contestant::once("the gradient alone", || {
        drop(Flex::weight_gradient(&input, &delta, FULL));
    }));
    session.compare(title, contestants)?.flops = Some(FLOPS);
    Ok(())
}

/// Returns a contestant that computes the matrix products of a step and nothing else: the time of the step if the rest were free.
pub fn products(case: &Case, name: impl Into<String>) -> Contestant<'static> {
    let shape = &case.shape;
    let weights = shape.weights();
    let feedback: Vec<[usize; 2]> = shape.hidden.iter().map(|&units| [units, shape.outputs]).collect();
    let mut products: Vec<Box<dyn Fn()>> = Vec::new();
    let local = matches!(case.algorithm, Algorithm::LocalLoss(_)).then_some(&feedback);
    for &[inputs, units] in weights.iter().chain(local.into_iter().flatten()) {
        let (input, weight) = (Input::from(matrix(shape.batch, inputs)), Weights::new(matrix(inputs, units)));
        products.push(Box::new(move || drop(Flex::dense(&input, &weight, None, FULL))));
    }
    for &[inputs, units] in &weights {
        let (input, delta) = (Input::from(matrix(shape.batch, inputs)), matrix(shape.batch, units));
        products.push(Box::new(move || drop(Flex::weight_gradient(&input, &delta, FULL))));
    }
    let signals = if case.algorithm == Algorithm::Backprop { &weights[1..] } else { &feedback };
    for &[inputs, units] in signals {
        let (delta, weight) = (matrix(shape.batch, units), Weights::new(matrix(inputs, units)));
        products.push(Box::new(move || drop(Flex::dense_transposed(&delta, &weight, FULL))));
    }
    Contestant::once(name, move || products.iter().for_each(|product| product()))
}
