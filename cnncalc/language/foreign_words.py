"""Lists words of other frameworks that have no operator here, with advice on each.

Words are in the plain forms of `ops/words.py`. Words for an operator are in the operator's class.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..ops.words import Translation, plain_forms, translations

LISTED = "`cnncalc ops` lists the operators"
_NO_OPERATOR = f"cnncalc has no such operator; {LISTED}"

_LONGEST = 100  # most characters of a word that are compared

# Patterns for whole words, tried in this order.
_ADVICE = (
    (
        "op|type|layer",
        "write the operator itself as the key: `- relu`, `- conv: {out: 8, kernel: 3}`",
    ),
    ("pool(ing)?", "say which: `maxpool` or `avgpool`"),
    ("globalpool(ing)?", "say which: `globalmaxpool` or `globalavgpool`"),
    ("adaptivepool(ing)?", "say which: `adaptivemaxpool` or `adaptiveavgpool`"),
    (
        "norm|normali[sz]ation|normali[sz]e",
        "say which: `batchnorm`, `groupnorm`, `layernorm` …",
    ),
    ("activation|act|nonlinearity", "write the activation by its own name: `- relu`"),
    ("eltwise|elementwise|merge", "say which: `add`, `sub`, `mul` or `concat`"),
    ("conv([1-9])x\\1", "write the size as a field: `conv: {out: 8, kernel: 3}`"),
    (
        "dwconv|depthwise(conv|convolution)?|convdepthwise",
        "a depthwise convolution is `conv: {out: c, kernel: 3, groups: c}`",
    ),
    (
        "separableconv(olution)?|depthwiseseparableconv|sepconv",
        "a depthwise `conv` with `groups: c`, then one with `kernel: 1`",
    ),
    ("pointwiseconv(olution)?|pwconv", "a pointwise convolution is `conv` with `kernel: 1`"),
    ("group(ed)?conv(olution)?", "a grouped convolution is `conv` with `groups`"),
    ("(dilated|atrous)conv(olution)?", "a dilated convolution is `conv` with `dilation`"),
    (
        "addmatmul|dot|einsum|bilinear",
        "`matmul` multiplies two branches as matrices, if need be after `permute`; `linear` has "
        "trained weights, and `mul` multiplies value by value",
    ),
    (
        "maxdepool(ing)?|avgunpool(ing)?|maxpoolwithargmax",
        "write `maxpool`, and `maxunpool: NAME` where its maxima are put back",
    ),
    (
        "swapaxes|moveaxis|movedim|swapdims",
        "`permute` takes the whole new order of the axes; the channels are axis 0",
    ),
    (
        "squeeze|unsqueeze|expanddims|batchtospace|repeatvector",
        "`reshape` takes the whole new shape, without the batch",
    ),
    (
        "unbind|unstack",
        "`slice` takes one position of an axis: write one for each, all `from` the same layer",
    ),
    (
        "scaling|bias|biasadd|channelaffine",
        "the norms include a scale and a shift per channel; for one alone, "
        "write `scale: {by: 1, trained: per_channel}` or `shift: {by: 0, trained: per_channel}`",
    ),
    (
        "(spatial|feature)?(alpha)?dropout([123]d)?|gaussiandropout|dropconnect|dropblock",
        "cnncalc has three kinds of dropout: `dropout` zeroes single values, "
        "`dropout2d` channels of a map, `stochastic_depth` a branch",
    ),
    (
        "(zero|constant|reflection|replication|circular|mirror|symmetric|edge)?pad(ding|v2)?",
        "to pad a map, write `pad: {amount: 1, mode: zeros}`, or another mode",
    ),
    (
        "input(layer|spec)?|data|imagedata|hdf5data|dummydata|placeholder",
        "write the input at the top level of the spec: `input: [3, 224, 224]`",
    ),
    (
        "outputs?|return|result",
        "name outputs at the top level of the spec: `outputs: [name]`; default: the last layer",
    ),
    (
        "modulelist|moduledict|container|module|model|functional",
        "write layers in a row as `chain: […]`, and layers that recur as a block",
    ),
    (
        ".*bottleneck|basicblock|res(idual)?(net)?(block|unit)|inception|fire(module)?"
        "|mbconv|inverted(residual|bottleneck)|se(block|module)?|squeeze(and)?excit(e|ation)"
        "|conv(bn|bnrelu|normact|normactivation|block|module)|sppf?|c2f|c3k?2?|csp|ghost.*",
        "write it once as a block, under `blocks:`",
    ),
    (
        ".*(loss|crossentropy|crossentropywithlogits|losswithlogits)|accuracy|hinge",
        "losses and metrics are not part of the network: remove it",
    ),
    (
        "(pos(ition(al)?)?|learned).*(embed(ding)?|encoding)|positionbias",
        "a position embedding that is learned is `shift: {by: 0, trained: per_value}`",
    ),
    (
        "bidirectional",
        "write it as a field: `lstm: {out: 64, bidirectional: true}`",
    ),
    (
        ".*attention|transformer.*",
        "`attention` is multi-head attention; write a block around it with `layernorm`, `linear` "
        "and `add`, or other kinds from `matmul` and `softmax`",
    ),
    (
        ".*(lstm|gru|rnn)(cell|base|cellbase)?",
        "cnncalc has `lstm`, `gru` and `rnn`, which read a whole sequence",
    ),
    (
        ".*embeddingbag",
        "`embedding` returns the vectors; `reduce: {what: sum, over: [0]}` adds them",
    ),
    (
        ".+embedding",
        "`embedding` returns a trained vector for each integer of an input of integers",
    ),
    (
        "timedistributed",
        "layers here read sequences as they are; `linear: {out: 10, over: last}` runs at each step",
    ),
    (
        "crelu|rrelu|bnll|thresholdedrelu|shrink|hardmax|sparsemax|squareplus|sparseplus"
        "|sparsesigmoid|erf|(swi|ge|re)glu",
        f"cnncalc has no such activation; {LISTED}",
    ),
    (
        "max|min|a(max|min)|average",
        "`reduce: {what: max, over: channels}` takes the mean, maximum or another measure along "
        "axes; `maximum` and `minimum` join branches",
    ),
    (
        "a?(cos|sin|tan)h?|arc.*|expm1|log(1p|softplus)|power|rint|mod|floormod|div(ide)?nonan"
        "|floordiv|prod|all|any|norm[12l].*"
        "|reduce.*|cumsum|cumprod|arg(max|min)|topk|sort|where|equal|greater.*|less.*|and|or|xor"
        "|not|bitwise.*|isnan|isinf|logsumexp|clipbynorm|l[12]norm.*|.*similarity"
        "|pairwisedistance|lpnorm.*|meanvariance.*|mvn|fft.*|dft|stft|rmsnorm.*|weightnorm.*"
        "|spectralnorm.*|unitnorm.*",
        _NO_OPERATOR,
    ),
    (
        "cast|shape|size|rank|gather.*|scatter.*|tile|repeat|expand|broadcast.*|fill|range|eye"
        "|onehot|hstack|vstack|reverse|roll|flip|rot90|lambda|function|python|silence"
        "|constant|const|parameter.*|variable|buffer|full|zeros|ones|rand.*|random.*|rescaling"
        "|if|loop|scan|while|call|dataparallel|cropandresize|roi.*|psroi.*|spatialpyramidpool.*"
        "|spp|nonmaxsuppression|nms|gridsample|affinegrid|spatialtransformer"
        "|locallyconnected.*|fractionala.*|stochasticpool.*|softpool.*"
        "|mixedpool.*|masking|activityregularization|gaussiannoise|noise|crelu|quant.*|dequant.*"
        "|stopgradient|printlayer|filter|batchreindex|slicechannel|argsort|upfirdn|involution.*"
        "|adaptivelogsoftmax.*|wavelet.*|dwt",
        _NO_OPERATOR,
    ),
)


class Advice(NamedTuple):
    """Advice on a word; `key` is the word of the language for it that is not an operator."""

    text: str
    key: str | None = None


_CHAIN = {"sequential": Advice("here it is called `chain`", "chain")}


def meaning_of(word: str) -> Translation | Advice | None:
    """Return what a word of another framework means here; None for an unknown word."""
    known = translations()
    for form in plain_forms(word[:_LONGEST]):
        found = known.get(form) or _CHAIN.get(form)
        if found is not None:
            return found
        for pattern, advice in _ADVICE:
            if re.fullmatch(pattern, form):
                return Advice(advice)
    return None
