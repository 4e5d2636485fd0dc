# SPDX-License-Identifier: MIT
"""Who can notice a mutant: programs that are built with it and must fail.

The cheap ones come first. Each is built from the tests as they are, with the
mutant's copy of libbbq before everything else.
"""
import shlex
import subprocess
from dataclasses import dataclass, field

BUILD = ['gcc', '-std=gnu11', '-w', '-D_GNU_SOURCE', '-D_FILE_OFFSET_BITS=64',
         '-g0']
# A mutant may loop for ever. None of these takes nearly as long otherwise.
PATIENCE = 60


@dataclass
class Killer:
    name: str
    sources: list        # in the source tree
    flags: list = field(default_factory=list)
    library: bool = False  # with the .c files of the mutant's libbbq
    args: list = field(default_factory=list)
    programs: dict = field(default_factory=dict)  # -D name: its sources
    libraries: tuple = ('-lcriterion', '-luring', '-pthread')
    patience: int = PATIENCE

    SURVIVED, KILLED, STILLBORN = range(3)

    def build(self, root, directory, sources, output, flags=()):
        command = BUILD + list(flags)
        command += ['-I%s' % (directory / 'libbbq/include')]
        command += [str(root / source) for source in sources]
        if self.library:
            command += sorted(map(str, (directory / 'libbbq').glob('*.c')))
        command += ['-o', str(output), *self.libraries]
        return subprocess.run(command, stdin=subprocess.DEVNULL,
                              capture_output=True, check=False).returncode == 0

    def run(self, root, directory):
        flags = list(self.flags)
        for name, sources in self.programs.items():
            helper = directory / name.lower()
            if not helper.exists() and not self.build(root, directory,
                                                      sources, helper):
                return Killer.STILLBORN
            flags.append('-D%s="%s"' % (name, helper))
        output = directory / self.name
        if not self.build(root, directory, self.sources, output, flags):
            return Killer.STILLBORN
        try:
            process = subprocess.run(
                [str(output), *self.args], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                timeout=self.patience, check=False, cwd=directory)
        except subprocess.TimeoutExpired:
            return Killer.KILLED
        return Killer.KILLED if process.returncode else Killer.SURVIVED


@dataclass
class Explorer(Killer):
    """The explorer, over the mutant's headers or its waiting code."""

    def build(self, root, directory, sources, output, flags=()):
        command = [str(root / 'proof/explorer/build.sh'), self.sources[0],
                   str(directory / 'libbbq'), str(output)]
        return subprocess.run(command, stdin=subprocess.DEVNULL,
                              capture_output=True, check=False).returncode == 0


def core(name, bits=64, args=(), flags=()):
    return Killer('%s-%d%s' % (name, bits, '-sanitized' if flags else ''),
                  ['tests/core/%s.c' % name],
                  ['-DBBQ_WORD_BITS=%d' % bits, *flags], args=list(args))


SANITIZE = shlex.split('-O1 -fsanitize=address,undefined '
                       '-fno-sanitize-recover=all')

# Single-steps a process and looks at the segment after each instruction.
STEPS = Killer('linux-instructions', ['tests/linux/instructions.c'], ['-O2'],
               library=True, args=['10'], patience=300)

CORE = [
    *[core(name) for name in ('verbs', 'errors', 'frames', 'laps',
                              'framebounds', 'framebatch', 'regressions',
                              'hostile', 'reachable')],
    core('model', args=['2064', '3000000'], flags=['-O2']),
    *[core(name, 32) for name in ('hostile', 'reachable', 'laps')],
    *[core(name, flags=SANITIZE) for name in ('hostile', 'reachable')],
    STEPS,
    # The accessors themselves, which the explorer replaces by its own.
    core('threads', args=['20000'], flags=['-O1', '-fsanitize=thread']),
    # Where a frame header can say more than a size_t can hold.
    *[Killer('model-%d-pointer32' % bits, ['tests/core/model.c'],
             ['-DBBQ_WORD_BITS=%d' % bits, '-O2', '-m32'],
             args=['32%d' % bits, '3000000'], libraries=())
      for bits in (64, 32)],
    Killer('header-pointer32', ['tests/core/header.c'], ['-O2', '-m32'],
           libraries=()),
    Explorer('explorer-queue', ['queue'], patience=600),
]

WRAP = ['-Wl,--wrap=syscall', '-Wl,--wrap=fcntl64',
        '-Wl,--wrap=clock_gettime']
PROGRAMS = {
    'PEER': ['tests/linux/peer.c'],
    'FLICKER': ['tests/linux/flicker.c'],
}


def linux(name, flags=()):
    return Killer('linux-' + name, ['tests/linux/%s.c' % name], list(flags),
                  library=True, programs=PROGRAMS, patience=180)


LINUX = [
    linux('wakeups', WRAP),
    linux('sleeping', WRAP[::2]),
    *[linux(name) for name in ('waiting', 'roles', 'counters', 'deaths',
                               'polling', 'retire')],
    Explorer('explorer-wait', ['wait'], patience=600),
]

KILLERS = {
    'include/bbq/core.h': CORE,
    'include/bbq/frame.h': CORE,
    'include/bbq/bbq.h': LINUX,
    'wait.c': LINUX,
    'verbs.c': LINUX,
}
