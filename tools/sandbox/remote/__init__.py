"""Programs on machines elsewhere: what is sent there, how it is talked to, and whose fault a silence is.

client    the E2B package, its options, and its exceptions in our words
fleet     the remote machines: leased, kept for one program, killed
payload   the cell that a remote kernel is given: code and calls, as one line of data
guest     runs there, trusted: starts a child per batch, passes its frames on, keeps the time
child     runs there, in a process of its own: limits, then the program
transcript  what the guest reported, judged here line by line
voyage    one run: batches out to machines, outcomes back, blame where it belongs
"""
