import { writeFileSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { Socket } from 'node:net'
import { inspect } from 'node:util'
import { firstUnreachableFolder } from '#base/run-as.ts'
import { frameReader, frameKinds, jsonFrame } from './frames.ts'
import { Instances } from './instances.ts'
import { KeptTables } from './kept-tables.ts'
import { type ChildSettings, pipes, readyNumber } from './protocol.ts'
import { frameServer } from './serve-frames.ts'
import { TextThread } from './text-thread.ts'

// Entry of an engine child. It lives as long as the server: the end of the request pipe is its end, however that came.

const settings = JSON.parse(process.argv[2]!) as ChildSettings

// A terminal's Ctrl-C reaches the whole group, but the server decides when to stop.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
volunteerForOom()
// DuckDB's threads may be at work, so no orderly exit: nothing that lies in memory matters any more.
const end = (): void => void process.kill(process.pid, 'SIGKILL')
const texts = new TextThread((error) => {
  process.stderr.write(`${inspect(error)}\n`)
  end()
})
process.umask(0o022)
await becomeUnprivileged()

const requests = new Socket({ fd: pipes.requests, readable: true, writable: false })
const answers = new Socket({ fd: pipes.answers, readable: false, writable: true })
const send = (parts: readonly Uint8Array[], onSent?: () => void): void => {
  answers.cork()
  for (const part of parts.slice(0, -1)) answers.write(part)
  answers.write(parts.at(-1)!, onSent)
  answers.uncork()
}

const instances = new Instances(settings)
const kept = new KeptTables(instances, settings.keptBytes)
requests.on('data', frameReader(frameServer({ instances, kept, texts }, send)))
requests.on('close', end)
requests.on('error', end)
answers.on('error', end)
send(jsonFrame(readyNumber, frameKinds.answer, null))

/** Where the code can't be read afterwards, what would be loaded when it is needed is loaded before. */
async function becomeUnprivileged(): Promise<void> {
  const { runAs } = settings
  if (!runAs) return flushCompileCache()
  if (firstUnreachableFolder(import.meta.filename, runAs)) await texts.load()
  flushCompileCache() // While its folder may be written to.
  process.setgroups?.([])
  process.setgid?.(runAs.gid)
  process.setuid?.(runAs.uid)
}

/** When memory runs out, Linux should end this process rather than the server or its database. */
function volunteerForOom(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '500')
  } catch {
    // Not Linux, or not allowed: then the system chooses.
  }
}
