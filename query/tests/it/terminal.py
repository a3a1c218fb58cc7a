"""Runs a program on a terminal of its own, and plays a script: who waits for what, and then types what.

argv: the file of the script, then the program with its arguments. The script is JSON: a list of [wait, type] pairs; `wait`
is text that must appear after what was waited for before (empty: nothing), `type` is what is typed then: once the program
edits a line, but for Ctrl-C and signals (SIGNAL NUMBER), which are for whatever it does. Prints all that the program wrote, and ends with its exit code, or 97 when something did not appear.
"""
import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time

SECONDS = 60
steps = json.load(open(sys.argv[1]))
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
written, seen = b"", 0


def read(until):
    """Takes what is written; false when the program has ended."""
    global written
    if not select.select([terminal], [], [], max(0, until - time.time()))[0]:
        return True
    try:
        more = os.read(terminal, 65536)
    except OSError:
        more = b""
    written += more
    return bool(more)


def end(code):
    sys.stdout.buffer.write(written)
    sys.stdout.flush()
    sys.exit(code)


def is_editing():
    """Whether the program edits a line, and not the one before: it asks for marks around what is pasted, then."""
    return written.rfind(b"\x1b[?2004h") > max(written.rfind(b"\x1b[?2004l"), left)


left = -1
for wait, typed in steps:
    until, alive = time.time() + SECONDS, True
    at_once = not wait or typed in ("", "\x03") or typed.startswith("SIGNAL ")
    while written.find(wait.encode(), seen) < 0 or not (at_once or is_editing()):
        if not alive or time.time() > until:
            sys.stderr.write("%r did not appear\n" % wait)
            os.kill(pid, 9) if alive else None
            end(97)
        alive = read(until)
    seen = written.find(wait.encode(), seen) + len(wait.encode())
    # What is typed behind the end of a line, before the next is edited, may be thrown away.
    left = len(written) if typed.endswith(("\r", "\x03")) else left
    if typed.startswith("SIGNAL "):
        os.kill(pid, int(typed[7:]))
    else:
        os.write(terminal, typed.encode())
until = time.time() + SECONDS
while read(until):
    if time.time() > until:
        os.kill(pid, 9)
        end(97)
_, status = os.waitpid(pid, 0)
end(os.waitstatus_to_exitcode(status) & 255)
