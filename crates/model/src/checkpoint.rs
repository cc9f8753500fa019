//! Networks as named arrays, and named arrays as safetensors files.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::{Path, PathBuf},
};

use burn::tensor::{Tensor, TensorData, backend::Backend};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::{BatchNorm, Kernels, Layer, Moments, Network, Parameter};

/// A named array of one trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// For example `layer_1/weight`; layers count from 1, the output layer is `output`.
    pub name: String,
    /// Lengths of the axes, without the trials axis.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

/// Why a checkpoint could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// `write` or `read`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes are no safetensors file, or hold something else than 32-bit floats.
    #[error("{} is not a safetensors file of 32-bit floats: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl<B: Kernels> Network<B> {
    /// Every array of the trial at `position`: what is needed to compute the same answers elsewhere.
    pub fn arrays(&self, position: usize) -> Vec<Array> {
        let named = |layer: &Layer<B>, name: &str| {
            let mut arrays = vec![array(format!("{name}/weight"), &layer.weight.value, position)];
            if let Some(bias) = &layer.bias {
                arrays.push(array(format!("{name}/bias"), &bias.value, position));
            }
            if let Some(norm) = &layer.batch_norm {
                arrays.push(array(format!("{name}/gamma"), &norm.gamma.value, position));
                arrays.push(array(format!("{name}/beta"), &norm.beta.value, position));
                arrays.push(array(format!("{name}/moving_mean"), &norm.moving_mean, position));
                arrays.push(array(format!("{name}/moving_variance"), &norm.moving_variance, position));
            }
            arrays
        };
        let hidden = self
            .hidden
            .iter()
            .enumerate()
            .flat_map(|(index, layer)| named(layer, &format!("layer_{}", index + 1)));
        hidden.chain(named(&self.output, "output")).collect()
    }
}

impl<B: Kernels> Network<B> {
    /// Everything of the trial at `position` that learning changes: parameters, the optimizer's moments, moving statistics.
    pub fn state(&self, position: usize) -> Vec<Array> {
        let mut arrays = Vec::new();
        // Only the visit counts.
        let _ = self.clone().map(&mut |name, tensor| {
            arrays.push(array(name, &tensor, position));
            tensor
        });
        arrays
    }

    /// The same networks with the [`state`](Self::state) of each trial put back.
    ///
    /// # Panics
    /// If a state is not of networks like these.
    #[must_use]
    pub fn restored(self, states: &[Vec<Array>]) -> Self {
        self.map(&mut |name, tensor| {
            let [trials, rows, columns] = tensor.dims();
            let values: Vec<f32> = states
                .iter()
                .flat_map(|state| {
                    let array = state.iter().find(|array| array.name == name);
                    array.expect("a state holds what a network is made of").values.iter().copied()
                })
                .collect();
            Tensor::from_data(TensorData::new(values, [trials, rows, columns]), &tensor.device())
        })
    }

    /// The networks with every tensor that learning changes replaced by what `change` makes of it and its name.
    fn map(self, change: &mut dyn FnMut(String, Tensor<B, 3>) -> Tensor<B, 3>) -> Self {
        let named = (1..).map(|layer| format!("layer_{layer}"));
        Self {
            hidden: self
                .hidden
                .into_iter()
                .zip(named)
                .map(|(layer, name)| map_layer(layer, &name, change))
                .collect(),
            output: map_layer(self.output, "output", change),
            ..self
        }
    }
}

fn map_layer<B: Kernels>(
    layer: Layer<B>,
    name: &str,
    change: &mut dyn FnMut(String, Tensor<B, 3>) -> Tensor<B, 3>,
) -> Layer<B> {
    let mut parameter = |parameter: Parameter<B>, of: &str| Parameter {
        value: change(format!("{name}/{of}"), parameter.value),
        moments: Moments {
            first: change(format!("{name}/{of}/first_moment"), parameter.moments.first),
            second: change(format!("{name}/{of}/second_moment"), parameter.moments.second),
        },
    };
    let weight = parameter(layer.weight, "weight");
    let bias = layer.bias.map(|bias| parameter(bias, "bias"));
    let norm = layer.batch_norm.map(|norm| {
        let (gamma, beta) = (parameter(norm.gamma, "gamma"), parameter(norm.beta, "beta"));
        (gamma, beta, norm.moving_mean, norm.moving_variance)
    });
    let batch_norm = norm.map(|(gamma, beta, mean, variance)| BatchNorm {
        gamma,
        beta,
        moving_mean: change(format!("{name}/moving_mean"), mean),
        moving_variance: change(format!("{name}/moving_variance"), variance),
    });
    Layer { weight, bias, batch_norm, precision: layer.precision }
}

/// The trial at `position` of a `[trials, rows, columns]` tensor; a single row becomes a vector.
pub fn array<B: Backend>(name: String, tensor: &Tensor<B, 3>, position: usize) -> Array {
    let [_, rows, columns] = tensor.dims();
    let trial = tensor.clone().slice([position..position + 1, 0..rows, 0..columns]);
    let values = trial.into_data().convert::<f32>().into_vec().expect("the data was converted to f32");
    Array { name, shape: if rows == 1 { vec![columns] } else { vec![rows, columns] }, values }
}

/// `arrays` as a safetensors file with `notes`; the same arrays and notes give the same bytes.
#[must_use]
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
    // Of several notes, the order would differ from run to run.
    let notes = match notes.len() {
        0 => None,
        _ => Some(HashMap::from([("notes".to_owned(), notes_text(notes))])),
    };
    safetensors::serialize(views, notes).expect("names differ and values fill their shapes")
}

/// Notes as one text: `name length text`, one after the other.
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
    let io = |source| CheckpointError::Io { action: "write", path: path.into(), source };
    fs::write(path, to_bytes(arrays, &BTreeMap::new())).map_err(io)
}

/// The arrays, sorted by name, and the notes, of what [`to_bytes`] made; none of anything else.
#[must_use]
pub fn from_bytes(bytes: &[u8]) -> Option<(Vec<Array>, BTreeMap<String, String>)> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    let notes = header.metadata().as_ref().and_then(|notes| notes.get("notes"));
    let notes = notes.map_or(Some(BTreeMap::new()), |text| notes_of(text))?;
    let file = SafeTensors::deserialize(bytes).ok()?;
    let mut views = file.tensors();
    views.sort_by(|(left, _), (right, _)| left.cmp(right));
    let arrays = views.into_iter().map(|(name, view)| {
        (view.dtype() == Dtype::F32).then(|| Array {
            name,
            shape: view.shape().to_vec(),
            values: floats(view.data()),
        })
    });
    Some((arrays.collect::<Option<_>>()?, notes))
}

/// Reads what [`write`] wrote, sorted by name.
///
/// # Errors
/// If the file cannot be read, or is not a safetensors file of 32-bit floats.
pub fn read(path: &Path) -> Result<Vec<Array>, CheckpointError> {
    let bytes =
        fs::read(path).map_err(|source| CheckpointError::Io { action: "read", path: path.into(), source })?;
    let format = |reason: String| CheckpointError::Format { path: path.into(), reason };
    let file = SafeTensors::deserialize(&bytes).map_err(|error| format(error.to_string()))?;
    let mut arrays = file
        .tensors()
        .into_iter()
        .map(|(name, view)| match view.dtype() {
            Dtype::F32 => Ok(Array { name, shape: view.shape().to_vec(), values: floats(view.data()) }),
            other => Err(format(format!("`{name}` is {other:?}"))),
        })
        .collect::<Result<Vec<_>, _>>()?;
    arrays.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(arrays)
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
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
