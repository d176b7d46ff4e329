"""The modules of YOLOv5 and YOLOv8 as blocks of a spec.

Source: the architectures as published with the models, https://docs.ultralytics.com/models
"""

from __future__ import annotations

CONV = """\
  conv_bn_silu:
    params: {out: , kernel: 1, stride: 1, padding: kernel // 2, groups: 1}
    layers:
      - conv:
          out: out
          kernel: kernel
          stride: stride
          padding: padding
          groups: groups
          bias: false
      - {batchnorm: {eps: 0.001, momentum: 0.03}}
      - silu
"""
BOTTLENECK = """\
  bottleneck:
    params: {out: , hidden: , first: 1, shortcut: true}
    layers:
      - chain:
          - conv_bn_silu: {out: hidden, kernel: first}
          - conv_bn_silu: {out: out, kernel: 3}
        when: not shortcut or c != out
      - add:
          body:
            - conv_bn_silu: {out: hidden, kernel: first}
            - conv_bn_silu: {out: out, kernel: 3}
          shortcut: []
        when: shortcut and c == out
"""
C3 = """\
  c3:
    params: {out: , depth: 1, shortcut: true}
    layers:
      - concat:
          deep:
            - conv_bn_silu: out // 2
            - bottleneck: {out: out // 2, hidden: out // 2, shortcut: shortcut}
              repeat: depth
          other:
            - conv_bn_silu: out // 2
      - conv_bn_silu: out
"""
# A module that collects all results is written as concats that grow.
C2F = """\
  c2f:
    params: {out: , depth: 1, shortcut: false}
    layers:
      - conv_bn_silu: 2 * (out // 2)
      - concat:
          all: []
          next:
            - slice: {start: -(out // 2), stop: null}
            - bottleneck: {out: out // 2, hidden: out // 2, first: 3, shortcut: shortcut}
        repeat: depth
      - conv_bn_silu: out
"""
SPPF = """\
  sppf:
    params: {out: , kernel: 5}
    layers:
      - conv_bn_silu: c // 2
        name: once
      - {maxpool: {kernel: kernel, stride: 1, padding: kernel // 2}, name: twice}
      - {maxpool: {kernel: kernel, stride: 1, padding: kernel // 2}, name: thrice}
      - {maxpool: {kernel: kernel, stride: 1, padding: kernel // 2}, name: last}
      - concat: [once, twice, thrice, last]
      - conv_bn_silu: out
"""
DETECT = """\
  detect:
    params: {boxes: , hidden: , classes: }
    layers:
      - concat:
          box:
            - conv_bn_silu: {out: boxes, kernel: 3}
            - conv_bn_silu: {out: boxes, kernel: 3}
            - conv: {out: 64, kernel: 1}
          class:
            - conv_bn_silu: {out: hidden, kernel: 3}
            - conv_bn_silu: {out: hidden, kernel: 3}
            - conv: {out: classes, kernel: 1}
"""
# In the order in which a spec has them: a block after those that it uses.
BLOCKS = {
    "conv_bn_silu": CONV,
    "bottleneck": BOTTLENECK,
    "c3": C3,
    "c2f": C2F,
    "sppf": SPPF,
    "detect": DETECT,
}
USES = {"c3": ("bottleneck",), "c2f": ("bottleneck",)}
