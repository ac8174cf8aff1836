"""Makes the bundle ``tiny``: a recogniser that can be worked out by hand, for tests. Run it where TensorFlow is.

A strip of 8x32 has 16 columns of 8x2 pixels. A black column is an A, a white one a B, a grey one a blank; the other 34
characters of the plate alphabet are there and never win.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import tensorflow as tf

HEIGHT, WIDTH, STEPS = 8, 32, 16
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Tiny(tf.Module):
    """The mean of each column, weighed for each class."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = np.zeros((1, 1, 1, 37), np.float32)
        self.bias = np.full(37, -8, np.float32)
        for character, weight in (("A", -8), ("B", 8)):
            self.weights[..., 1 + ALPHABET.index(character)] = weight
            self.bias[1 + ALPHABET.index(character)] = 0
        self.bias[0] = 4

    @tf.function(input_signature=[tf.TensorSpec((1, HEIGHT, WIDTH, 1), tf.float32)])
    def __call__(self, image: tf.Tensor) -> tf.Tensor:
        """Logits, (1, STEPS, 37)."""
        columns = tf.nn.avg_pool2d(image, (HEIGHT, WIDTH // STEPS), (HEIGHT, WIDTH // STEPS), "VALID")
        logits = tf.nn.bias_add(tf.nn.conv2d(columns, self.weights, 1, "VALID"), self.bias)
        return tf.reshape(logits, (1, STEPS, 37))


def main() -> None:
    """Write model.tflite, int8 in and out, and model.toml."""
    tiny = Tiny()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([tiny.__call__.get_concrete_function()], tiny)
    rng = np.random.default_rng(0)
    columns = [rng.choice([-1, 0, 1], size=(1, 1, WIDTH, 1)).astype(np.float32) for _ in range(50)]
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([np.repeat(column, HEIGHT, axis=1)] for column in columns)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    model = converter.convert()
    folder = Path(__file__).parent / "tiny"
    folder.mkdir(exist_ok=True)
    (folder / "model.tflite").write_bytes(model)
    card = f"""# Made by ../make_tiny.py: a black column is an A, a white one a B, a grey one a blank.
format = 1
task = "recognise"
kind = "plate"

[model]
file = "model.tflite"
sha256 = "{hashlib.sha256(model).hexdigest()}"
bytes = {len(model)}

[recognise]
alphabet = "{ALPHABET}"
blank = 0
temperature = 1.0
height = {HEIGHT}
width = {WIDTH}
"""
    (folder / "model.toml").write_text(card, "utf-8")


if __name__ == "__main__":
    main()
