"""What a plugin says of itself."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Callable

from .errors import BadParam

TYPES = ("string", "int", "number", "bool", "duration", "list", "map", "any")

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns)")


def seconds(value):
    """A duration as the config has it ("1m30s", or a number of seconds), in seconds."""
    if isinstance(value, bool):
        raise ValueError(value)
    if isinstance(value, (int, float)):
        return float(value)
    parts = _PART.findall(value)
    if not parts or "".join(n + u for n, u in parts) != value:
        raise ValueError(value)
    return sum(float(n) * _UNITS[u] for n, u in parts)


@dataclass
class Param:
    """A parameter of a benchmark. A duration reaches setup in seconds."""

    name: str
    type: str  # one of TYPES
    doc: str = ""
    default: Any = None  # None: the harness sends none
    required: bool = False
    min: float | None = None  # of int, number and, in seconds, duration
    max: float | None = None
    enum: list[str] = field(default_factory=list)  # of string

    def __post_init__(self):
        if self.type not in TYPES:
            raise ValueError(f"parameter {self.name} has type {self.type!r}, want one of {', '.join(TYPES)}")

    def describe(self):
        out = {"name": self.name, "type": self.type}
        for key in ("doc", "default", "required", "min", "max", "enum"):
            if getattr(self, key) not in (None, "", False, []):
                out[key] = getattr(self, key)
        if self.type in ("list", "map"):
            out["elem"] = {"name": "", "type": "any"}
        return out

    def check(self, value):
        """The value as setup gets it; raises BadParam."""
        kinds = {"string": str, "bool": bool, "list": list, "map": dict}
        if self.type in kinds:
            if not isinstance(value, kinds[self.type]):
                raise BadParam(self.name, f"is {json.dumps(value)}, want a {self.type}")
            if self.enum and value not in self.enum:
                raise BadParam(self.name, f"is {json.dumps(value)}, want one of: {', '.join(self.enum)}")
            return value
        if self.type == "any":
            return value
        return self._number(value)

    def _number(self, value):
        try:
            if self.type == "duration":
                number = seconds(value)
            elif isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ValueError(value)
            else:
                number = value
            if self.type == "int":
                if number != int(number):
                    raise ValueError(value)
                number = int(number)
        except (ValueError, TypeError, OverflowError):
            want = {"duration": "duration such as 250ms", "int": "whole number"}.get(self.type, self.type)
            raise BadParam(self.name, f"is {json.dumps(value)}, want a {want}") from None
        if self.min is not None and number < self.min:
            raise BadParam(self.name, f"is {json.dumps(value)}, want {self.min} or more")
        if self.max is not None and number > self.max:
            raise BadParam(self.name, f"is {json.dumps(value)}, want {self.max} or less")
        return number


@dataclass
class Metric:
    """A number that ops record, beside those that every benchmark has."""

    name: str  # snake case
    unit: str  # SI: "s", "B", "1/s", "ratio"
    doc: str = ""
    better: str = "lower"  # or "higher"
    scale: str = "ratio"  # or "absolute": compared in points
    aggregate: str = "mean"  # over the ok ops of a round; or "sum", or "rate": sum per second
    gate: bool = False


@dataclass
class Benchmark:
    """Something to measure.

    setup is called once with a Request and returns one op: a function of an Op,
    called by several threads at once, or an object with a method op(op) and, if
    something is to be undone, close().
    """

    name: str
    doc: str
    setup: Callable
    params: list[Param] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    target: str = ""  # kind of target, "" for none
    serial: bool = False  # one worker only

    def check(self, given):
        """All parameters of a preparation; raises BadParam."""
        known = {p.name: p for p in self.params}
        for name in given:
            if name not in known:
                raise BadParam(name, f"is unknown; {self.name} has: {', '.join(known) or 'none'}")
        out = {}
        for name, p in known.items():
            value = given.get(name)
            if value is None:
                if p.required:
                    raise BadParam(name, f"is required: {p.doc}")
                value = p.default
            out[name] = None if value is None else p.check(value)
        return out


@dataclass
class Plugin:
    """A set of benchmarks under one name."""

    name: str
    version: str
    doc: str
    benchmarks: list[Benchmark]
