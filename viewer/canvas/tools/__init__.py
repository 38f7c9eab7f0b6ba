"""The tools of the canvas, each in its own file; a new one is added to a list here."""

from viewer.canvas.tools.brush import Brush
from viewer.canvas.tools.ellipse import Ellipse
from viewer.canvas.tools.field_square import FieldSquare
from viewer.canvas.tools.known_line import KnownLine
from viewer.canvas.tools.landmark import Landmark
from viewer.canvas.tools.lasso import Lasso
from viewer.canvas.tools.measuring import Angle, Ruler
from viewer.canvas.tools.point import PointTool
from viewer.canvas.tools.polygon import Polygon
from viewer.canvas.tools.rectangle import Rectangle
from viewer.canvas.tools.select import Select
from viewer.canvas.tools.tool import Tool
from viewer.canvas.tools.wand import Wand
from viewer.canvas.tools.white import White

TOOLS: list[type[Tool]] = [  # as on the tool bar; default first
    Select, Lasso, Polygon, Rectangle, Ellipse, Brush, Wand, PointTool, Ruler, Angle,
]  # fmt: skip
ASKING: list[type[Tool]] = [
    FieldSquare,
    White,
    KnownLine,
    Landmark,
]  # in use only while the viewer asks for something
