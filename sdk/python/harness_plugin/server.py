"""The plugin protocol: handshake, lifeline, and the calls of the harness."""

import hashlib
import json
import logging
import os
import signal
import sys
import threading
import time
from concurrent import futures
from dataclasses import dataclass

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, status_pb2
from grpc_status import rpc_status

from harness.plugin.v1 import plugin_pb2 as pb
from harness.plugin.v1 import plugin_pb2_grpc as rpc

from .errors import BadParam, NotMeasured, TargetDown
from .loop import SAMPLES, Round, sum_up
from .validity import judge

COOKIE = "b6f4c1e2-harness-benchmark-plugin"
VERSION = 1  # of the protocol
MESSAGE = 64 << 20  # bytes
GRACE = 10  # s to close what is set up when the process must end
SDK = "python/0.1.0"

log = logging.getLogger("harness")


@dataclass
class Request:
    """What setup gets."""

    params: dict
    target: object  # url, grpc, dsn, api_key, headers; keep them out of errors and logs
    id: str
    run_id: str
    seed: int
    max_workers: int
    timeout: float  # s, of one op
    dir: str  # private, removed afterwards
    keep_data: bool


class Session:
    def __init__(self, benchmark, made):
        self.benchmark, self.lock, self.closed = benchmark, threading.Lock(), False
        self.op = made if callable(made) else made.op
        self._close = getattr(made, "close", None)

    def close(self):
        with self.lock:
            if not self.closed and self._close:
                self._close()
            self.closed = True


def _problem(context, code, message, kind, subject="", remedy=""):
    detail = any_pb2.Any()
    detail.Pack(pb.Problem(kind=kind, subject=subject, message=message, remedy=remedy))
    context.abort_with_status(rpc_status.to_status(status_pb2.Status(code=code, message=message, details=[detail])))


class Service(rpc.PluginServiceServicer):
    def __init__(self, plugin):
        self.plugin, self.lock, self.sessions = plugin, threading.Lock(), {}
        self.ending = threading.Event()

    def close(self):
        self.ending.set()
        with self.lock:
            left, self.sessions = list(self.sessions.values()), {}
        for s in left:
            s.close()

    def Describe(self, request, context):
        p = self.plugin
        out = pb.DescribeResponse(name=p.name, version=p.version, doc=p.doc, sdk=SDK)
        for b in p.benchmarks:
            d = out.benchmarks.add(name=b.name, doc=b.doc, target=b.target, params=json.dumps([x.describe() for x in b.params]).encode())
            d.load.serial = b.serial
            for m in b.metrics:
                d.metrics.add(name=m.name, unit=m.unit, doc=m.doc, better=m.better, scale=m.scale, aggregate=m.aggregate, gate=m.gate)
        return out

    def Prepare(self, request, context):
        b = next((b for b in self.plugin.benchmarks if b.name == request.benchmark), None)
        if b is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"plugin {self.plugin.name} has no benchmark {request.benchmark!r}")
        try:
            given = json.loads(request.params or b"{}")
            made = b.setup(Request(
                params=b.check(given), target=request.target, id=request.id, run_id=request.run_id, seed=request.seed,
                max_workers=request.max_workers, timeout=request.op_timeout.ToNanoseconds() / 1e9, dir=request.dir, keep_data=request.keep_data))
        except BadParam as e:
            _problem(context, code_pb2.INVALID_ARGUMENT, e.message, pb.Problem.KIND_PARAM, e.param)
        except NotMeasured as e:
            _problem(context, code_pb2.FAILED_PRECONDITION, e.reason, pb.Problem.KIND_NOT_MEASURED, remedy=e.remedy)
        except TargetDown as e:
            _problem(context, code_pb2.UNAVAILABLE, e.message, pb.Problem.KIND_TARGET, e.target, e.remedy)
        except Exception as e:
            log.exception("set up %s", request.id)
            context.abort(grpc.StatusCode.UNKNOWN, f"set up {request.id}: {type(e).__name__}: {e}")
        session = Session(b, made)
        with self.lock:
            taken = not request.session or request.session in self.sessions or self.ending.is_set()
            if not taken:
                self.sessions[request.session] = session
        if taken:
            session.close()
            context.abort(grpc.StatusCode.ALREADY_EXISTS, f"session {request.session!r} is empty or exists, or the plugin is ending")
        work = json.dumps([self.plugin.name, b.name, given, request.seed], sort_keys=True)
        return pb.PrepareResponse(workload_digest="sha256:" + hashlib.sha256(work.encode()).hexdigest())

    def RunRound(self, request, context):
        with self.lock:
            session = self.sessions.get(request.session)
        if session is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no session {request.session!r}")
        cancelled = threading.Event()
        context.add_callback(cancelled.set)
        with session.lock:
            if session.closed:
                context.abort(grpc.StatusCode.NOT_FOUND, f"session {request.session!r} is torn down")
            yield from self._round(request.plan, session, cancelled)

    def _round(self, plan, session, cancelled):
        metrics = {m.name for m in session.benchmark.metrics}
        warmup, duration = plan.warmup.ToNanoseconds() / 1e9, plan.duration.ToNanoseconds() / 1e9
        if warmup > 0:
            yield from self._drive(Round(plan, session.op, metrics, cancelled, warmup, 0, measured=False), cancelled, warmup=True)
        r = Round(plan, session.op, metrics, cancelled, duration, plan.ops)
        with r.garbage:  # collects, before anything is measured
            began = time.time()
            yield pb.RunRoundResponse(progress=pb.Progress(measuring=True))
            yield from self._drive(r, cancelled, warmup=False)
        if not cancelled.is_set():
            yield pb.RunRoundResponse(result=_result(r, began))

    def _drive(self, r, cancelled, warmup):
        """Runs a part, and reports its progress every second."""
        t = threading.Thread(target=r.run, daemon=True)
        t.start()
        while t.is_alive():
            t.join(1.0)
            if self.ending.is_set():
                cancelled.set()
            done, failed = r.done()
            p = pb.Progress(warmup=warmup, measuring=not warmup, done=done, failed=failed, rate=done / max(r.elapsed(), 1e-9))
            p.elapsed.FromNanoseconds(int(r.elapsed() * 1e9))
            if t.is_alive():
                yield pb.RunRoundResponse(progress=p)

    def Teardown(self, request, context):
        with self.lock:
            session = self.sessions.pop(request.session, None)
        if session is not None:
            session.close()
        return pb.TeardownResponse()

    def Clean(self, request, context):
        return pb.CleanResponse()


