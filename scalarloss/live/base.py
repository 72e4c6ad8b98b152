"""What every live figure shares: its script, its words, and the picture for where none runs."""

import base64
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from matplotlib.figure import Figure

from scalarloss import plot

STATIC = Path(__file__).parent / "static"


class LiveFigure(anywidget.AnyWidget):
    """A widget whose page side is `js/figures/`, chosen by `_kind`.

    A subclass sets `_kind`, draws itself by `picture()` and describes itself by `__repr__`.
    """

    _esm = STATIC / "figures.js"
    _css = STATIC / "figures.css"
    _kind = traitlets.Unicode().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)

    def picture(self) -> Figure:
        """The figure as it stands, drawn with matplotlib."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The live view, and for viewers without one a picture and a line of text."""
        found = super()._repr_mimebundle_(**kwargs)
        view = found[0] if isinstance(found, tuple) else found or {}
        figure = self.picture()
        png = base64.b64encode(plot.as_png(figure)).decode()
        data = {**view, "image/svg+xml": plot.as_svg(figure), "image/png": png}
        return {**data, "text/plain": repr(self)}, {}
