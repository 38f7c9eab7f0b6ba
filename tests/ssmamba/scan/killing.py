"""Runs ``ssmamba.scan`` and kills it at a chosen moment: ``python -m … MOMENT NUMBER ARGUMENTS``.

MOMENT: "batch" (after NUMBER batches), "torn" (in the middle of the frame after them), or "file"
(before the result number NUMBER takes its name).
"""

import os
import signal
import sys
from pathlib import Path

from ssmamba.headless.scan import kept
from ssmamba.scan import main


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def arm(moment, number):
    if moment == "file":
        left, replace = [number], Path.replace

        def replaced(self, target):
            left[0] -= 1
            if left[0] < 0:
                die()
            return replace(self, target)

        Path.replace = replaced
        return
    add = kept.KeptAnswers.add

    def added(self, answers):
        if self.batches == number:
            if moment == "torn":
                self._file.write(b"torn" + answers.doubts.tobytes())
            die()
        add(self, answers)

    kept.KeptAnswers.add = added


if __name__ == "__main__":
    arm(sys.argv[1], int(sys.argv[2]))
    sys.exit(main(sys.argv[3:]))
