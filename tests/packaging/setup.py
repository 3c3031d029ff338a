"""Somebody else's native transport: needs otel-etw installed, and no checkout of it."""

from Cython.Build import cythonize
from setuptools import Extension, setup

setup(
    name="native-transport",
    py_modules=[],
    ext_modules=cythonize([Extension("joined", ["joined.pyx"])], language_level=3),
)
