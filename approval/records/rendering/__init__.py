"""Files for people who have nothing but an office program: PDF and XLSX. Facts in, bytes out; no database, no clock.

The same facts give the same bytes, so that anybody can make a file again and compare its digest. `pdf` and `xlsx` are
imported where a file is written: their libraries take most of a second to load, which only the worker should wait for.
"""

from approval.records.rendering.line import How as How, Line as Line
from approval.records.rendering.table import (
    Column as Column,
    Sort as Sort,
    Table as Table,
    headings as headings,
    in_text as in_text,
)
