"""The test command of each mutant: have the server beside it run the tests, and exit as pytest did."""

import socket
import sys

with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    answer = server.recv(1)
sys.exit(answer[0] if answer else 99)
