//! What trackers see of a training step and of an evaluation.

use std::cell::OnceCell;

use algorithms::{
    Pass, Rule, exactly_taught,
    pass::{Forward, Taught},
    rule::Hidden,
};
use burn::tensor::Tensor;
use model::{Input, Kernels, Network, OutputError, Trace};

/// A sampled training step, before its update. Nothing of it is the step's own: what is asked for is computed here, once
/// for all trackers, so that a step trains the same whether anybody looks or not.
pub struct Inspection<'a, B: Kernels> {
    /// Before the update.
    pub network: &'a Network<B>,
    /// `[trials, units, outputs]` of each hidden layer; empty where the rule has none.
    pub feedback: &'a [Tensor<B, 3>],
    /// What teaches it.
    pub rule: &'a Rule<B>,
    /// The step's batch, with its dropout masks.
    pub pass: Pass<'a, B>,
    /// L2 coefficient of each trial, `[trials, 1, 1]`; absent where it is 0 for all.
    pub weight_decay: Option<&'a Tensor<B, 3>>,
    computed: Computed<B>,
}

struct Computed<B: Kernels> {
    /// With the error at the logits, `[trials, batch, outputs]`.
    forward: OnceCell<(Forward<B>, Tensor<B, 3>)>,
    taught: OnceCell<Vec<Taught<B>>>,
    exactly_taught: OnceCell<Vec<Taught<B>>>,
}

impl<'a, B: Kernels> Inspection<'a, B> {
    /// Of a step that is about to be taken.
    #[must_use]
    pub fn new(
        network: &'a Network<B>,
        feedback: &'a [Tensor<B, 3>],
        rule: &'a Rule<B>,
        pass: Pass<'a, B>,
        weight_decay: Option<&'a Tensor<B, 3>>,
    ) -> Self {
        let computed =
            Computed { forward: OnceCell::new(), taught: OnceCell::new(), exactly_taught: OnceCell::new() };
        Self { network, feedback, rule, pass, weight_decay, computed }
    }

    fn passed(&self) -> &(Forward<B>, Tensor<B, 3>) {
        self.computed.forward.get_or_init(|| {
            let forward = self.pass.forward(self.network);
            let OutputError { error, .. } = self.pass.judge(self.network, &forward.top);
            (forward, error)
        })
    }

    /// What every hidden layer keeps of the training pass.
    pub fn traces(&self) -> &[Trace<B>] {
        &self.passed().0.traces
    }

    /// The output layer's input, `[batch, units]` of each trial.
    pub fn top(&self) -> &Input<B> {
        &self.passed().0.top
    }

    /// The error at the logits, `[trials, batch, outputs]`.
    pub fn error(&self) -> &Tensor<B, 3> {
        &self.passed().1
    }

    /// How the rule teaches every hidden layer.
    pub fn taught(&self) -> &[Taught<B>] {
        self.computed.taught.get_or_init(|| {
            let (forward, error) = self.passed();
            self.pass.taught(self.network, self.feedback, self.rule, forward, error)
        })
    }

    /// How backpropagation would teach every hidden layer: the exact gradient of the global loss.
    pub fn exactly_taught(&self) -> &[Taught<B>] {
        self.computed.exactly_taught.get_or_init(|| {
            let (forward, error) = self.passed();
            exactly_taught(self.network, forward, error)
        })
    }

    /// What the rule sees of each hidden layer; nothing where it has no feedback.
    pub fn hidden(&self) -> impl Iterator<Item = Hidden<'_, B>> {
        self.passed().0.hidden(self.feedback)
    }
}

/// A batch of the validation split, after an epoch.
pub struct Evaluation<'a, B: Kernels> {
    /// After the epoch.
    pub network: &'a Network<B>,
    /// `[trials, units, outputs]` of each hidden layer; empty where the rule has none.
    pub feedback: &'a [Tensor<B, 3>],
    /// What taught it.
    pub rule: &'a Rule<B>,
    /// `[1, examples, inputs]`.
    pub input: &'a Tensor<B, 3>,
    /// `[1, examples, outputs]`.
    pub target: &'a Tensor<B, 3>,
    /// Output of every hidden layer, `[trials, examples, units]`.
    pub activations: &'a [Tensor<B, 3>],
    /// `[trials, examples, outputs]`.
    pub logits: &'a Tensor<B, 3>,
    /// The error at the logits, `[trials, examples, outputs]`.
    pub error: &'a Tensor<B, 3>,
    /// Examples of a training batch.
    pub training_batch: usize,
    /// Channels, height and width of an image.
    pub image: [usize; 3],
    /// Is it the first batch of the split?
    pub is_first: bool,
}
