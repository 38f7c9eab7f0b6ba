"""An engine that tests ask, and regions to ask about."""

import queue

from ssmamba.engine.messages import EngineReady, JobCancelled, JobDone, JobFailed
from ssmamba.engine.process import EngineClient
from ssmamba.rois.roi import Roi
from tests.patience import PATIENCE_S

ENDS = (JobDone, JobFailed, JobCancelled)


def square(x, y, side):
    return Roi(((((x, y), (x + side, y), (x + side, y + side), (x, y + side)),),))


class Engine:
    """An engine with its replies and deaths in queues."""

    def __init__(self):
        self.replies, self.deaths = queue.Queue(), queue.Queue()
        self.client = EngineClient(self.replies.put, self.deaths.put, device="cpu")
        self.client.start()
        self.ready = None
        self.jobs = 0

    def wait_ready(self):
        if self.ready is None:
            self.ready = self.replies.get(timeout=PATIENCE_S)
            assert isinstance(self.ready, EngineReady)
        return self.ready

    def ask(self, kind, *args, **kwargs):
        """Send a request and return (replies before the end, the end)."""
        return self.collect(self.send(kind, *args, **kwargs))

    def send(self, kind, *args, **kwargs):
        self.wait_ready()
        self.jobs += 1
        self.client.send(kind(self.jobs, *args, **kwargs))
        return self.jobs

    def collect(self, job):
        found = []
        while True:
            reply = self.replies.get(timeout=PATIENCE_S)
            if reply.job < job:  # left over from a test that failed
                continue
            assert reply.job == job
            if isinstance(reply, ENDS):
                return found, reply
            found.append(reply)

    def next_of(self, kind):
        while not isinstance(reply := self.replies.get(timeout=PATIENCE_S), kind):
            pass
        return reply
