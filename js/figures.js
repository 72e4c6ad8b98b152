// The module that anywidget loads: one door to every live figure.

import "./style.css";
import { h } from "./controls.js";
import { render as chainRule } from "./figures/chain_rule.js";
import { render as convolutionGradient } from "./figures/convolution_gradient.js";
import { render as cotangent } from "./figures/cotangent.js";
import { render as descent } from "./figures/descent.js";
import { render as drill } from "./figures/drill.js";
import { render as lossResponse } from "./figures/loss_response.js";
import { render as stepSize } from "./figures/step_size.js";
import { render as training } from "./figures/training.js";

const FIGURES = { "chain-rule": chainRule, "convolution-gradient": convolutionGradient, cotangent, descent, drill, "loss-response": lossResponse, "step-size": stepSize, training };

export default {
  render({ model, el }) {
    const kind = model.get("_kind");
    if (Object.hasOwn(FIGURES, kind)) return FIGURES[kind]({ model, el });
    const words = `This page's script knows no figure called “${kind}”: the two are of different versions.`;
    const root = h("figure", { className: "live-figure", "data-damaged": "true" }, h("p", { className: "live-note" }, words));
    el.append(root);
    return () => root.remove();
  },
};
