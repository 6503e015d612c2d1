"""onnxruntime on one thread, so that the bits hang on no batch."""

import numpy as np
import onnxruntime as ort


def run(model: bytes, rows: np.ndarray, output: str) -> np.ndarray:
    """An output of a graph, (n,) or (n, k) where it has k columns, for rows (n, width) float32 past the boundary.

    In parts of 5,000 rows: a leaf probe holds rows × trees numbers.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=['CPUExecutionProvider'])
    name = session.get_inputs()[0].name
    parts = [session.run([output], {name: rows[at : at + 5000]})[0] for at in range(0, len(rows), 5000)]
    answer = np.concatenate(parts)
    return answer[:, 0] if answer.shape[1] == 1 else answer
