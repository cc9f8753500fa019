//! The arithmetic of the CPU's kernels, on slices: matrix products, updates by an optimizer, QR decompositions, and functions whose
//! last bits the system's library does not decide.
//!
//! Everything has the same bits with every instruction set, with any blocking and with any number of threads. This crate knows no
//! tensors, trials or threads.

mod exp;
mod householder;
mod ln;
mod losses;
mod matrix;
mod optimizers;
mod panels;
mod peak;
mod product;
mod scratch;
mod shared;
mod sums;
mod tanh;
mod tile;
mod update;
mod vector;

pub use exp::{exp, sigmoid};
pub use householder::orthonormal;
pub use ln::ln;
pub use losses::{
    LossAndMistakes, replace_by_sigmoid_errors, replace_by_softmax_errors, replace_by_squared_errors,
};
pub use matrix::Matrix;
pub use optimizers::{Adam, Average, Descent, Momentum, Numbers, Optimizer, RmsProp};
pub use panels::{NARROWEST, Panel, Panels, copy, pack, padded};
pub use peak::only_multiply_add;
pub use product::{LeftRows, block_product};
pub use scratch::Scratch;
pub use shared::Shared;
pub use sums::{inner_product, strip_inner_product, sum_rows};
pub use tanh::tanh;
pub use update::{Arrays, BlockUpdate, update, values_of_scratch};
pub use vector::{InstructionSet, Vector, Work, instruction_set, run};

#[cfg(test)]
mod tests;
