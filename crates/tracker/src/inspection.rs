//! The values of a training step and of an evaluation that trackers can read.

use std::cell::OnceCell;

use algorithms::{
    Pass, Rule, Teacher,
    forward_forward::Contrast,
    pass::{Forward, LayerSignal},
    rule::Hidden,
};
use burn::tensor::Tensor;
use kernels::{Input, Kernels, OutputError, Weights};
use model::{Network, Trace, Wiring};
use settings::Place;

/// A sampled training step, before its update. Values are computed on demand, once for all trackers.
pub struct Inspection<'a, B: Kernels> {
    pub network: &'a Network<B>,
    /// The rule, with its feedback.
    pub teacher: Teacher<'a, B>,
    /// The step's batch, with its dropout masks.
    pub pass: Pass<'a, B>,
    /// The L2 coefficient of each trial, `[trials, 1, 1]`, of hidden layers and of the output layer; absent where it is 0 for all.
    weight_decay: [Option<&'a Tensor<B, 3>>; 2],
    /// The forward pass and its error, once they are known. The step goes on from them where its rule allows.
    forward: &'a OnceCell<(Forward<B>, OutputError<B>)>,
    computed: Computed<B>,
}

struct Computed<B: Kernels> {
    layer_signals: OnceCell<Vec<LayerSignal<B>>>,
    exact_signals: OnceCell<Vec<LayerSignal<B>>>,
}

impl<'a, B: Kernels> Inspection<'a, B> {
    pub fn new(
        network: &'a Network<B>,
        teacher: Teacher<'a, B>,
        pass: Pass<'a, B>,
        weight_decay: [Option<&'a Tensor<B, 3>>; 2],
        forward: &'a OnceCell<(Forward<B>, OutputError<B>)>,
    ) -> Self {
        let computed = Computed { layer_signals: OnceCell::new(), exact_signals: OnceCell::new() };
        Self { network, teacher, pass, weight_decay, forward, computed }
    }

    fn forward(&self) -> &(Forward<B>, OutputError<B>) {
        self.forward.get_or_init(|| self.pass.forward_and_error(self.network))
    }

    pub fn traces(&self) -> &[Trace<B>] {
        &self.forward().0.traces
    }

    /// Returns the input of every layer in the forward pass, `[batch, inputs]` of each trial, the output layer's last.
    pub fn inputs(&self) -> impl Iterator<Item = &Input<B>> {
        self.forward().0.inputs()
    }

    /// Returns the error at the logits, `[trials, batch, outputs]`.
    pub fn error(&self) -> &Tensor<B, 3> {
        &self.forward().1.error
    }

    /// Returns the rule's error signal for every layer, the output layer's last.
    pub fn layer_signals(&self) -> &[LayerSignal<B>] {
        self.computed.layer_signals.get_or_init(|| {
            let (forward, OutputError { error, .. }) = self.forward();
            self.pass.layer_signals(self.network, &self.teacher, forward, error)
        })
    }

    /// Returns backpropagation's error signal for every layer, the output layer's last: the exact gradient of the global loss. `None`
    /// where the examples that hidden layers learn from have no global loss.
    pub fn exact_signals(&self) -> Option<&[LayerSignal<B>]> {
        let has_global_loss = self.network.wiring == Wiring::Chain;
        has_global_loss.then(|| {
            self.computed
                .exact_signals
                .get_or_init(|| {
                    let (forward, OutputError { error, .. }) = self.forward();
                    let (rule, feedback, running_means) = (&Rule::LayerAbove(None), &[], &[]);
                    let backprop = Teacher { rule, feedback, running_means };
                    self.pass.layer_signals(self.network, &backprop, forward, error)
                })
                .as_slice()
        })
    }

    /// Returns how each hidden layer tells positive from negative examples; none for rules without them.
    pub fn contrasts(&self) -> impl Iterator<Item = Contrast<B>> {
        let [_, batch, _] = self.pass.batch.target.dims();
        let traces = self.traces().iter().enumerate();
        traces.filter_map(move |(layer, trace)| match self.teacher.rule {
            Rule::Contrast(rule) => Some(self.teacher.contrast(rule, layer, trace, batch)),
            _ => None,
        })
    }

    /// Returns the L2 coefficients of the layer at `place`, `[trials, 1, 1]`. Those of hidden layers that do not learn are 0.
    pub fn weight_decay(&self, place: Place) -> Option<&Tensor<B, 3>> {
        let [hidden, output] = self.weight_decay;
        if place == Place::Output { output } else { hidden }
    }

    /// Adds the gradient of weight decay to the `gradient` of the `weight` at `place`.
    pub fn with_decay(&self, gradient: Weights<B>, weight: &Weights<B>, place: Place) -> Weights<B> {
        gradient.with_decay(weight, self.weight_decay(place))
    }

    /// Returns every hidden layer with its feedback; none for rules without feedback.
    pub fn hidden(&self) -> impl Iterator<Item = Hidden<'_, B>> {
        self.forward().0.hidden(self.teacher.feedback)
    }
}

/// A batch of the validation split, after an epoch.
pub struct Evaluation<'a, B: Kernels> {
    pub network: &'a Network<B>,
    /// The feedback of each hidden layer, `[trials, units, outputs or units above]`, or that of the input, `[trials, inputs, outputs]`; empty
    /// for rules without feedback.
    pub feedback: &'a [Weights<B>],
    pub rule: &'a Rule<B>,
    /// The images, `[1, examples, inputs]`.
    pub input: &'a Tensor<B, 3>,
    /// The labels or images to predict, `[1, examples, outputs]`.
    pub target: &'a Tensor<B, 3>,
    /// The output of every hidden layer, `[trials, examples, units]`.
    pub activations: &'a [Tensor<B, 3>],
    /// The output before softmax or squash, `[trials, examples, outputs]`.
    pub logits: &'a Tensor<B, 3>,
    /// The error at the logits, `[trials, examples, outputs]`.
    pub error: &'a Tensor<B, 3>,
    pub training_batch: usize,
    /// Channels, height and width of an image.
    pub image: [usize; 3],
    pub is_first: bool,
}
