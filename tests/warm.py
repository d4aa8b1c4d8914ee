"""Warm processes: Python programs forked from a process that has imported what they need.

To start pytest over two workers takes two seconds of CPU, nearly all of them imports. A process
of this module imports once. What it forks is a process like any other, with a session, folder,
environment, streams, exit status and end of its own, and so are the xdist workers of a pytest.
What is about the start itself, or about an installed command, is run by ``subprocess``.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

HEAVY = ["numpy", "yaml", "jinja2.sandbox", "tenacity", "aiohttp", "genai_prices", "encodings.idna"]
HEAVY += ["concurrent.futures.thread", "xdist.remote", "xdist.dsession", "xdist.scheduler"]
FORKER = "modeleval-fork"  # in /proc: a process that runs nothing itself
MAX_BYTES = 1 << 18


def import_what_runs_need():
    """Import all of the package, and what it and its neighbours import when they first need it."""
    for name in HEAVY:
        with contextlib.suppress(ImportError):  # an extra that is not installed
            importlib.import_module(name)
    import openai

    import pytest_modeleval

    client = openai.OpenAI(api_key="none")  # the first one imports a transport
    _ = client.chat.completions, client.responses, client.embeddings
    client.close()
    for module in pkgutil.walk_packages(pytest_modeleval.__path__, "pytest_modeleval."):
        importlib.import_module(module.name)


# In the process of the tests.


class Process:
    """A Python program: of ``subprocess.Popen`` what tests use.

    Args:
        command: ``sys.executable``, ``-m``, a module and its arguments.
        cwd: Its folder.
        env: Its environment.
        streams: Descriptors of its standard input, output and error.
    """

    def __init__(self, command, *, cwd, env, streams):
        request = {"command": list(map(str, command)), "cwd": str(cwd), "env": dict(env)}
        self.pid = _forker().start(request, streams)
        self.stdin = self.returncode = None

    def wait(self, timeout=None):
        """The exit status, or the signal that ended it, negative."""
        if self.returncode is None:
            self.returncode = _forker().status(self.pid, timeout)
        return self.returncode

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


@functools.cache
def _forker():
    return _Forker()


class _Forker:
    """The process that forks, as its starter sees it."""

    def __init__(self):
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=os.environ | {"PYTEST_ADDOPTS": "-p no:hypothesispytest"},
                start_new_session=True,
            )
        self._statuses = {}
        atexit.register(self._end)

    def _end(self):
        self._socket.close()
        self._process.wait()

    def start(self, request, streams):
        socket.send_fds(self._socket, [json.dumps(request).encode()], streams)
        while (pid := self._receive()) is None:
            pass
        return pid

    def status(self, pid, timeout):
        deadline = None if timeout is None else time.monotonic() + timeout
        while pid not in self._statuses:
            left = None if deadline is None else max(deadline - time.monotonic(), 0)
            if not select.select([self._socket], [], [], left)[0]:
                raise subprocess.TimeoutExpired(str(pid), timeout)
            self._receive()
        return self._statuses.pop(pid)

    def _receive(self):
        """Take one message: the pid of what was started, or the status of what has ended."""
        message = self._socket.recv(MAX_BYTES)
        if not message:
            raise RuntimeError("the process that forks has ended; see its standard error")
        pid, *status = json.loads(message)
        if not status:
            return pid
        self._statuses[pid] = status[0]
        return None


# In the process that forks. Each loop gives what to run, and only in the process to run it in.


def main():
    requests = socket.socket(fileno=int(sys.argv[1]))
    del sys.path[0]  # the folder of this file
    import_all()
    run_and_end(fork_programs(requests))


def run_and_end(program):
    """Run a program and end the process as Python would, but for what was imported before.

    To take that apart in each process costs as much as the run, as it is all copied first.
    """
    imported = set(sys.modules)
    status = 0
    try:
        program()
    except SystemExit as end:
        status = end.code or 0
        if isinstance(status, str):
            print(status, file=sys.stderr)
            status = 1
    except BaseException:
        traceback.print_exc()
        status = 1
    threading._shutdown()  # this far as multiprocessing does it
    atexit._run_exitfuncs()
    for name in sys.modules.keys() - imported:
        del sys.modules[name]
    gc.collect()  # what has to say something when it goes, says it now
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


def import_all():
    """Import what a run of pytest imports, neighbours included, through its import hook."""
    import pytest

    os.chdir("/")
    scope = "asyncio_default_fixture_loop_scope=function"  # or pytest-asyncio says that it is unset
    pytest.main(["--help", "-p", "no:cacheprovider", "-o", scope])
    import_what_runs_need()
    gc.collect()
    gc.freeze()  # garbage is collected several times a run, and all this is none
    gc.unfreeze = lambda: None


def fork_programs(requests):
    """Fork what is asked for and say how each has ended, until the tests have."""
    ended, wake = os.pipe2(os.O_NONBLOCK)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([requests, ended], [], [])
        if ended in ready:
            os.read(ended, MAX_BYTES)
            report_ended(requests)
            continue
        message, streams, _, _ = socket.recv_fds(requests, MAX_BYTES, 3)
        if not message:
            os._exit(0)
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for handle in (ended, wake):
                os.close(handle)
            requests.close()
            os.setsid()
            return functools.partial(run_program, json.loads(message), streams)
        requests.send(json.dumps([pid]).encode())
        for handle in streams:
            os.close(handle)


def report_ended(requests):
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = found
            requests.send(json.dumps([pid, os.waitstatus_to_exitcode(status)]).encode())


def run_program(request, streams):
    """Be ``python -m module``."""
    _, option, *rest = request["command"]
    module = option.removeprefix("-m") or rest.pop(0)
    if module == "pytest":
        workers, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if not os.fork():
            workers.close()
            run_and_end(fork_workers(theirs, streams))
        theirs.close()
        warm_workers(workers)
    settle(request, streams, request["cwd"])
    sys.argv = [module, *rest]
    if not hasattr(sys.modules.get(module), "__path__"):
        sys.modules.pop(module, None)  # it is imported anew, as ``__main__``
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def settle(request, streams, folder):
    """Take over streams, environment, folder and path."""
    for handle, stream in enumerate(streams):
        os.dup2(stream, handle)
        os.close(stream)
    own = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    theirs = [path for path in request["env"].get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = [folder, *theirs, *(path for path in sys.path if path not in own)]
    importlib.invalidate_caches()
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])


# In a pytest, and in the process that forks its workers.


def warm_workers(requests):
    """Have execnet fork local workers from a process of this session."""
    from execnet import gateway_base, gateway_io

    class Master(gateway_io.Popen2IOMaster):
        def __init__(self, args, execmodel):
            if args != [sys.executable, "-u", "-c", gateway_io.popen_bootstrapline]:
                super().__init__(args, execmodel)
                return
            self.popen = Worker(requests)
            gateway_base.Popen2IO.__init__(
                self, self.popen.stdin, self.popen.stdout, execmodel=execmodel
            )

    gateway_io.Popen2IOMaster = Master


class Worker:
    """A worker, as execnet in the controller sees it."""

    def __init__(self, requests):
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        request = {"env": dict(os.environ), "cwd": os.getcwd()}
        socket.send_fds(requests, [json.dumps(request).encode()], [theirs_in, theirs_out, 2])
        self.pid = int(requests.recv(MAX_BYTES))
        for handle in (theirs_in, theirs_out):
            os.close(handle)
        self.stdin, self.stdout = os.fdopen(ours_out, "wb", 0), os.fdopen(ours_in, "rb")

    def wait(self):
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(self.pid)
            select.select([handle], [], [])
            os.close(handle)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)


def fork_workers(requests, streams):
    """Fork workers until the controller has ended; hold nothing open, and mind no Ctrl-C."""
    Path("/proc/self/comm").write_text(FORKER)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    with open(os.devnull, "r+b") as nothing:
        for handle in range(3):
            os.dup2(nothing.fileno(), handle)
    for handle in streams:
        os.close(handle)
    while True:
        message, streams, _, _ = socket.recv_fds(requests, MAX_BYTES, 3)
        if not message:
            os._exit(0)
        pid = os.fork()
        if not pid:
            Path("/proc/self/comm").write_text("python")
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            return functools.partial(run_worker, json.loads(message), streams)
        requests.send(str(pid).encode())
        for handle in streams:
            os.close(handle)


def run_worker(request, streams):
    """Be what ``python -u -c`` is with execnet's first line."""
    settle(request, streams, "")
    sys.argv = ["-c"]
    exec(eval(sys.stdin.readline()))


if __name__ == "__main__":
    main()
