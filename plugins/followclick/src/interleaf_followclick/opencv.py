"""OpenCV without its type stubs, which know fewer array types than it takes."""

from typing import Any

import cv2 as _cv2

cv2: Any = _cv2
