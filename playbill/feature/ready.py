"""The transformers that Playbill ships: named in conf/feature, kept in model files, served.

Each is plain: its state is numbers and texts, and it runs no code when it is read from a file.
"""

from playbill.feature.crossing import Crossing
from playbill.feature.dates import DateParts
from playbill.feature.lines import Lines

__all__ = ("Crossing", "DateParts", "Lines")
