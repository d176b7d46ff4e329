"""Words of other frameworks that no operator here means, with what to do about each.

Words are in the plain forms of `ops/words.py`. What an operator means is in the operator's class.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..ops.words import Translation, plain_forms, translations

LISTED = "`cnncalc ops` lists the operators"
_NO_OPERATOR = f"there is no such operator here; {LISTED}"

_LONGEST = 100  # characters of a word that are looked at

# Patterns of whole words, in the order in which they are tried.
_ADVICE = (
    (
        "op|type|layer",
        "the operator is the key itself: `- relu`, `- conv: {out: 8, kernel: 3}`",
    ),
    ("pool(ing)?", "say which: `maxpool` or `avgpool`"),
    ("globalpool(ing)?", "say which: `globalmaxpool` or `globalavgpool`"),
    ("adaptivepool(ing)?", "say which: `adaptivemaxpool` or `adaptiveavgpool`"),
    (
        "norm|normali[sz]ation|normali[sz]e",
        "say which: `batchnorm`, `groupnorm`, `layernorm` …",
    ),
    ("activation|act|nonlinearity", "an activation is a layer of its own name: `- relu`"),
    ("eltwise|elementwise|merge", "say which: `add`, `sub`, `mul` or `concat`"),
    ("conv([1-9])x\\1", "the size is a field: `conv: {out: 8, kernel: 3}`"),
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
        "(add)?matmul|dot|mm|bmm|einsum|bilinear",
        "there is no product of two tensors here; one with trained weights is `linear`, "
        "one value by value `mul`",
    ),
    (
        "max(un|de)pool(ing)?|unpool(ing)?|maxpoolwithargmax",
        "there is no operator that undoes a pool by its indices; `upsample` repeats values",
    ),
    (
        "swapaxes|moveaxis|movedim|swapdims",
        "`permute` takes the whole new order of the axes, channels being 0",
    ),
    (
        "squeeze|unsqueeze|expanddims|batchtospace|repeatvector",
        "`reshape` takes the whole new shape, without the batch",
    ),
    (
        "split|splitv|chunk|unbind|unstack",
        "`slice` takes one part: a layer for each part, all `from` the same layer",
    ),
    (
        "scale|scaling|bias|biasadd|channelaffine",
        "a scale and a shift per channel are part of the norms; "
        "a trained factor alone is `layer_scale`",
    ),
    (
        "(spatial|feature)?(alpha)?dropout([123]d)?|gaussiandropout|dropconnect|dropblock",
        "`dropout` zeroes single values, `dropout2d` channels of a map, "
        "`stochastic_depth` a branch; there is no other",
    ),
    (
        "(zero|constant|reflection|replication|circular|mirror|symmetric|edge)?pad(ding|v2)?",
        "values around a map are `pad: {amount: 1, mode: zeros}`, or the mode that is meant",
    ),
    (
        "input(layer|spec)?|data|imagedata|hdf5data|dummydata|placeholder",
        "inputs stand at the top: `input: [3, 224, 224]`",
    ),
    (
        "outputs?|return|result",
        "outputs stand at the top: `outputs: [name]`; else the last layer",
    ),
    (
        "modulelist|moduledict|container|module|model|functional",
        "layers in a row are a `chain: […]`; layers that recur are a block",
    ),
    (
        ".*bottleneck|basicblock|res(idual)?(net)?(block|unit)|inception|fire(module)?"
        "|mbconv|inverted(residual|bottleneck)|se(block|module)?|squeeze(and)?excit(e|ation)"
        "|conv(bn|bnrelu|normact|normactivation|block|module)|sppf?|c2f|c3k?2?|csp|ghost.*",
        "write it once as a block, under `blocks:`",
    ),
    (
        ".*(loss|crossentropy|crossentropywithlogits|losswithlogits)|accuracy|hinge",
        "losses and metrics are no part of the network: leave it out",
    ),
    (
        ".*(lstm|gru|rnn)(cell|base|cellbase)?|.*(embedding|embeddingbag)|.*attention"
        "|transformer.*|timedistributed|bidirectional",
        "cnncalc is about convolutional networks",
    ),
    (
        "[scr]elu|glu|rrelu|softplus|softsign|softmin|logsigmoid|threshold|bnll"
        "|thresholdedrelu|hardshrink|softshrink|tanhshrink|shrink|hardmax|sparsemax|squareplus"
        "|sparseplus|sparsesigmoid|exponential|erf|(swi|ge|re)glu",
        f"there is no such activation here; {LISTED}",
    ),
    (
        "abs(val)?|a?(cos|sin|tan)h?|arc.*|exp(m1)?|log(1p|softplus)?|pow(er)?|r?sqrt|square"
        "|neg(ative)?|reciprocal|sign|round|rint|floor|ceil|mod|floormod|div(ide)?(nonan)?"
        "|(real|true|floor)div|max(imum)?|min(imum)?|mean|average|prod|all|any|std|var|norm[12l].*"
        "|reduce.*|cumsum|cumprod|arg(max|min)|topk|sort|where|equal|greater.*|less.*|and|or|xor"
        "|not|bitwise.*|isnan|isinf|logsumexp|clipbynorm|l[12]norm.*|.*similarity"
        "|pairwisedistance|lpnorm.*|meanvariance.*|mvn|fft.*|dft|stft|rmsnorm.*|weightnorm.*"
        "|spectralnorm.*|unitnorm.*",
        _NO_OPERATOR,
    ),
    (
        "cast|shape|size|rank|gather.*|scatter.*|tile|repeat|expand|broadcast.*|fill|range|eye"
        "|onehot|pack|stack|hstack|vstack|reverse|roll|flip|rot90|lambda|function|python|silence"
        "|constant|const|parameter.*|variable|buffer|full|zeros|ones|rand.*|random.*|rescaling"
        "|if|loop|scan|while|call|dataparallel|cropandresize|roi.*|psroi.*|spatialpyramidpool.*"
        "|spp|nonmaxsuppression|nms|gridsample|affinegrid|spatialtransformer|im2col|col2im|unfold"
        "|fold|deform.*|locallyconnected.*|fractional.*|stochasticpool.*|blurpool.*|softpool.*"
        "|mixedpool.*|masking|activityregularization|gaussiannoise|noise|crelu|quant.*|dequant.*"
        "|stopgradient|printlayer|filter|batchreindex|slicechannel|argsort|upfirdn|involution.*"
        "|adaptivelogsoftmax.*|wavelet.*|dwt",
        _NO_OPERATOR,
    ),
)


class Advice(NamedTuple):
    """What to do about a word; `key` where it is a word of the language, but no operator."""

    text: str
    key: str | None = None


_CHAIN = {"sequential": Advice("here it is called `chain`", "chain")}


def meaning_of(word: str) -> Translation | Advice | None:
    """What a word of another framework means here; None for a word that is not known."""
    known = translations()
    for form in plain_forms(word[:_LONGEST]):
        found = known.get(form) or _CHAIN.get(form)
        if found is not None:
            return found
        for pattern, advice in _ADVICE:
            if re.fullmatch(pattern, form):
                return Advice(advice)
    return None
