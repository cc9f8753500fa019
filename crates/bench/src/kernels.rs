//! The operations that a step is made of, at the CIFAR-10 shape.

use burn::tensor::{Tensor, TensorData};
use burn_flex::Flex;
use model::{Activation, AdamStep, Input, Kernels, Parameter, Precision, WeightLesson};

use crate::{
    Effort, Group,
    rounds::{Contestant, Here, alternate, with_threads},
};

const BATCH: usize = 128;
const UNITS: usize = 500;

pub(crate) fn measure(effort: &Effort, progress: &dyn Fn(&str)) -> Vec<Group> {
    let shape = format!("{UNITS} units, batch {BATCH}");
    let flops = 2.0 * (BATCH * UNITS * UNITS) as f64;
    let mut groups = Vec::new();
    let mut add = |title: String, flops: Option<f64>, work: fn() -> Vec<Named<'static>>| {
        if effort.includes(&title) {
            progress(&title);
            groups.push(group(title, flops, effort, work()));
        }
    };
    add(format!("dense, {shape}"), Some(flops), dense);
    add(format!("the update of a weight matrix, {shape}"), Some(flops), learn_weights);
    add(format!("activations with their slopes, {shape}"), None, activations);
    groups
}

type Named<'a> = (&'static str, Box<dyn FnMut() + 'a>);

fn group(title: String, flops: Option<f64>, effort: &Effort, named: Vec<Named<'_>>) -> Group {
    let (names, mut work): (Vec<String>, Vec<_>) =
        named.into_iter().map(|(name, work)| (name.to_owned(), work)).unzip();
    let mut contestants: Vec<Box<dyn Contestant + '_>> = Vec::new();
    for work in &mut work {
        contestants.push(Box::new(Here(move |times| (0..times).for_each(|_| work()))));
    }
    let samples = with_threads(effort.threads, || alternate(&mut contestants, effort));
    Group::new(title, flops, names, samples.expect("nothing here asks another process"))
}

fn random(shape: [usize; 3], index: u64) -> Tensor<Flex, 3> {
    let mut stream = random::stream(0, "bench tensor", &[index]);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| random::uniform(&mut stream) - 0.5).collect();
    Tensor::from_data(TensorData::new(values, shape), &Default::default())
}

fn dense() -> Vec<Named<'static>> {
    let (input, weight, bias) =
        (random([1, BATCH, UNITS], 1), random([1, UNITS, UNITS], 2), random([1, 1, UNITS], 3));
    let full = Precision::Full;
    let operands = (Input::from(input.clone()), weight.clone(), bias.clone());
    let fused = move || {
        let (input, weight, bias) = &operands;
        drop(Flex::dense_activated(Activation::Tanh, input, weight, Some(bias), full));
    };
    let operands = (Input::from(input.clone()), weight.clone());
    let product = move || drop(Flex::dense(&operands.0, &operands.1, None, full));
    let operands = (input.clone(), weight.clone());
    let transposed = move || drop(Flex::dense_transposed(&operands.0, &operands.1, full));
    let plain = move || {
        let preactivation = input.clone().matmul(weight.clone()) + bias.clone();
        drop(Activation::Tanh.apply_with_slope(preactivation));
    };
    vec![
        ("with bias, tanh and slope", Box::new(fused)),
        ("the product alone", Box::new(product)),
        ("the transposed product", Box::new(transposed)),
        ("bias, tanh and slope in plain tensor operations", Box::new(plain)),
    ]
}

fn learn_weights() -> Vec<Named<'static>> {
    let (input, delta) = (random([1, BATCH, UNITS], 1), random([1, BATCH, UNITS], 2));
    let adam = || AdamStep { rate: random([1, 1, 1], 3).mul_scalar(1e-6), weight_decay: None };
    let weight = || Some(Parameter::new(random([1, UNITS, UNITS], 4)));
    let operands = (Input::from(input.clone()), delta.clone(), adam());
    let mut parameter = weight();
    let fused = move || {
        let weight = parameter.take().expect("it was put back");
        let lesson = WeightLesson { weight, input: &operands.0, delta: &operands.1 };
        parameter = Flex::learn_weights(vec![lesson], &operands.2, Precision::Full).pop();
    };
    let operands = (Input::from(input.clone()), delta.clone());
    let gradient = move || drop(Flex::weight_gradient(&operands.0, &operands.1, Precision::Full));
    let (adam, mut parameter) = (adam(), weight());
    let plain = move || {
        let Parameter { value, moments } = parameter.take().expect("it was put back");
        let gradient = input.clone().transpose().matmul(delta.clone());
        let (value, moments) = model::Adam::update(value, moments, gradient, &adam.rate);
        parameter = Some(Parameter { value, moments });
    };
    vec![
        ("gradient and Adam", Box::new(fused)),
        ("the gradient alone", Box::new(gradient)),
        ("gradient and Adam in plain tensor operations", Box::new(plain)),
    ]
}

fn activations() -> Vec<Named<'static>> {
    let named = |name, activation: Activation| -> Named<'static> {
        let values = random([1, BATCH, UNITS], 1);
        (name, Box::new(move || drop(Flex::activate(activation, values.clone()))))
    };
    vec![
        named("tanh", Activation::Tanh),
        named("relu", Activation::Relu),
        named("swish", Activation::Swish),
        named("leaky relu", Activation::LeakyRelu),
    ]
}
