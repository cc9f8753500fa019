//! Networks as named arrays, and the bytes of named arrays in the safetensors format.

use std::collections::HashMap;

use burn::tensor::{Tensor, TensorData, backend::Backend};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::{Layer, Network};
use kernels::{Kernels, Parameter, Weights};

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

/// The role of an array in a network.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Parameter,
    /// A part of the optimizer's state.
    State,
    MovingStatistic,
}

impl<B: Kernels> Network<B> {
    /// Returns the arrays of the trial at `position` that inference needs: parameters and moving statistics.
    pub fn arrays(&self, position: usize) -> Vec<Array> {
        self.arrays_of_kinds(&[Kind::Parameter, Kind::MovingStatistic], position)
    }

    /// Returns all arrays of the trial at `position` that learning changes: parameters, the optimizer's state and moving
    /// statistics.
    pub fn state(&self, position: usize) -> Vec<Array> {
        self.arrays_of_kinds(&[Kind::Parameter, Kind::State, Kind::MovingStatistic], position)
    }

    fn arrays_of_kinds(&self, kinds: &[Kind], position: usize) -> Vec<Array> {
        let mut arrays = Vec::new();
        self.clone().visit(&mut |name, kind, values| {
            if kinds.contains(&kind) {
                arrays.push(values.array(name, position));
            }
        });
        arrays
    }

    /// Replaces the state of each trial by the arrays that [`state`](Self::state) returned.
    ///
    /// # Panics
    /// If a state is not of networks with this architecture.
    pub fn restored(mut self, states: &[Vec<Array>]) -> Self {
        self.visit(&mut |name, _, values| values.replace(saved(&name, states)));
        self
    }

    /// Calls `visitor` with the name, the kind and the values of each array that learning changes.
    fn visit(&mut self, visitor: &mut Visitor<'_, B>) {
        let states = self.optimizer.states();
        for (layer, number) in self.hidden.iter_mut().zip(1..) {
            visit_layer(layer, &format!("layer_{number}"), states, visitor);
        }
        visit_layer(&mut self.output, "output", states, visitor);
    }
}

type Visitor<'a, B> = dyn FnMut(String, Kind, &mut dyn Values<B>) + 'a;

/// Values of each trial that arrays hold in row-major order.
trait Values<B: Backend> {
    /// Returns the values of the trial at `position`.
    fn array(&self, name: String, position: usize) -> Array;

    /// Replaces the values of all trials.
    fn replace(&mut self, values: Vec<f32>);
}

impl<B: Backend> Values<B> for Tensor<B, 3> {
    fn array(&self, name: String, position: usize) -> Array {
        array(name, self, position)
    }

    fn replace(&mut self, values: Vec<f32>) {
        *self = Tensor::from_data(TensorData::new(values, self.dims()), &self.device());
    }
}

impl<B: Kernels> Values<B> for Weights<B> {
    fn array(&self, name: String, position: usize) -> Array {
        array_of_weights(name, self, position)
    }

    fn replace(&mut self, values: Vec<f32>) {
        let plain = TensorData::new(values, self.dims());
        *self = Self::new(Tensor::from_data(plain, &self.values.device()));
    }
}

/// Visits the arrays of a layer; `states` are the names of the optimizer's state.
fn visit_layer<B: Kernels>(layer: &mut Layer<B>, name: &str, states: &[&str], visitor: &mut Visitor<'_, B>) {
    visit_parameter(&mut layer.weight, format!("{name}/weight"), states, visitor);
    if let Some(bias) = &mut layer.bias {
        visit_parameter(bias, format!("{name}/bias"), states, visitor);
    }
    if let Some(norm) = &mut layer.batch_norm {
        visit_parameter(&mut norm.gamma, format!("{name}/gamma"), states, visitor);
        visit_parameter(&mut norm.beta, format!("{name}/beta"), states, visitor);
        visitor(format!("{name}/moving_mean"), Kind::MovingStatistic, &mut norm.moving_mean);
        visitor(format!("{name}/moving_variance"), Kind::MovingStatistic, &mut norm.moving_variance);
    }
}

fn visit_parameter<B: Kernels, T: Values<B>>(
    parameter: &mut Parameter<T>,
    name: String,
    states: &[&str],
    visitor: &mut Visitor<'_, B>,
) {
    let names: Vec<String> = states.iter().map(|state| format!("{name}/{state}")).collect();
    visitor(name, Kind::Parameter, &mut parameter.value);
    for (name, state) in names.into_iter().zip(&mut parameter.states) {
        visitor(name, Kind::State, state);
    }
}

