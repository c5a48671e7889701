"""in_terminal.py [--ignore-hangup] FILE LINES COMMAND...: runs COMMAND as the leader of a terminal's session, closes the terminal
once FILE has LINES lines, and ends with COMMAND's exit status, as a shell gives it."""
import os
import pty
import signal
import sys
import time

arguments = sys.argv[1:]
ignore = arguments[0] == "--ignore-hangup"
path, lines, command = arguments[ignore], int(arguments[ignore + 1]), arguments[ignore + 2:]
child, terminal = pty.fork()
if child == 0:
    signal.signal(signal.SIGHUP, signal.SIG_IGN if ignore else signal.SIG_DFL)
    os.execv(command[0], command)
os.set_blocking(terminal, False)
ended = 0
while not ended:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:  # nothing there now, or the child has closed it
        pass
    if os.path.exists(path) and open(path, "rb").read().count(b"\n") >= lines:
        break
    ended, status = os.waitpid(child, os.WNOHANG)
    time.sleep(0.01)
os.close(terminal)
if ended:
    sys.exit("the command ended before its terminal could be closed")
_, status = os.waitpid(child, 0)
code = os.waitstatus_to_exitcode(status)
sys.exit(code if code >= 0 else 128 - code)
