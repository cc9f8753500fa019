"""Predicts with a network that `cargo xtask export` wrote. Needs torch, numpy and safetensors.

    python examples/pytorch_predict.py DIR/CONFIGURATION/seed-0 IMAGES.npy [LOGITS.npy]

IMAGES.npy holds uint8 pixels, [examples, channels, height, width]. Prints the class of each image, or the reconstructed
pixels. docs/model-json.md explains model.json.
"""
import json
import sys
from pathlib import Path

import numpy
import torch
from safetensors.torch import load_file

folder, images = Path(sys.argv[1]), torch.from_numpy(numpy.load(sys.argv[2])).float()
model, arrays = json.loads((folder / "model.json").read_text()), load_file(folder / "weights.safetensors")
functions = {
    "tanh": torch.tanh, "relu": torch.relu, "swish": torch.nn.functional.silu, "sigmoid": torch.sigmoid,
    "leaky_relu": torch.nn.functional.leaky_relu, "elu": torch.nn.functional.elu,
    "identity": torch.nn.Identity(),
}
offset, divisor = (torch.tensor(model["inputs"]["scaling"][name]).reshape(-1, 1, 1) for name in ["offset", "divisor"])
images = ((images - offset) / divisor).flatten(1)


def normalized(h):
    if norm := model["normalization"]:
        return h / (h.square().mean(1, keepdim=True).sqrt() + norm["epsilon"])
    return h


def outputs(label):
    """Returns the output of every layer by its name; `label` is [1, classes] for networks that read one, else None."""
    h = images
    if place := (model["inputs"]["label"] or {}).get("place"):
        rows = label.expand(len(h), -1)
        h = torch.cat([rows, h[:, label.shape[1]:]] if place == "first" else [h, rows], 1)
    of_layers = {"input": h}
    for layer in model["layers"]:
        v = torch.cat([normalized(of_layers[name]) for name in layer["reads"]], 1) @ arrays[layer["weight"]]
        v = v + arrays[layer["bias"]] if layer["bias"] else v
        if norm := layer["batch_norm"]:
            mean, variance, gamma, beta = (arrays[norm[name]] for name in ["moving_mean", "moving_variance", "gamma", "beta"])
            v = torch.nn.functional.batch_norm(v, mean, variance, gamma, beta, eps=norm["epsilon"])
        slope = [layer["activation"]["slope"]] if "slope" in layer["activation"] else []
        of_layers[layer["name"]] = functions[layer["activation"]["name"]](v, *slope)
    return of_layers


if model["task"]["prediction"] == "goodness":
    read = model["layers"][-1]["reads"]
    passes = [outputs(label.unsqueeze(0)) for label in torch.eye(len(model["task"]["classes"]))]
    h = torch.stack([sum(of_layers[name].square().sum(1) for name in read) for of_layers in passes], 1)
else:
    label = model["inputs"]["label"]
    h = outputs(torch.full((1, label["size"]), label["neutral"]) if label else None)["output"]
if classes := model["task"]["classes"]:
    print(*(classes[index] for index in h.argmax(1)), sep="\n")
else:
    print("pixels, scaled like the input:", functions[model["task"]["squash"]](h), sep="\n")
if len(sys.argv) > 3:
    numpy.save(sys.argv[3], h.numpy())
