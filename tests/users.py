"""The permissions of a process that is not root: tests may run as root, who may do everything."""

import ctypes
import os
from collections.abc import Callable

_NOBODY = 65_534
_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2
_libc = ctypes.CDLL(None)


def obey_permissions() -> None:
    """For `preexec_fn`: the new program obeys file permissions even as root; its files keep their owner."""
    for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # without root there is nothing to drop


def as_nobody(work: Callable[[], object]) -> str:
    """The result or exception of `work`, as text, from a child process that runs as the user `nobody`. Needs root."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
            said = repr(work())
        except BaseException as error:  # noqa: BLE001 - reported to the parent, whose test decides
            said = f"{type(error).__name__}: {error}"
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said
