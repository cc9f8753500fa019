//! Sign-symmetric feedback: backpropagation through matrices that share only the signs of the forward weights.
//!
//! With uniform magnitudes, every backward weight has the size of Glorot's initialization, sqrt(2 / (units + units above)) (uSF: Xiao et
//! al. 2019, arXiv:1811.03567). With fixed magnitudes, they are those of random matrices (frSF: Liao, Leibo & Poggio 2016,
//! arXiv:1510.05067), which are drawn again for each step with batchwise magnitudes (brSF: Moskovitz, Litwin-Kumar & Abbott 2018,
//! arXiv:1812.06488). The sign of a weight of exactly 0 is 0. BioTorch takes another constant with PyTorch's default initialization.
//!
//! The layer's own dropout mask applies, as in backpropagation. Golden vectors: `cls_usf_*`, `cls_frsf_*`,
//! `cls_brsf_*`.

use kernels::{Kernels, Weights};
use settings::Magnitude;

use crate::rule::BackwardWeights;

/// G = |M| sign(W), elementwise.
pub struct SignSymmetric(pub Magnitude);

impl<B: Kernels> BackwardWeights<B> for SignSymmetric {
    fn matrix(&self, weight: &Weights<B>, feedback: Option<&Weights<B>>) -> Weights<B> {
        let signs = weight.values.clone().sign();
        weight.with_values(match self.0 {
            Magnitude::Uniform => {
                let [_, units, above] = weight.dims();
                signs.mul_scalar((2.0 / (units + above) as f64).sqrt())
            }
            Magnitude::Fixed | Magnitude::Batchwise => {
                signs * feedback.expect("the rule has feedback").values.clone().abs()
            }
        })
    }
}
