"""The live figures: widgets in a notebook, alive on the built page too."""

from scalarloss.live.chain_rule import ChainRule
from scalarloss.live.convolution_gradient import ConvolutionGradient
from scalarloss.live.cotangent import Cotangent
from scalarloss.live.descent import Descent
from scalarloss.live.drill import Drill
from scalarloss.live.loss_response import LossResponse
from scalarloss.live.step_size import StepSize
from scalarloss.live.training import Training

__all__ = [
    "ChainRule",
    "ConvolutionGradient",
    "Cotangent",
    "Descent",
    "Drill",
    "LossResponse",
    "StepSize",
    "Training",
]
