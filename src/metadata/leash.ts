import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Ids } from '#base/run-as.ts'

/**
 * Standard input, a pipe whose only other end is in this process, is the leash: at its end (we closed it, or we
 * died, even by SIGKILL) the program is told to stop, each second again because a signal that comes before the
 * program is ready for it is lost, after 30 s harder, after 40 s for good. When the program ends by itself the
 * shell ends too, with its code, and removes the folder it was told to.
 */
const script = `exec 3<&0 </dev/null
[ -n "$SLUICE_PROCESS_KB" ] && ulimit -v "$SLUICE_PROCESS_KB"
"$0" "$@" 3<&- & program=$!
( read line <&3
  seconds=0
  while kill -0 $program 2>/dev/null; do
    if [ $seconds -lt 30 ]; then kill -INT $program
    elif [ $seconds -lt 40 ]; then kill -QUIT $program
    else kill -KILL $program; fi
    sleep 1; seconds=$((seconds + 1))
  done
) >/dev/null 2>&1 & watcher=$!
exec 3<&-
wait $program; code=$?
kill -KILL $watcher
[ -n "$SLUICE_REMOVE_FOLDER" ] && rm -rf "$SLUICE_REMOVE_FOLDER"
exit $code`

const lastLinesMax = 30

export interface LeashOptions {
  readonly program: string
  readonly args: readonly string[]
  readonly folder: string
  readonly ids: Ids | undefined
  readonly onLine: (line: string) => void
  readonly removeFolder?: string | undefined
  /** Address space of each of its processes. */
  readonly processBytesMax?: number | undefined
}

/** A program that ends with us. */
export interface Leashed {
  /** Exit code of the program; above 128 for a signal. */
  readonly exited: Promise<number>
  /** What it last said. */
  lastLines(): readonly string[]
  /** Asks it to stop; `exited` tells when it has. */
  stop(): void
}

/** Starts a program in a session of its own (a terminal's Ctrl-C is for us alone), tied to our life. */
export function startLeashed(options: LeashOptions): Leashed {
  const child = spawn('/bin/sh', ['-c', script, options.program, ...options.args], {
    ...options.ids,
    cwd: options.folder,
    detached: true,
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: options.folder,
      LC_ALL: 'C',
      TZ: 'UTC',
      ...(options.removeFolder === undefined ? {} : { SLUICE_REMOVE_FOLDER: options.removeFolder }),
      ...(options.processBytesMax === undefined
        ? {}
        : { SLUICE_PROCESS_KB: String(Math.floor(options.processBytesMax / 1024)) }),
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.on('error', () => {}) // The program ended first: `exited` tells.
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      if (lines.length > lastLinesMax) lines.shift()
      options.onLine(line)
    })
  }
  return { exited: exitOf(child), lastLines: () => lines, stop: () => void child.stdin.end() }
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 128))
  })
}
