#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Run a command under limits that a plain subprocess cannot set.

    launch.py [--deny ERRNO:SYSCALL[,SYSCALL]]... [--tmpfs DIR:SIZE]...
              [--memlock BYTES] [--fsize BYTES] [--nobody]
              [--stdout FILE] -- COMMAND...

--deny lets the named io_uring system calls fail, by a seccomp filter written
by hand. --tmpfs mounts in a mount namespace of the command's own.
"""
import argparse
import ctypes
import errno
import os
import platform
import resource
import struct

SYSCALLS = {'setup': 425, 'enter': 426, 'register': 427}
ARCHES = {'x86_64': 0xC000003E, 'aarch64': 0xC00000B7}

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
SECCOMP_MODE_FILTER = 2
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE = 0x4000, 0x40000

libc = ctypes.CDLL(None, use_errno=True)


class Program(ctypes.Structure):
    _fields_ = [('length', ctypes.c_ushort), ('filter', ctypes.c_char_p)]


def check(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def statement(code, value, true=0, false=0):
    return struct.pack('=HBBI', code, true, false, value)


def deny(error, numbers):
    """struct seccomp_data: nr at 0, arch at 4."""
    code = [
        statement(LOAD, 4),
        statement(JUMP_EQUAL, ARCHES[platform.machine()], 1, 0),
        statement(RETURN, ALLOW),
        statement(LOAD, 0),
    ]
    for number in numbers:
        code.append(statement(JUMP_EQUAL, number, 0, 1))
        code.append(statement(RETURN, ERRNO | error))
    code.append(statement(RETURN, ALLOW))
    program = Program(len(code), b''.join(code))
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    check(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
                     ctypes.byref(program), 0, 0))


def mount_tmpfs(mounts):
    check(libc.unshare(CLONE_NEWNS))
    check(libc.mount(b'none', b'/', None, MS_REC | MS_PRIVATE, None))
    for mount in mounts:
        directory, size = mount.rsplit(':', 1)
        check(libc.mount(b'tmpfs', directory.encode(), b'tmpfs', 0,
                         ('size=' + size).encode()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--deny', action='append', default=[])
    parser.add_argument('--tmpfs', action='append', default=[])
    parser.add_argument('--memlock', type=int)
    parser.add_argument('--fsize', type=int)
    parser.add_argument('--nobody', action='store_true')
    parser.add_argument('--stdout')
    parser.add_argument('command', nargs='+')
    options = parser.parse_args()

    if options.tmpfs:
        mount_tmpfs(options.tmpfs)
    if options.stdout:
        os.dup2(os.open(options.stdout, os.O_WRONLY | os.O_CREAT, 0o600), 1)
    for limit, value in ((resource.RLIMIT_MEMLOCK, options.memlock),
                         (resource.RLIMIT_FSIZE, options.fsize)):
        if value is not None:
            resource.setrlimit(limit, (value, value))
    if options.nobody:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    for rule in options.deny:
        error, names = rule.split(':')
        deny(getattr(errno, error),
             [SYSCALLS[name] for name in names.split(',')])
    os.execv(options.command[0], options.command)


if __name__ == '__main__':
    main()