def _result(r, began):
    s = sum_up(r)
    out = pb.RoundResult(batch=1, overflow=s.overflow, errors=s.errors, samples=list(s.samples.values())[:SAMPLES])
    out.started.FromNanoseconds(int(began * 1e9))
    out.elapsed.FromNanoseconds(r.elapsed_ns(s))
    out.counts.CopyFrom(pb.Counts(scheduled=r.scheduled, ok=s.ok, failed=s.failed, timed_out=s.timed_out, skipped=s.skipped))
    for name, h in s.clocks.items():
        setattr(out.clocks, name, h.encode().decode())
    for name, (n, total, low, high) in s.values.items():
        out.values[name].CopyFrom(pb.Value(count=n, sum=total, min=low, max=high))
    for level, code, message in judge(r, s):
        out.validity.add(level=level, code=code, message=message)
    return out


def _watch(service, server, folder):
    """Ends the process, and all it started, when the harness is gone."""
    fd = os.environ.get("HARNESS_LIFELINE_FD")
    if not fd:
        return
    while os.read(int(fd), 1):
        pass
    threading.Timer(GRACE, os.killpg, (os.getpgrp(), signal.SIGKILL)).start()
    server.stop(0).wait()
    service.close()
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    os.rmdir(folder)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def main(plugin):
    """Serves the plugin until the harness is done with it or gone."""
    if os.environ.get("HARNESS_PLUGIN_COOKIE") != COOKIE:
        print(f"{plugin.name} is a plugin of harness and does nothing on its own.\n"
              f"Run it with: harness run --plugin {sys.argv[0]}", file=sys.stderr)
        sys.exit(2)
    out = os.fdopen(os.dup(1), "w")  # what a benchmark prints belongs to the log
    os.dup2(2, 1)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    folder = os.environ["PLUGIN_UNIX_SOCKET_DIR"]
    path = os.path.join(folder, "plugin.sock")
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16),
                         options=[("grpc.max_receive_message_length", MESSAGE), ("grpc.max_send_message_length", MESSAGE)])
    service = Service(plugin)
    rpc.add_PluginServiceServicer_to_server(service, server)
    server.add_insecure_port("unix://" + path)
    term = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: term.set())
    server.start()
    threading.Thread(target=_watch, args=(service, server, folder), daemon=True).start()
    print(f"1|{VERSION}|unix|{path}|grpc", file=out, flush=True)
    term.wait()
    service.ending.set()
    server.stop(GRACE / 2).wait()
    service.close()
    sys.exit(0)
