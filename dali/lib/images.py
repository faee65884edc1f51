"""Pictures: decoding what strangers send, and what is derived from one decoding.

Decoding is at most as parallel as there are cores (`CPU_GATE`): the GIL is released in codecs only, and
more at once costs memory, not time (1.5 GB against 0.65 GB for 200 pictures).
"""

import threading
from os import cpu_count

CPU_GATE = threading.BoundedSemaphore(cpu_count() or 1)
