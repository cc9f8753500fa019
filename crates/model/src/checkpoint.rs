//! Networks as named arrays, and files of named arrays in the safetensors format.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::{Path, PathBuf},
};

use burn::tensor::{Tensor, TensorData, backend::Backend};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::{Kernels, Layer, Network, Parameter};

/// A named array of one trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The name, for example `layer_1/weight`. Layers count from 1; the output layer is `output`.
    pub name: String,
    /// The lengths of the axes, without the trials axis.
    pub shape: Vec<usize>,
    /// The values in row-major order.
    pub values: Vec<f32>,
}

#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("cannot {action} {}", path.display())]
    Io {
        /// The action that failed, `write` or `read`.
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("{} is not a safetensors file of 32-bit floats: {reason}", path.display())]
    Format { path: PathBuf, reason: String },
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Parameter,
    Moment,
    MovingStatistic,
}

impl<B: Kernels> Network<B> {
    /// Returns the arrays of the trial at `position` that inference needs: parameters and moving statistics.
    pub fn arrays(&self, position: usize) -> Vec<Array> {
        self.arrays_of_kinds(&[Kind::Parameter, Kind::MovingStatistic], position)
    }

    /// Returns all arrays of the trial at `position` that learning changes: parameters, the optimizer's moments and moving
    /// statistics.
    pub fn state(&self, position: usize) -> Vec<Array> {
        self.arrays_of_kinds(&[Kind::Parameter, Kind::Moment, Kind::MovingStatistic], position)
    }

    fn arrays_of_kinds(&self, kinds: &[Kind], position: usize) -> Vec<Array> {
        let mut arrays = Vec::new();
        self.clone().visit(&mut |name, kind, tensor| {
            if kinds.contains(&kind) {
                arrays.push(array(name, tensor, position));
            }
        });
        arrays
    }

    /// Replaces the state of each trial by the arrays that [`state`](Self::state) returned.
    ///
    /// # Panics
    /// If a state is not of networks with this architecture.
    pub fn restored(mut self, states: &[Vec<Array>]) -> Self {
        self.visit(&mut |name, _, tensor| {
            let values: Vec<f32> = states
                .iter()
                .flat_map(|state| {
                    let array = state.iter().find(|array| array.name == name);
                    array.expect("a state holds all arrays of its network").values.iter().copied()
                })
                .collect();
            *tensor = Tensor::from_data(TensorData::new(values, tensor.dims()), &tensor.device());
        });
        self
    }

    /// Calls `visitor` with the name, the kind and the tensor of each array that learning changes.
    fn visit(&mut self, visitor: &mut Visitor<'_, B>) {
        for (layer, number) in self.hidden.iter_mut().zip(1..) {
            visit_layer(layer, &format!("layer_{number}"), visitor);
        }
        visit_layer(&mut self.output, "output", visitor);
    }
}

type Visitor<'a, B> = dyn FnMut(String, Kind, &mut Tensor<B, 3>) + 'a;

fn visit_layer<B: Kernels>(layer: &mut Layer<B>, name: &str, visitor: &mut Visitor<'_, B>) {
    visit_parameter(&mut layer.weight, format!("{name}/weight"), visitor);
    if let Some(bias) = &mut layer.bias {
        visit_parameter(bias, format!("{name}/bias"), visitor);
    }
    if let Some(norm) = &mut layer.batch_norm {
        visit_parameter(&mut norm.gamma, format!("{name}/gamma"), visitor);
        visit_parameter(&mut norm.beta, format!("{name}/beta"), visitor);
        visitor(format!("{name}/moving_mean"), Kind::MovingStatistic, &mut norm.moving_mean);
        visitor(format!("{name}/moving_variance"), Kind::MovingStatistic, &mut norm.moving_variance);
    }
}

fn visit_parameter<B: Kernels>(parameter: &mut Parameter<B>, name: String, visitor: &mut Visitor<'_, B>) {
    let (first, second) = (format!("{name}/first_moment"), format!("{name}/second_moment"));
    visitor(name, Kind::Parameter, &mut parameter.value);
    visitor(first, Kind::Moment, &mut parameter.moments.first);
    visitor(second, Kind::Moment, &mut parameter.moments.second);
}

/// Returns the trial at `position` of a `[trials, rows, columns]` tensor as an array; a single row becomes a vector.
pub fn array<B: Backend>(name: String, tensor: &Tensor<B, 3>, position: usize) -> Array {
    let [_, rows, columns] = tensor.dims();
    let trial = tensor.clone().slice([position..position + 1, 0..rows, 0..columns]);
    let values = trial.into_data().convert::<f32>().into_vec().expect("the data was converted to f32");
    Array { name, shape: if rows == 1 { vec![columns] } else { vec![rows, columns] }, values }
}

