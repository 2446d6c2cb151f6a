"""XGBoost's own library without its Python package, whose imports (SciPy) are most of an image and of a start.

The C API is documented at https://xgboost.readthedocs.io/en/stable/dev/group__c__api.html
"""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path

import numpy as np

_ARGUMENTS = b'{"type": 0, "training": false, "iteration_begin": 0, "iteration_end": 0, "strict_shape": false, "missing": NaN}'


def find_library() -> Path:
    """Find libxgboost.so of the installed xgboost, which is not imported."""
    spec = importlib.util.find_spec("xgboost")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("xgboost is not installed")
    return Path(spec.submodule_search_locations[0]) / "lib" / "libxgboost.so"


class Booster:
    """A trained booster on one thread: what a request costs does not depend on its neighbours.

    Raises:
        OSError: the library or the model cannot be read.
        RuntimeError: the library refuses the model.
    """

    def __init__(self, model: bytes):
        library = ctypes.CDLL(str(find_library()))
        library.XGBGetLastError.restype = ctypes.c_char_p
        self._library = library
        self._handle = ctypes.c_void_p()
        self._check(library.XGBoosterCreate(None, ctypes.c_uint64(0), ctypes.byref(self._handle)))
        self._check(library.XGBoosterLoadModelFromBuffer(self._handle, model, ctypes.c_uint64(len(model))))
        self._check(library.XGBoosterSetParam(self._handle, b"nthread", b"1"))

    def inplace_predict(self, X: np.ndarray, validate_features: bool = False) -> np.ndarray:
        """Predict as xgboost.Booster.inplace_predict: float32 (n,) or (n, classes) of X (n, p) float64, contiguous."""
        interface = b'{"data":[%d,true],"shape":[%d,%d],"typestr":"<f8","version":3}' % (
            X.ctypes.data,
            *X.shape,
        )
        shape, result = ctypes.POINTER(ctypes.c_uint64)(), ctypes.POINTER(ctypes.c_float)()
        dimensions = ctypes.c_uint64()
        self._check(
            self._library.XGBoosterPredictFromDense(
                self._handle,
                interface,
                _ARGUMENTS,
                None,
                ctypes.byref(shape),
                ctypes.byref(dimensions),
                ctypes.byref(result),
            )
        )
        # The library's buffer is used again by the next call.
        return np.ctypeslib.as_array(result, tuple(shape[: dimensions.value])).copy()

    def _check(self, code: int) -> None:
        if code:
            raise RuntimeError(self._library.XGBGetLastError().decode(errors="replace"))
