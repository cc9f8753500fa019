//! What does training cost? `energy_gpu_joules` and `energy_cpu_joules`: joules that the GPUs and the processor packages of this
//! machine used in an epoch, evaluation included, for one trial: what was used while this process trained, divided among the
//! trials that it trained at that time. GPUs are those that `CUDA_VISIBLE_DEVICES` leaves. A meter counts all that its GPU or
//! package does, so other programs' work and idle power are in it. Where a meter is not there or cannot be read, its quantity is absent.
//! It differs from run to run, so it is no part of a trial's history.

use machine::energy::{self, Share};
use model::Kernels;

use crate::{Gauge, Inspection, Reading, StepInEpoch, Value};
use settings::{Metric, Place, Quantity, Sampled};

const GPU: Quantity = Quantity::named("energy_gpu_joules");
const CPU: Quantity = Quantity::named("energy_cpu_joules");

pub(super) struct Energy(pub Share);

impl<B: Kernels> Gauge<B> for Energy {
    /// Now and then: counters of processors begin again at 0 after some minutes, and an epoch may take longer.
    fn looks_at(&self, step: StepInEpoch) -> bool {
        Sampled::default().includes(step.step)
    }

    fn inspect(&self, _: &Inspection<'_, B>) -> Vec<Reading<B>> {
        self.0.keep_up();
        Vec::new()
    }

    fn count(&self, trials: usize) {
        self.0.count(trials);
    }

    fn conclude(&self) -> Vec<Reading<B>> {
        let energy::Energy { gpu, cpu } = self.0.take();
        let reading = |(quantity, joules): (Quantity, Option<f64>)| {
            let metric = Metric::At { place: Place::Machine, quantity };
            Some(Reading { metric, value: Value::Common(joules?) })
        };
        [(GPU, gpu), (CPU, cpu)].into_iter().filter_map(reading).collect()
    }
}