/// Serializes `arrays` and `notes` as a safetensors file. The same arrays and notes give the same bytes.
pub fn to_bytes(arrays: &[Array], notes: &BTreeMap<String, String>) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = arrays
        .iter()
        .map(|array| array.values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let views = arrays.iter().zip(&bytes).map(|(array, bytes)| {
        let view = TensorView::new(Dtype::F32, array.shape.clone(), bytes)
            .expect("an array's values fill its shape");
        (array.name.as_str(), view)
    });
    // One metadata entry holds all notes, because the order of several entries would differ from run to run.
    let notes = match notes.len() {
        0 => None,
        _ => Some(HashMap::from([("notes".to_owned(), notes_text(notes))])),
    };
    safetensors::serialize(views, notes).expect("names differ and values fill their shapes")
}

/// Serializes notes as one text that [`notes_of`] parses: for each note `name length`, a line break, and its text.
fn notes_text(notes: &BTreeMap<String, String>) -> String {
    notes.iter().map(|(name, text)| format!("{name} {}\n{text}", text.len())).collect()
}

fn notes_of(mut text: &str) -> Option<BTreeMap<String, String>> {
    let mut notes = BTreeMap::new();
    while !text.is_empty() {
        let (head, rest) = text.split_once('\n')?;
        let (name, length) = head.split_once(' ')?;
        let length = length.parse().ok()?;
        notes.insert(name.to_owned(), rest.get(..length)?.to_owned());
        text = &rest[length..];
    }
    Some(notes)
}

/// Writes `arrays` to `path`; the same arrays give the same bytes.
///
/// # Errors
/// If the file cannot be written.
pub fn write(path: &Path, arrays: &[Array]) -> Result<(), CheckpointError> {
    fs::write(path, to_bytes(arrays, &BTreeMap::new())).map_err(|source| CheckpointError::Io {
        action: "write",
        path: path.into(),
        source,
    })
}

/// Parses the result of [`to_bytes`] into the arrays, sorted by name, and the notes. Returns `None` for other bytes.
pub fn from_bytes(bytes: &[u8]) -> Option<(Vec<Array>, BTreeMap<String, String>)> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    let notes = header.metadata().as_ref().and_then(|notes| notes.get("notes"));
    let notes = notes.map_or(Some(BTreeMap::new()), |text| notes_of(text))?;
    Some((arrays_in(bytes).ok()?, notes))
}

/// Reads a file that [`write`] wrote. Returns the arrays sorted by name.
///
/// # Errors
/// If the file cannot be read, or is not a safetensors file of 32-bit floats.
pub fn read(path: &Path) -> Result<Vec<Array>, CheckpointError> {
    let bytes =
        fs::read(path).map_err(|source| CheckpointError::Io { action: "read", path: path.into(), source })?;
    arrays_in(&bytes).map_err(|reason| CheckpointError::Format { path: path.into(), reason })
}

/// Returns the arrays of a safetensors file, sorted by name, or the reason why the bytes are not such a file of 32-bit
/// floats.
fn arrays_in(bytes: &[u8]) -> Result<Vec<Array>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let mut arrays = file
        .tensors()
        .into_iter()
        .map(|(name, view)| match view.dtype() {
            Dtype::F32 => {
                let values =
                    view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
                Ok(Array { name, shape: view.shape().to_vec(), values })
            }
            other => Err(format!("`{name}` is {other:?}")),
        })
        .collect::<Result<Vec<_>, _>>()?;
    arrays.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(arrays)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_survive_a_file() {
        let path = std::env::temp_dir().join(format!("checkpoint-{}.safetensors", std::process::id()));
        let array = |name: &str, shape: &[usize], values: &[f32]| Array {
            name: name.into(),
            shape: shape.into(),
            values: values.into(),
        };
        let arrays = [
            array("layer_1/bias", &[2], &[0.5, -0.0]),
            array("layer_1/weight", &[1, 2], &[f32::MIN_POSITIVE, 1e30]),
        ];
        write(&path, &arrays).expect("the temporary folder can be written");
        assert_eq!(read(&path).expect("it was just written"), arrays);
        fs::write(&path, b"not a checkpoint").expect("the temporary folder can be written");
        assert!(matches!(read(&path), Err(CheckpointError::Format { .. })));
        fs::remove_file(&path).expect("it was just written");
    }
}
