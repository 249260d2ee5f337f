"""What the author of a benchmark plugin in Python needs.

    import hashlib
    import harness_plugin as harness

    def setup(request):
        block = bytes(request.params["size"])
        return lambda op: hashlib.sha256(block).digest()

    harness.main(harness.Plugin("hash", "0.1.0", "Digests.", [
        harness.Benchmark("sha256", "SHA-256 of a block.", setup,
                          params=[harness.Param("size", "int", default=65536, min=1)]),
    ]))

The package drives the load, stamps the four clocks and speaks the protocol; a
plugin says what one op is. It is not fast: an op costs about 20 microseconds
more than its own work, and ops of several workers share the interpreter's lock,
so measure what waits for a target, not what computes.
"""

from .describe import Benchmark, Metric, Param, Plugin
from .errors import BadParam, Failed, NotMeasured, TargetDown
from .loop import Op
from .server import Request, main

__all__ = ["BadParam", "Benchmark", "Failed", "Metric", "NotMeasured", "Op", "Param", "Plugin", "Request", "TargetDown", "main"]
