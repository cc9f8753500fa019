//! Networks as named arrays, and named arrays as safetensors files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use burn::tensor::{Tensor, backend::Backend};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::{Kernels, Layer, Network};

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

/// The trial at `position` of a `[trials, rows, columns]` tensor; a single row becomes a vector.
pub fn array<B: Backend>(name: String, tensor: &Tensor<B, 3>, position: usize) -> Array {
    let [_, rows, columns] = tensor.dims();
    let trial = tensor.clone().slice([position..position + 1, 0..rows, 0..columns]);
    let values = trial.into_data().convert::<f32>().into_vec().expect("the data was converted to f32");
    Array { name, shape: if rows == 1 { vec![columns] } else { vec![rows, columns] }, values }
}

/// Writes `arrays` to `path`; the same arrays give the same bytes.
///
/// # Errors
/// If the file cannot be written.
pub fn write(path: &Path, arrays: &[Array]) -> Result<(), CheckpointError> {
    let io = |source| CheckpointError::Io { action: "write", path: path.into(), source };
    let bytes: Vec<Vec<u8>> = arrays
        .iter()
        .map(|array| array.values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let views = arrays.iter().zip(&bytes).map(|(array, bytes)| {
        let view = TensorView::new(Dtype::F32, array.shape.clone(), bytes)
            .expect("an array's values fill its shape");
        (array.name.as_str(), view)
    });
    let file = safetensors::serialize(views, None).map_err(|reason| io(io::Error::other(reason)))?;
    fs::write(path, file).map_err(io)
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
