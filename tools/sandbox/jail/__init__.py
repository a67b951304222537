"""The jailed side: a launcher, the parent that workers are forked from, and the workers.

Everything here runs in a fresh interpreter with the standard library alone, before the first line that
nobody trusts and beneath it. The caller's process imports none of it (but for `layers`, plain names).

    launch    namespaces, then the parent (first of its own PID namespace, where there is one)
    parent    imports a profile's libraries once, seals itself, forks workers on request, reaps them
    worker    limits and the system-call filter, then the loop: a frame in, a frame out per call
    seal      the layers in their order; namespaces, landlock, privileges, seccomp: one each
"""
