"""Turns the model files of YOLOv5 and YOLOv8, as Ultralytics writes them, into specs."""

from .spec import spec_of_yolo

__all__ = ["spec_of_yolo"]
