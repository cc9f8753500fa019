//! Energy of training: `energy_gpu_joules` and `energy_cpu_joules`, the joules that the GPUs and the processor packages of
//! this machine used in an epoch, evaluation included, for one trial. The energy used while this process trained is divided
//! among the trials that it trained at that time.
//!
//! GPUs are those that `CUDA_VISIBLE_DEVICES` names. A meter counts everything that its GPU or package does, so other
//! programs and idle power are included. A quantity is absent where its meter is missing or cannot be read. Energy differs
//! from run to run, so it is not part of a trial's history.

use kernels::Kernels;
use machine::energy::{self, Share};
use settings::{Place, Quantity};

use super::common_reading;
use crate::{Meter, Reading};

const GPU: Quantity = Quantity::named("energy_gpu_joules");
const CPU: Quantity = Quantity::named("energy_cpu_joules");

pub(super) struct Energy(pub Share);

impl<B: Kernels> Meter<B> for Energy {
    fn set_trials(&self, trials: usize) {
        self.0.count(trials);
    }

    // Counters of processors begin again at 0 after some minutes, and an epoch may take longer.
    fn keep_up(&self) {
        self.0.keep_up();
    }

    fn read(&self) -> Vec<Reading<B>> {
        let energy::Energy { gpu, cpu } = self.0.take();
        [(GPU, gpu), (CPU, cpu)]
            .into_iter()
            .filter_map(|(quantity, joules)| Some(common_reading(Place::Machine, quantity, joules?)))
            .collect()
    }
}
