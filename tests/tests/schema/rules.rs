//! `docs/rules.md`: a section for each file of rules, from the file's header and the contract of its rules.

use std::{fmt::Write, fs, path::Path};

use algorithms::Rule;
use burn_flex::Flex;
use kernels::Squash;
use settings::{Algorithm, Configuration, FeedbackShape, TargetLoss};

const OPENING: &str = "\
# Learning rules

This page is made from the headers of the rules in `crates/algorithms/src` and from their contract: `UPDATE_SCHEMA=1 cargo test -p tests --test schema`
writes it. [Your own learning rule](own-rule.md) shows how to add one.

Each example is a row: *h* is a hidden layer's output, *F* its feedback matrix, *W* the weights of the layer above, *delta* the signal at the preactivation of
the layer above, *y* the target, and *e* = d(mean loss) / d(logits). The signal takes the place of d(loss) / d*h*; the derivative of the
activation, batch norm, weight gradients and the optimizer are the same for all rules. The output layer always learns from *e*.
";

/// Returns the file of a rule, in `crates/algorithms/src`.
fn file(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Backprop => "backprop.rs",
        Algorithm::FeedbackAlignment => "feedback_alignment.rs",
        Algorithm::SignSymmetric(_) => "sign_symmetric.rs",
        Algorithm::KolenPollack => "kolen_pollack.rs",
        Algorithm::Dfa => "dfa.rs",
        Algorithm::DirectKolenPollack => "direct_kolen_pollack.rs",
        Algorithm::SignDfa => "sign_dfa.rs",
        Algorithm::Drtp => "drtp.rs",
        Algorithm::LocalLoss(TargetLoss::LearnedCrossEntropy) => "learned_classifier.rs",
        Algorithm::LocalLoss(_) => "local_loss.rs",
        Algorithm::Pepita => "pepita.rs",
        Algorithm::ForwardForward => "forward_forward.rs",
        Algorithm::Shallow => "shallow.rs",
    }
}

/// Returns the page, for the sources below `root`.
pub fn page(root: &Path) -> String {
    let mut page = OPENING.to_owned();
    for rules in Algorithm::ALL.chunk_by(|one, next| file(*one) == file(*next)) {
        let path = format!("crates/algorithms/src/{}", file(rules[0]));
        let source = fs::read_to_string(root.join(&path)).expect("a rule has a file");
        let (title, text) = header(&source);
        write!(page, "\n## {title}\n\n{text}\n\n").expect("a String takes everything");
        page +=
            "| in a grid | in tables | error signal | feedback | a layer learns |\n|---|---|---|---|---|\n";
        for rule in rules {
            let spelled = ron::to_string(rule).expect("names are RON");
            let (signal, feedback, moment) = (rule.signal_formula(), feedback(*rule), moment(*rule));
            let signal = signal.replace('|', "\\|");
            writeln!(page, "| `{spelled}` | `{}` | `{signal}` | {feedback} | {moment} |", rule.name())
                .expect("a String takes everything");
        }
        write!(page, "\nSource: [{path}](../{path})\n").expect("a String takes everything");
    }
    page
}

/// Returns the words before the first colon or period of a file's header, and the whole header.
fn header(source: &str) -> (String, String) {
    let lines: Vec<&str> = source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    let text = lines.join("\n").replace("](crate::local_loss::LocalLoss)", "](#local-losses)");
    let title = text.split([':', ',', '.']).next().unwrap_or_default().replace('\n', " ");
    (title, text)
}

fn feedback(rule: Algorithm) -> String {
    let shape = match rule.feedback() {
        None => return "none".into(),
        Some(FeedbackShape::Target) => "`[units, outputs]`",
        Some(FeedbackShape::Layer) => "`[units, units above]`",
        Some(FeedbackShape::Input) => "`[inputs, outputs]`",
    };
    let kept = if rule.trains_feedback() {
        "learns"
    } else if rule.redraws_feedback() {
        "drawn for each step"
    } else if rule.keeps_offsets() {
        "the difference from the weights above"
    } else {
        "fixed"
    };
    format!("{shape}, {kept}")
}

fn moment(rule: Algorithm) -> &'static str {
    match algorithms::rule::<Flex>(&Configuration::new(rule, &[1], 1.0), Squash::Tanh) {
        Rule::Local(_) | Rule::Contrast(_) => "before the next layer runs",
        Rule::OutputError(_) => "after the forward pass, in any order",
        Rule::LayerAbove(_) => "after the forward pass, from the top down",
        Rule::SecondPass(_) => "while the second pass runs",
        Rule::Untrained => "never",
    }
}