/// Returns the values of an array of each state, one after the other.
fn saved(name: &str, states: &[Vec<Array>]) -> Vec<f32> {
    let of_states = states.iter().flat_map(|state| {
        let array = state.iter().find(|array| array.name == name);
        array.expect("a state holds all arrays of its trial").values.iter().copied()
    });
    of_states.collect()
}

/// Returns the matrices with this name in some states, which are shaped `like` others.
///
/// # Panics
/// If a state has no such array.
pub fn restored_weights<B: Kernels>(name: &str, like: &Weights<B>, states: &[Vec<Array>]) -> Weights<B> {
    let [_, rows, columns] = like.dims();
    let plain = TensorData::new(saved(name, states), [states.len(), rows, columns]);
    Weights::new(Tensor::from_data(plain, &like.values.device()))
}

/// Returns the rows with this name in some states, which are shaped `like` others, `[trials, 1, columns]`.
///
/// # Panics
/// If a state has no such array.
pub fn restored<B: Backend>(name: &str, like: &Tensor<B, 3>, states: &[Vec<Array>]) -> Tensor<B, 3> {
    let [_, rows, columns] = like.dims();
    let values = TensorData::new(saved(name, states), [states.len(), rows, columns]);
    Tensor::from_data(values, &like.device())
}

/// Returns the matrix of the trial at `position` as an array.
pub fn array_of_weights<B: Kernels>(name: String, weights: &Weights<B>, position: usize) -> Array {
    array(name, &weights.part(&(position..position + 1)).plain(), 0)
}

/// Returns the trial at `position` of a `[trials, rows, columns]` tensor as an array; a single row becomes a vector.
pub fn array<B: Backend>(name: String, tensor: &Tensor<B, 3>, position: usize) -> Array {
    let [_, rows, columns] = tensor.dims();
    let trial = tensor.clone().slice([position..position + 1, 0..rows, 0..columns]);
    let mut values: Vec<f32> =
        trial.into_data().convert::<f32>().into_vec().expect("the data was converted to f32");
    // Processors differ in the bits of the NaNs that they compute.
    values.iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = f32::NAN);
    Array { name, shape: if rows == 1 { vec![columns] } else { vec![rows, columns] }, values }
}

/// Serializes `arrays` and `notes` as a safetensors file. The same arrays and notes give the same bytes.
pub fn to_bytes(arrays: &[Array], notes: Option<&str>) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = arrays
        .iter()
        .map(|array| array.values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let views = arrays.iter().zip(&bytes).map(|(array, bytes)| {
        let view = TensorView::new(Dtype::F32, array.shape.clone(), bytes)
            .expect("an array's values fill its shape");
        (array.name.as_str(), view)
    });
    let metadata = notes.map(|notes| HashMap::from([(NOTES.to_owned(), notes.to_owned())]));
    safetensors::serialize(views, metadata).expect("names differ and values fill their shapes")
}

/// The file's only entry of metadata, because the order of several entries would differ from run to run.
const NOTES: &str = "notes";

/// Parses the result of [`to_bytes`] into the arrays, sorted by name, and the notes. Returns `None` for other bytes.
pub fn from_bytes(bytes: &[u8]) -> Option<(Vec<Array>, Option<String>)> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    let notes = header.metadata().as_ref().and_then(|metadata| metadata.get(NOTES).cloned());
    let tensors = SafeTensors::deserialize(bytes).ok()?.tensors();
    if tensors.iter().any(|(_, view)| view.dtype() != Dtype::F32) {
        return None;
    }
    let mut arrays: Vec<Array> = tensors
        .into_iter()
        .map(|(name, view)| {
            let values = view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            Array { name, shape: view.shape().to_vec(), values }
        })
        .collect();
    arrays.sort_by(|left, right| left.name.cmp(&right.name));
    Some((arrays, notes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_survive_their_bytes() {
        let array = |name: &str, shape: &[usize], values: &[f32]| Array {
            name: name.into(),
            shape: shape.into(),
            values: values.into(),
        };
        let arrays = vec![
            array("layer_1/bias", &[2], &[0.5, -0.0]),
            array("layer_1/weight", &[1, 2], &[f32::MIN_POSITIVE, 1e30]),
        ];
        assert_eq!(from_bytes(&to_bytes(&arrays, None)), Some((arrays, None)));
        assert_eq!(from_bytes(b"not a checkpoint"), None);
        let half = TensorView::new(Dtype::F16, vec![1], &[0, 0]).expect("it fills its shape");
        let half = safetensors::serialize([("half", half)], None).expect("it fills its shape");
        assert_eq!(from_bytes(&half), None);
    }
}
