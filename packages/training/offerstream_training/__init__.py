"""Fits models offline and writes them as ONNX graphs with a manifest, which the TypeScript scorer serves."""
