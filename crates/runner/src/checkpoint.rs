//! Checkpoints, from which a trial resumes after its process has ended: the state of its network, and the metrics so far. Random
//! streams are counted by epoch and step, so nothing else is needed.

use history::History;
use model::checkpoint::{Array, from_bytes, to_bytes};
use results::trial::{PlannedTrial, TRIAL};
use serde::{Deserialize, Serialize};
use store::{Key, Store};

/// The checkpoint of a trial.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Saved {
    /// The state of the network, as the engine returns it.
    pub(crate) state: Vec<Array>,
    /// The metrics of the epochs so far.
    pub(crate) history: History,
    /// Time, memory and energy of these epochs.
    pub(crate) machine: History,
    /// The training time so far.
    pub(crate) seconds: f64,
}

/// Bump it when a state holds other arrays or notes. Checkpoints of earlier builds are ignored then.
const FORM_REVISION: u32 = 3;

/// Returns the note of a state that a finished trial keeps.
pub(crate) fn state_form() -> String {
    format!("state {FORM_REVISION}")
}

/// The parts of [`Saved`] that are no arrays, the revision and the trial.
#[derive(Serialize, Deserialize)]
struct Notes {
    form: u32,
    /// The key of the trial. The name of a checkpoint's file is not enough: a file can be copied or restored under another name.
    trial: String,
    // Tables, as [`History::to_csv`] writes them.
    history: String,
    machine: String,
    seconds: f64,
}

impl Saved {
    /// Returns the number of epochs that are done.
    pub(crate) fn epochs(&self) -> u32 {
        self.history.epochs().last().map_or(0, |epoch| epoch.epoch)
    }

    /// Returns the bytes of the checkpoint of `trial`.
    pub(crate) fn to_bytes(&self, trial: &Key) -> Vec<u8> {
        let (history, machine) = (self.history.to_csv(), self.machine.to_csv());
        let trial = trial.to_string();
        let notes = Notes { form: FORM_REVISION, trial, history, machine, seconds: self.seconds };
        let notes = ron::to_string(&notes).expect("texts and numbers are RON");
        to_bytes(&self.state, Some(&notes))
    }

    /// Reads a checkpoint of `trial`. Returns none for bytes that are no checkpoint of this trial and revision: the trial begins
    /// again.
    pub(crate) fn from_bytes(bytes: &[u8], trial: &Key) -> Option<Self> {
        let (state, notes) = from_bytes(bytes)?;
        let Notes { form, trial: owner, history, machine, seconds } = ron::from_str(&notes?).ok()?;
        let (history, machine) = (History::from_csv(&history).ok()?, History::from_csv(&machine).ok()?);
        let saved = Self { state, history, machine, seconds };
        (form == FORM_REVISION && owner == trial.to_string() && saved.epochs() > 0).then_some(saved)
    }
}

/// Returns the epoch after which a run would resume a trial that no process trains, or 0 if it would begin again.
pub fn saved_epochs(store: &Store, trial: &PlannedTrial) -> u32 {
    let bytes = store.saved(TRIAL, &trial.key);
    let saved =
        bytes.and_then(|bytes| Saved::from_bytes(&bytes, &trial.key)).map_or(0, |saved| saved.epochs());
    trial.beginning.as_ref().map_or(0, |beginning| beginning.result.epochs).max(saved)
}

#[cfg(test)]
mod tests {
    use history::Epoch;
    use settings::{Metric, Split};

    use super::*;

    #[test]
    fn a_checkpoint_survives_its_bytes() {
        let mut saved = Saved { seconds: 1.25, ..Saved::default() };
        saved.state.push(Array { name: "output/bias".into(), shape: vec![2], values: vec![0.1, -0.0] });
        for epoch in [1, 2] {
            let values = vec![(Metric::Loss(Split::Train), 0.1 + f64::from(epoch))];
            saved.history.push(Epoch { epoch, values }).expect("in order");
            saved.machine.push(Epoch { epoch, values: vec![] }).expect("in order");
        }
        let [mine, other] = [b"mine", b"other".as_slice()].map(Key::of_bytes);
        assert_eq!(Saved::from_bytes(&saved.to_bytes(&mine), &mine), Some(saved.clone()));
        assert_eq!(Saved::from_bytes(&saved.to_bytes(&other), &mine), None, "it is another trial's");
        assert_eq!(saved.epochs(), 2);
        assert_eq!(Saved::from_bytes(b"anything else", &mine), None);
        let of_an_earlier_build = to_bytes(&saved.state, Some("form 1\n1seconds 4\n1.25"));
        assert_eq!(Saved::from_bytes(&of_an_earlier_build, &mine), None);
        assert_eq!(Saved::from_bytes(&Saved::default().to_bytes(&mine), &mine), None, "no epoch is done");
    }
}
