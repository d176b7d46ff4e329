"""Lists the words for layers and operators in other frameworks, as in their references.

torch's are read from torch itself. Sources: the API reference of Keras 3, `docs/Operators.md` of
ONNX (opset 22), `tf.nn` and `tf` of TensorFlow 2, the layer catalogue of Caffe.
"""

from __future__ import annotations

_KERAS = """
Activation ActivityRegularization AdaptiveAveragePooling2D AdaptiveMaxPooling2D Add AlphaDropout
Attention Average AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization
Bidirectional CategoryEncoding CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D
Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D Cropping2D
Cropping3D Dense DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU EinsumDense Embedding Flatten GRU
GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D
GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization
GroupQueryAttention Identity InputLayer LSTM LSTMCell Lambda LayerNormalization LeakyReLU Masking
MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum MultiHeadAttention Multiply Normalization
PReLU Permute RMSNormalization RNN RandomCrop RandomFlip RandomRotation RandomZoom ReLU
RepeatVector Rescaling Reshape Resizing SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell
Softmax SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells
Subtract TimeDistributed UnitNormalization UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D
ZeroPadding2D ZeroPadding3D
"""
_ONNX = """
Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool
BatchNormalization Bernoulli BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow
Cast CastLike Ceil Celu CenterCropPad Clip Col2Im Compress Concat ConcatFromSequence Constant
ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumSum DFT DeformConv DepthToSpace
DequantizeLinear Det Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike
Flatten Floor GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool
GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization HammingWindow HannWindow
HardSigmoid HardSwish Hardmax Identity If ImageDecoder InstanceNormalization IsInf IsNaN LRN LSTM
LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Loop LpNormalization LpPool MatMul
MatMulInteger Max MaxPool MaxRoiPool MaxUnpool Mean MeanVarianceNormalization MelWeightMatrix Min
Mish Mod Mul Multinomial Neg NegativeLogLikelihoodLoss NonMaxSuppression NonZero Not OneHot
Optional OptionalGetElement OptionalHasElement Or PRelu Pad Pow QLinearConv QLinearMatMul
QuantizeLinear RMSNormalization RNN RandomNormal RandomNormalLike RandomUniform RandomUniformLike
Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin
ReduceProd ReduceSum ReduceSumSquare RegexFullMatch Relu Reshape Resize ReverseSequence RoiAlign
RotaryEmbedding Round STFT Scan Scatter ScatterElements ScatterND Selu SequenceAt
SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap Shape
Shrink Sigmoid Sign Sin Sinh Size Slice Softmax SoftmaxCrossEntropyLoss Softplus Softsign
SpaceToDepth Split SplitToSequence Sqrt Squeeze StringConcat StringNormalizer StringSplit Sub Sum
Swish Tan Tanh TensorScatter TfIdfVectorizer ThresholdedRelu Tile TopK Transpose Trilu Unique
Unsqueeze Upsample Where Xor
"""
_TENSORFLOW = """
tf.nn.atrous_conv2d tf.nn.avg_pool tf.nn.avg_pool2d tf.nn.batch_normalization tf.nn.bias_add
tf.nn.conv1d tf.nn.conv1d_transpose tf.nn.conv2d tf.nn.conv2d_transpose tf.nn.conv3d
tf.nn.conv_transpose tf.nn.convolution tf.nn.crelu tf.nn.ctc_loss tf.nn.depth_to_space
tf.nn.depthwise_conv2d tf.nn.dilation2d tf.nn.dropout tf.nn.elu tf.nn.embedding_lookup
tf.nn.erosion2d tf.nn.fractional_avg_pool tf.nn.fractional_max_pool tf.nn.gelu
tf.nn.isotonic_regression tf.nn.l2_loss tf.nn.l2_normalize tf.nn.leaky_relu
tf.nn.local_response_normalization tf.nn.log_softmax tf.nn.lrn tf.nn.max_pool tf.nn.max_pool2d
tf.nn.max_pool_with_argmax tf.nn.moments tf.nn.pool tf.nn.relu tf.nn.relu6 tf.nn.selu
tf.nn.separable_conv2d tf.nn.sigmoid tf.nn.sigmoid_cross_entropy_with_logits tf.nn.silu
tf.nn.softmax tf.nn.softmax_cross_entropy_with_logits tf.nn.softplus tf.nn.softsign
tf.nn.space_to_depth tf.nn.sufficient_statistics tf.nn.swish tf.nn.tanh tf.nn.with_space_to_batch
tf.abs tf.add tf.add_n tf.argmax tf.cast tf.clip_by_value tf.concat tf.divide tf.einsum tf.exp
tf.expand_dims tf.gather tf.identity tf.image.resize tf.linalg.matmul tf.maximum tf.minimum
tf.multiply tf.one_hot tf.pad tf.pow tf.reduce_max tf.reduce_mean tf.reduce_sum tf.repeat
tf.reshape tf.roll tf.shape tf.slice tf.split tf.sqrt tf.square tf.squeeze tf.stack
tf.stop_gradient tf.strided_slice tf.subtract tf.tile tf.transpose tf.unstack tf.where
"""
_CAFFE = """
AbsVal Accuracy ArgMax BNLL BatchNorm BatchReindex Bias Clip Concat ContrastiveLoss Convolution
Crop Data Deconvolution Dropout DummyData ELU Eltwise Embed EuclideanLoss Exp Filter Flatten
HDF5Data HDF5Output HingeLoss Im2col ImageData InfogainLoss InnerProduct Input LRN LSTM Log MVN
MemoryData MultinomialLogisticLoss PReLU Parameter Pooling Power Python RNN ReLU Recurrent
Reduction Reshape SPP Scale Sigmoid SigmoidCrossEntropyLoss Silence Slice Softmax SoftmaxWithLoss
Split Swish TanH Threshold Tile WindowData
"""
KERAS = _KERAS.split()
ONNX = _ONNX.split()
TENSORFLOW = _TENSORFLOW.split()
CAFFE = _CAFFE.split()
