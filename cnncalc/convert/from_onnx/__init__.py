"""Reads ONNX files, without the package onnx and without their weights."""
